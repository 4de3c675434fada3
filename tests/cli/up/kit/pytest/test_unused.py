import sys


def test_hardly_anything_is_imported():
    assert "azurite_up.pytest_plugin" in sys.modules
    assert not {"azurite_up.testing", "azurite_up.__main__", "multiprocessing.connection"} & set(sys.modules)
