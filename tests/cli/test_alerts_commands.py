"""greygate alerts: what is amiss, and whether anybody would be told."""

import json
from collections.abc import Iterator

import pytest

from gateway import clock
from gateway.store import alerts
from gateway.store.alerts import Seen
from tests.cli.conftest import Office
from tests.sink import Sink

BO = "bo@example.com"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def test_a_test_comes_to_everybody_or_says_to_whom_not(office: Office, sink: Sink) -> None:
    office.configure(alerts={"to": [BO]}, backend={"url": sink.url})
    said = office.run("alerts", "test")
    assert (said.status, said.out) == (0, f"told: {BO}\n")
    assert "This is a test: nothing is amiss" in sink.subjects()[0]
    secret = office.folder / "hook.secret"
    secret.write_text("whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
    office.configure(
        alerts={"to": [BO], "hook": "http://127.0.0.1:9/x", "hook_secret": str(secret)}, backend={"url": sink.url}
    )
    said = office.run("alerts", "test")
    assert said.status == 1
    assert "NOT told: 127.0.0.1:9" in said.out


def test_where_nobody_is_told_it_says_so(office: Office) -> None:
    said = office.run("alerts", "test")
    assert said.status == 1
    assert "[alerts] to and hook are empty" in said.all


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"hook": "https://x.example/"}, "a hook and its secret go together"),
        ({"hook": "http://x.example/"}, "is not encrypted"),
        ({"to": ["olga@elsewhere.example"]}, "is at no domain of ours"),
        ({"to": ["olga"]}, "is not an address"),
    ],
)
def test_settings_that_would_tell_nobody_are_refused(office: Office, table: dict[str, object], words: str) -> None:
    office.configure(alerts=table)
    said = office.run("alerts", "list")
    assert said.status != 0
    assert words in said.all


def test_a_file_without_a_secret_is_found_by_check(office: Office) -> None:
    secret = office.folder / "hook.secret"
    office.configure(alerts={"hook": "https://x.example/", "hook_secret": str(secret)})
    for text, words in (("secret\n", "does not begin with whsec_"), ("whsec_YWJj\n", "not 24 to 64 bytes")):
        secret.write_text(text)
        assert words in office.run("check").all


def test_what_is_amiss_is_listed(office: Office) -> None:
    assert "Nothing is amiss" in office.run("alerts", "list").out
    with office.begin() as conn:
        alerts.note(conn, [Seen("disk", "", "node1", "The disk is nearly full.", True)], clock.now())
    assert "The disk is nearly full." in office.run("alerts", "list").out
    (one,) = json.loads(office.run("alerts", "list", "--json").out)
    assert (one["kind"], one["node"], one["grave"], one["told_at"]) == ("disk", "node1", True, None)
