"""Real mail servers behind and before the gate. Each runs privately; without it installed its tests are skipped."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import need
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, running
from tests.peers import dovecot as dovecot_module
from tests.peers import postfix as postfix_module
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix

# One gate serves most tests of a file: everybody is let in but those named here.
OPEN = {
    "domains": {"local": ["example.com", "example.org"]},
    "protection": {
        "level": "off",
        "overrides": {
            "bo.waits@example.com": "greylist",
            "cy.waits@example.com": "greylist",
            "before@example.com": "review-before",
        },
    },
    "backend": {"parallel": 1},
}


def need_postfix() -> None:
    need(postfix_module.is_installed(), "Postfix (apt-get install postfix, and run as root)")


def need_dovecot() -> None:
    need(dovecot_module.is_installed(), "Dovecot (apt-get install dovecot-lmtpd, and run as root)")


@pytest.fixture(scope="session")
def postfix_server() -> Iterator[Postfix]:
    need_postfix()
    server = Postfix()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def postfix(postfix_server: Postfix) -> Postfix:
    """A Postfix with empty mailboxes."""
    postfix_server.empty()
    return postfix_server


@pytest.fixture
def make_postfix() -> Iterator[Callable[..., Postfix]]:
    """Start a Postfix of one's own, with `settings` laid over the usual ones."""
    need_postfix()
    made: list[Postfix] = []

    def make(**settings: str) -> Postfix:
        made.append(Postfix(settings))
        return made[-1].start()

    yield make
    for server in made:
        server.remove()


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    need_dovecot()
    server = Dovecot()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def dovecot(dovecot_server: Dovecot) -> Dovecot:
    """A Dovecot with empty mailboxes."""
    dovecot_server.empty()
    return dovecot_server


@pytest.fixture(scope="module")
def gate_to_postfix(postfix_server: Postfix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate before Postfix; example.org is a route of its own to the same."""
    routes = [{"domains": ["example.org"], "url": postfix_server.url}]
    with running(Gate(tmp_path_factory.mktemp("gate"), postfix_server.url, OPEN, routes)) as gate:
        yield gate
    assert "Traceback" not in gate.log, gate.log


@pytest.fixture(scope="module")
def gate_to_dovecot(dovecot_server: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate before Dovecot, over its unix socket."""
    with running(Gate(tmp_path_factory.mktemp("gate"), dovecot_server.socket_url, OPEN)) as gate:
        yield gate
    assert "Traceback" not in gate.log, gate.log


def held(gate: Gate, count: int = 1, within: float = 60.0) -> list[str]:
    """The ids of the mails that wait for a person."""
    deadline = time.monotonic() + within
    while len(rows := [row for row in gate.queue() if row["state"] in ("held", "sender_held")]) < count:
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)
    assert len(rows) == count, rows
    return [str(row["message"]) for row in rows]


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()
