import os
import pathlib
import time

import pytest


@pytest.mark.parametrize("number", range(8))
def test_in_some_worker(azurite, azurite_container, number):
    time.sleep(0.2)
    with pathlib.Path(os.environ["SEEN"]).open("a") as seen:
        seen.write(f"{os.environ['PYTEST_XDIST_WORKER']} {azurite.blob}\n")
