from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.attacks.organisation import Organisation
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, merged, rest, until
from tests.sink import Sink
from tests.talk import Answer, deliver

BO = "bo@example.com"


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


@dataclass
class Town:
    """A gate that asks a name server of ours, with organisations around it."""

    gate: Gate
    dns: DnsServer
    sink: Sink

    def organisation(self, domain: str, *hosts: str, dmarc: str | None = None) -> Organisation:
        return Organisation(domain, self.dns, list(hosts), dmarc)

    def send(self, sender: str, mail: bytes, source: str = "127.0.0.1", to: str = BO) -> Answer:
        return deliver(self.gate.port, sender, [to], mail, source)

    def why(self, answer: Answer) -> str:
        assert answer.id, answer
        return str(self.gate.why(answer.id)[-1]["code"])

    def becomes_known(self, sender: str, mail: bytes, source: str) -> None:
        """Somebody of ours releases its first mail and trusts it from now on."""
        first = self.send(sender, mail, source)
        assert first.code == 451, first
        until(lambda: self.gate.queue())
        self.gate.cli("queue", "release", self.gate.queue()[0]["message"])
        self.sink.wait_for(1)
        self.sink.mails.clear()
        rest(1.2)  # until every worker has heard of it


@pytest.fixture
def town(start: Callable[..., Gate], sink: Sink, dns_server: DnsServer) -> Callable[..., Town]:
    def run(settings: dict[str, dict[str, Any]] | None = None) -> Town:
        dns = {"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}}
        return Town(start(merged(dns, settings or {})), dns_server, sink)

    return run
