import time


def test_that_takes_its_time(azurite):
    time.sleep(600)
