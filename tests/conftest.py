"""Fixtures: real parts, started privately and stopped afterwards; what is not installed is skipped, never in CI."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests import mariadb
from tests.gate import Gate
from tests.sink import Sink

# The same examples at every run in CI: a new counter-example is for the one who looks for it, not for the next commit.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def need(installed: bool, what: str) -> None:
    """Skip, or fail in CI, where everything is installed."""
    if installed:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and in CI nothing may be skipped")
    pytest.skip(f"NOT TESTED: {what} is not installed")


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command sets up for its process is over with its test: a process of the tests sees many."""
    real = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **said: real(**{**said, "cache_logger_on_first_use": False}))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.MariaDB]:
    need(mariadb.is_installed(), "MariaDB (apt-get install mariadb-server)")
    server = mariadb.MariaDB.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind, as [database] url writes it."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/gate.db"
    return str(request.getfixturevalue("mariadb_server").fresh())


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def start(tmp_path: Path, sink: Sink) -> Iterator[Callable[..., Gate]]:
    """Start a gate before the sink (or another backend); its processes end with the test, and it must end well."""
    gates: list[Gate] = []

    def run(settings: dict[str, dict[str, Any]] | None = None, backend: str | None = None, **more: Any) -> Gate:
        folder = tmp_path / f"gate{len(gates)}"
        folder.mkdir()
        gate = Gate(folder, backend or sink.url, settings or {}, **more)
        gates.append(gate)
        return gate.start()

    yield run
    for gate in gates:
        gate.stop()
        assert "Traceback" not in gate.log, gate.log
