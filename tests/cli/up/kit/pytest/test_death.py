import os
import signal
import time


def test_it_is_killed_and_the_test_does_not_notice(azurite, azurite_container):
    os.kill(azurite.document["pid"], signal.SIGTERM)
    while azurite.death() is None:
        time.sleep(0.1)


def test_the_next_one_is_told(azurite):
    raise AssertionError("it does not come to this")


def test_one_without_it_goes_on():
    pass
