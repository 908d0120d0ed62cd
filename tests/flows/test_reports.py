"""Reports to a domain that asks for them: mail over the wire, and what two nodes make of it, once."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway import clock, compose
from gateway.settings import read
from tests.attacks.organisation import Organisation
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, rest, running, until
from tests.sink import Sink
from tests.talk import Answer, deliver, message

BO, CY = "bo@example.com", "cy@example.com"
HERE, ELSEWHERE = "127.0.5.1", "127.0.6.1"
ASKS = "elsewhere.example"


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


@pytest.fixture
def smarthost() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def nodes(tmp_path: Path, sink: Sink, smarthost: Sink, dns: DnsServer) -> Iterator[list[Gate]]:
    """Two gates on one database."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    settings: dict[str, dict[str, Any]] = {
        "database": {"url": f"sqlite://{tmp_path}/gate.db"},
        "dns": {"servers": [f"127.0.0.1:{dns.port}"]},
        "content": {"enabled": False},
        "submission": {"smarthost": smarthost.url},
        "reports": {"dmarc": True, "sender": "dmarc-reports@example.com", "organisation": "Example Ltd"},
    }
    with ExitStack() as stack:
        yield [stack.enter_context(running(Gate(tmp_path / name, sink.url, settings))) for name in ("a", "b")]


def brought(gate: Gate, mail: bytes, source: str, to: list[str]) -> Answer:
    """A mail that is sent until it is taken, as mail servers do."""
    answers: list[Answer] = []

    def is_taken() -> bool:
        answers.append(deliver(gate.port, f"ann@{ASKS}", to, mail, source))
        return answers[-1].code == 250

    until(is_taken)
    assert answers[0].code == 451, "a stranger waits: the first attempts decide nothing"
    return answers[-1]


def report_in(data: bytes) -> ET.Element:
    mail = message_from_bytes(data, policy=policy.default)
    (attached,) = mail.iter_attachments()  # type: ignore[attr-defined]
    return ET.fromstring(gzip.decompress(attached.get_content()))


def test_a_domain_that_asks_is_told_once_what_was_seen(
    nodes: list[Gate], sink: Sink, smarthost: Sink, dns: DnsServer
) -> None:
    places = f"mailto:dmarc@{ASKS}!10m, mailto:victim@victim.example"
    asks = Organisation(ASKS, dns, [HERE], f"quarantine; rua={places}")
    silent = Organisation("silent.example", dns, [HERE], "reject")
    gate = nodes[0]
    brought(gate, asks.mail("Really from Ann", to=BO), HERE, [BO, CY])
    brought(gate, message("In the name of Ann", sender=f"ann@{ASKS}"), ELSEWHERE, [BO])
    until(lambda: deliver(gate.port, "ann@silent.example", [BO], silent.mail("Quiet"), HERE).code == 250)
    job = compose.reports(read(gate.config))
    assert job is not None
    job.spread = timedelta(0)
    now = clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    until(lambda: sum(one.mails for one in job.seen(today, ()).values()) == 2)
    assert smarthost.mails == [], "a day is told when it is over"
    job.keep(today, (), now)  # as if it were
    smarthost.wait_for(1)
    listed = "reports", "list", "--json"
    until(lambda: '"state": "sent"' in gate.cli(*listed))
    rest(11)  # both have looked again by then
    (mail,) = smarthost.mails
    assert mail.rcpts == [f"dmarc@{ASKS}"], "a stranger that is named gets nothing"
    assert "<dmarc-reports@example.com>" in mail.sender
    root = report_in(mail.content)
    assert root.findtext("policy_published/domain") == ASKS
    assert root.findtext("policy_published/p") == "quarantine"
    told = {
        one.findtext("row/source_ip"): (
            one.findtext("row/count"),
            one.findtext("row/policy_evaluated/disposition"),
            one.findtext("row/policy_evaluated/dkim"),
            one.findtext("row/policy_evaluated/spf"),
            one.findtext("auth_results/spf/result"),
            one.findtext("auth_results/dkim/selector"),
        )
        for one in root.findall("record")
    }
    assert told == {
        HERE: ("1", "none", "pass", "pass", "pass", "s1"),
        ELSEWHERE: ("1", "quarantine", "fail", "fail", "fail", None),
    }
    assert ASKS in gate.cli("reports", "list")
    assert f"<domain>{ASKS}</domain>" in gate.cli("reports", "show", ASKS, "--day", "today")
    for one in nodes:
        assert "Traceback" not in one.log
