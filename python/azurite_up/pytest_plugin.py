"""pytest fixtures: `azurite` for the whole run, `azurite_container` for each test.

    def test_upload(azurite_container):
        container = ContainerClient.from_container_url(azurite_container.url, DefaultAzureCredential())

Nothing is started, and hardly anything imported, before a test asks for one of them. With
pytest-xdist all workers share one Azurite: the controller starts it when the first worker asks,
since a worker may end before the others.
"""

import pytest

#: What this process knows about its Azurite.
_KEY = pytest.StashKey()
_BROKER = pytest.StashKey()
_LOGS = pytest.StashKey()


def pytest_addoption(parser):
    group = parser.getgroup("azurite", "Azurite over HTTPS, by azup")
    group.addoption("--azurite-debug", action="store_true", help="show Azurite's log at the end")
    group.addoption(
        "--azurite-per-worker", action="store_true", help="with pytest-xdist: an Azurite for each worker"
    )


@pytest.fixture(scope="session")
def azurite(request):
    """An Azurite for this run; the variables of `azup env` are set until it ends."""
    from . import testing

    config = request.config
    broker = getattr(config, "workerinput", {}).get("azurite_broker")
    try:
        azurite = _Shared(*broker) if broker else testing.launch()
    except testing.AzuriteError as error:
        pytest.fail(str(error), pytrace=False)
    config.stash[_KEY] = azurite
    with azurite.variables():
        yield azurite
    if not broker:
        _keep_log(config, azurite)
        azurite.stop()
    del config.stash[_KEY]


@pytest.fixture
def azurite_container(azurite):
    """A container with a name of its own, deleted after the test."""
    with azurite.container() as container:
        yield container


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    why = _death(item)
    if why:
        pytest.fail(why, pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    why = _death(item) if call.when == "call" else None
    if why:
        report = outcome.get_result()
        report.longrepr = "\n\n".join(filter(None, [report.longreprtext, why]))
        report.outcome = "failed"


def _death(item):
    """Why the Azurite of a test has ended; None while it runs, or if the test uses none."""
    azurite = item.config.stash.get(_KEY, None)
    if azurite is None or "azurite" not in getattr(item, "fixturenames", ()):
        return None
    return azurite.death()


# --- its log -------------------------------------------------------------------------------------


def _keep_log(config, azurite):
    if not config.option.azurite_debug:
        return
    output = getattr(config, "workeroutput", None)
    if output is None:
        config.stash.setdefault(_LOGS, []).append(azurite.log())
    else:
        output["azurite_log"] = azurite.log()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    log = getattr(node, "workeroutput", {}).get("azurite_log")
    if log is not None:
        node.config.stash.setdefault(_LOGS, []).append(log)


def pytest_terminal_summary(terminalreporter, config):
    for log in config.stash.get(_LOGS, []):
        terminalreporter.section("Azurite's log")
        terminalreporter.write_line(log.rstrip())


# --- one for all workers of pytest-xdist -----------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    config = node.config
    if config.option.azurite_per_worker:
        return
    if _BROKER not in config.stash:
        config.stash[_BROKER] = _Broker()
    node.workerinput["azurite_broker"] = config.stash[_BROKER].address()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    broker = session.config.stash.get(_BROKER, None)
    if broker is not None and broker.azurite is not None:
        _keep_log(session.config, broker.azurite)


def pytest_unconfigure(config):
    broker = config.stash.get(_BROKER, None)
    if broker is not None:
        broker.stop()


class _Broker:
    """Starts an Azurite for the first worker that asks, and tells every worker about it."""

    def __init__(self):
        import secrets
        import threading
        from multiprocessing.connection import Listener

        self.azurite = None
        self._error = None
        self._key = secrets.token_bytes(32)
        self._listener = Listener(("127.0.0.1", 0), backlog=128, authkey=self._key)
        threading.Thread(target=self._serve, name="azurite", daemon=True).start()

    def address(self):
        host, port = self._listener.address
        return (host, port, self._key.hex())

    def stop(self):
        self._listener.close()
        if self.azurite is not None:
            self.azurite.stop()

    def _serve(self):
        from multiprocessing import AuthenticationError

        while True:
            try:
                with self._listener.accept() as connection:
                    connection.recv()
                    connection.send(self._answer())
            except (EOFError, ConnectionError, AuthenticationError):
                continue
            except OSError:
                return

    def _answer(self):
        from . import testing

        if self.azurite is None and self._error is None:
            try:
                self.azurite = testing.launch()
            except testing.AzuriteError as error:
                self._error = str(error)
        if self._error is not None:
            return {"error": self._error}
        return {"document": self.azurite.document, "death": self.azurite.death()}


def _Shared(host, port, key):
    """The Azurite that the controller has started, in a worker."""
    from multiprocessing.connection import Client

    from . import testing

    def ask():
        with Client((host, port), authkey=bytes.fromhex(key)) as connection:
            connection.send(None)
            return connection.recv()

    class Shared(testing.Azurite):
        def death(self):
            return ask()["death"]

    answer = ask()
    if "error" in answer:
        raise testing.AzuriteError(answer["error"])
    return Shared(answer["document"])
