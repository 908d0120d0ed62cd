"""A one-time code: its reader says that it is coming, and it comes at once; nobody else gets in with it."""

from collections.abc import Callable, Iterator

import pytest

from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

SHOP, BANK, BO, CY = "code@shop.example", "code@bank.example", "bo@example.com", "cy@example.com"
FOLLOWED = 2.5  # seconds, within which every worker has seen what people changed


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    made = DnsServer()
    for domain in ("shop.example", "bank.example"):
        made.zone[(domain, "TXT")] = ['"v=spf1 ip4:127.0.0.0/16 -all"']
    made.zone[("anywhere.example", "TXT")] = ['"v=spf1 +all"']
    yield made
    made.close()


def gate_with(start: Callable[..., Gate], dns_server: DnsServer, **sections: dict[str, object]) -> Gate:
    waits = {"wait": "1h", "window": "1d"}
    return start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}, "greylist": waits, **sections})


def test_expected_mail_of_anybody_comes_at_once_and_earns_nothing(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate = gate_with(start, dns_server)
    assert deliver(gate.port, SHOP, [BO], message("Too early")).code == 451
    said = gate.cli("expect", "open", BO)
    assert "bo@example.com expects mail of anybody who proves who it is" in said
    rest(FOLLOWED)
    code = deliver(gate.port, SHOP, [BO], message("Your code", body="It is 123456.\r\n"))
    assert code.code == 250
    assert gate.why(code.id)[0]["code"] == "expected.mail"
    assert deliver(gate.port, "al@anywhere.example", [BO], message("Everybody passes")).code == 451
    assert deliver(gate.port, "al@nowhere.example", [BO], message("Nobody passes")).code == 451
    assert deliver(gate.port, SHOP, [CY], message("Not for her", body="It is 654321.\r\n")).code == 451
    assert "Ended: 1." in gate.cli("expect", "close", BO)
    rest(FOLLOWED)
    assert deliver(gate.port, SHOP, [BO], message("News", body="Buy!\r\n")).code == 451, "it is a stranger again"
    assert sink.subjects() == ["Your code"]


def test_a_named_domain_lets_in_its_own_mail_and_no_rider(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate = gate_with(start, dns_server, protection={"level": "known-only"})
    gate.cli("expect", "open", BO, "--from", "shop.example", "--minutes", "60")
    rest(FOLLOWED)
    assert deliver(gate.port, BANK, [BO], message("Another domain", sender=BANK)).code == 250
    assert deliver(gate.port, SHOP, [BO], message("Another author", sender=BANK)).code == 250
    assert deliver(gate.port, SHOP, [BO], message("Your code", sender=SHOP)).code == 250
    until(lambda: sink.subjects() == ["Your code"])
    held = {row["subject"]: row["state"] for row in gate.queue()}
    assert held == {"Another domain": "held", "Another author": "held"}


def test_what_came_just_before_is_offered_and_released_on_request(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate = gate_with(start, dns_server)
    assert deliver(gate.port, SHOP, [BO], message("Your code", sender=SHOP)).code == 451
    assert deliver(gate.port, "al@anywhere.example", [BO], message("Everybody passes")).code == 451
    until(lambda: len(gate.queue()) == 2)
    said = gate.cli("expect", "open", BO)
    (line,) = (line.strip() for line in said.splitlines() if "queue release" in line)
    assert "Your code" in said
    assert "Everybody passes" not in said
    assert line.startswith("greygate queue release ")
    assert line.endswith(" bo@example.com --once")
    assert "released, on its way" in gate.cli("expect", "open", BO, "--from", "shop.example", "--release")
    until(lambda: sink.subjects() == ["Your code"])
    assert "shop.example" not in gate.cli("known", "list")


def test_where_it_is_switched_off_nobody_expects_anything(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate = gate_with(start, dns_server, expecting={"enabled": False})
    assert "switched off" in gate.cli("expect", "open", BO, check=False)
    assert "Nothing is expected." in gate.cli("expect", "list")
