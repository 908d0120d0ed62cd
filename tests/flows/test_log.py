"""The canonical line: one a decision, with the keys of its page, as text and as JSON."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.gate import Gate, until
from tests.house.source import ROOT
from tests.sink import Sink
from tests.talk import Talk, deliver, message

BO, CY = "bo@example.com", "cy@example.com"
PAGE = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
HOSTILE = "x=1'action@elsewhere.example"  # what the grammar of addresses lets through


def documented() -> set[str]:
    """The keys of a decision by the two tables of the page, but for those that only observing or a draft brings."""
    every, decision = (re.split(rf"^\| key \| {title}", PAGE, flags=re.MULTILINE)[1] for title in
                       ("in every line", "of `decision`"))  # fmt: skip
    keys = [re.findall(r"^\| `(\w+)` \|", table.split("\n\n")[0], re.MULTILINE) for table in (every, decision)]
    return {*keys[0], *keys[1]} - {"would", "shadow"}


def as_text(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(line))


@pytest.mark.parametrize(("form", "read"), [("text", as_text), ("json", json.loads)])
def test_each_decision_is_one_line_with_its_keys(
    start: Callable[..., Gate], sink: Sink, form: str, read: Callable[[str], dict[str, Any]]
) -> None:
    gate = start({"log": {"format": form}})
    with Talk(gate.port) as talk:
        talk.envelope(HOSTILE, [BO, CY, "out@elsewhere.example"])
        talk.data(message())
    refused = deliver(gate.port, "", ["out@elsewhere.example"], message())
    until(lambda: len([line for line in gate.log.splitlines() if "decision" in line and "stage" in line]) >= 4)
    lines = [read(line) for line in gate.log.splitlines() if "decision" in line and "stage" in line]
    told = sorted((line["stage"], line["action"], line["reason"], line["recipient"]) for line in lines)
    assert told == [
        ("data", "defer", "greylist.new", BO),
        ("data", "defer", "greylist.new", CY),
        ("rcpt", "reject", "relay.denied", "out@elsewhere.example"),
        ("rcpt", "reject", "relay.denied", "out@elsewhere.example"),
    ]
    assert all(set(line) == documented() for line in lines)
    assert {line["sender"] for line in lines} == {HOSTILE, ""}
    assert lines[-1]["id"] == refused.id
    assert lines[-1]["reply"] == str(refused)
