"""greygate reports: what would leave, what was made, and that a try leaves nothing behind."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from gateway import clock
from gateway.store import decisions
from tests.cli.conftest import Office
from tests.evidence.dnsserver import DnsServer
from tests.reports.making import DOMAIN, PASSED, decided, dmarc
from tests.reports.schema import flaws
from tests.sink import Sink
from tests.store.making import DAY, NOW

READER = "mailto:dmarc@reader.example"


@pytest.fixture
def smarthost() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def told(office: Office, smarthost: Sink) -> Iterator[Office]:
    """Reports are on, and yesterday two domains sent mail."""
    server = DnsServer()
    office.configure(
        reports={"dmarc": True, "contact": "https://example.com/mail"},
        submission={"smarthost": smarthost.url},
        dns={"servers": [f"127.0.0.1:{server.port}"], "timeout": "20s"},
    )
    with office.begin() as conn:
        decisions.add(
            conn,
            [
                decided(PASSED),
                decided(PASSED, 2),
                decided(dmarc(domain="other.example", rua=(READER, "https://x.example")), 3),
            ],
        )
    with clock.told_by(lambda: NOW + DAY):
        yield office
    server.close()


def test_without_reports_it_says_so(office: Office) -> None:
    office.configure()
    assert "[reports] dmarc is false" in office.run("reports", "list").out
    for words in (("send", "--dry-run"), ("send",), ("show", DOMAIN)):
        said = office.run("reports", *words)
        assert said.status == 1
        assert "[reports] dmarc is false" in said.all


def test_what_would_leave_is_told_and_nothing_leaves(told: Office, smarthost: Sink) -> None:
    said = told.run("reports", "send", "--dry-run")
    assert said.status == 0
    assert f"{DOMAIN}: 2 mails, " in said.out
    assert f"    to reports@{DOMAIN}\n" in said.out
    assert f"    not to {READER}: reader.example does not want reports about other.example\n" in said.out
    assert "    not to https://x.example: it is no address of mail\n" in said.out
    assert smarthost.mails == []
    assert told.run("reports", "list").out == "There are no reports.\n"
    assert "Nothing would leave" in told.run("reports", "send", "--dry-run", "--day", "2026-01-01").out
    assert told.run("reports", "send", "--dry-run", "--day", "soon").status == 2
    assert "--day goes with --dry-run" in told.run("reports", "send", "--day", "today").all


def test_a_report_is_shown_as_it_would_be_and_as_it_was_made(told: Office) -> None:
    before = told.run("reports", "show", DOMAIN.upper())
    assert before.status == 0
    assert flaws(before.out.encode()) == []
    root = ET.fromstring(before.out.encode())
    assert root.findtext("report_metadata/org_name") == "example.com"
    assert root.findtext("report_metadata/email") == "postmaster@example.com"
    assert root.findtext("report_metadata/extra_contact_info") == "https://example.com/mail"
    assert [one.text for one in root.iter("count")] == ["2"]
    assert told.run("reports", "show", "nobody.example").status == 1
    assert "tried now" in told.run("reports", "send").out
    rows = json.loads(told.run("reports", "list", "--json").out)
    assert {row["domain"]: row["mails"] for row in rows} == {DOMAIN: 2, "other.example": 1}
    shown = told.run("reports", "show", DOMAIN).out
    number = next(row["number"] for row in rows if row["domain"] == DOMAIN)
    assert f"<report_id>{number}@example.com</report_id>" in shown


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"reports": {"dmarc": True}}, "name who sends them on in [submission] smarthost"),
        (
            {
                "reports": {"dmarc": True},
                "submission": {"smarthost": "smtp://relay.example.com:25"},
                "retention": {"events": "1d"},
            },
            "keep that for 2d at least",
        ),
        ({"reports": {"organisation": "Café"}}, "printable ASCII"),
    ],
)
def test_settings_by_which_nothing_could_leave_are_refused(
    office: Office, sections: dict[str, dict[str, object]], words: str
) -> None:
    office.configure(**sections)
    said = office.run("reports", "list")
    assert said.status != 0
    assert words in said.all
