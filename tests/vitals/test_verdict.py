"""What needs somebody: one thing at a time goes wrong in a house where all is well."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.model import DeliveryState, Mode, Switch
from gateway.settings.read import from_table
from gateway.statistics.sudden import Sudden, Way
from gateway.store.changes import Turned
from gateway.store.hooks import Standing
from gateway.store.vitals import Cluster, Queue
from gateway.vitals.counted import Numbers, Process
from gateway.vitals.kept import Kept
from gateway.vitals.letters import Letters
from gateway.vitals.overview import Overview
from gateway.vitals.probes import Backend, NameServer
from gateway.vitals.things import Certificate, Classifier, Disk
from gateway.vitals.verdict import headline, troubles
from sql import schema
from tests.store.making import NOW

GIB = 1024**3
SETTINGS = from_table(
    {
        "domains": {"local": ["example.com"]},
        "backend": {"url": "smtp://127.0.0.1:25"},
        "smtp": {"workers": 2},
        "storage": {"reserve": "1GiB"},
    }
)
NAMES = ("smtpd", "smtpd", "courier", "pupil", "sweep")
WELL = Overview(
    at=NOW,
    hostname="gate.example.com",
    mode=Mode.ENFORCE,
    processes=[Process(name, number, 60.0, 1) for number, name in enumerate(NAMES)],
    ended={},
    numbers=Numbers({}),
    kept=Kept(schema=schema.newest(), most=9),
    backends=[Backend("smtp://127.0.0.1:25", True, 0.1)],
    name_servers=[NameServer("192.0.2.53", True, 0.1)],
    disk=Disk(Path("/var/lib/greygate"), 20 * GIB, 40 * GIB),
    certificate=Certificate(Path("/c.pem"), ("gate.example.com",), NOW + timedelta(days=60)),
    classifier=Classifier(),
)


def without(name: str) -> list[Process]:
    return [one for one in WELL.processes if one.name != name]


def queue(**mails: int) -> Kept:
    return replace(WELL.kept, queue=Queue(mails, dict.fromkeys(mails, timedelta(hours=2))))


def numbers(name: str, **labels: str) -> Numbers:
    return Numbers({(f"greygate_{name}", frozenset(labels.items())): 3.0})


def ending(days: float) -> Certificate:
    return Certificate(Path("/c.pem"), (), NOW + timedelta(days=days))


def test_where_all_is_well_nobody_is_needed() -> None:
    assert troubles(WELL, SETTINGS) == []
    assert headline([]) == "All is well"
    unknown = {"backends": None, "name_servers": None, "certificate": None, "kept": queue(held=9, sender_held=9)}
    assert troubles(replace(WELL, **unknown), SETTINGS) == [], "what is not known yet, or is usual, is no trouble"


WRONG: list[tuple[dict[str, Any], str, bool]] = [
    ({"numbers": None}, "cannot be read here", False),
    ({"processes": without("smtpd")}, "No SMTP worker runs", True),
    ({"processes": WELL.processes[1:]}, "1 of 2 smtpd processes run", True),
    ({"processes": without("courier")}, "No courier process runs: released mail is not delivered", True),
    ({"processes": without("sweep")}, "No sweep process runs", True),
    ({"kept": Kept(trouble="no answer")}, "The database does not answer: no answer", True),
    ({"kept": replace(WELL.kept, schema="0001")}, "not the schema of this version", True),
    ({"kept": replace(WELL.kept, cluster=Cluster(1, "Initialized", False, 0))}, "it is Initialized", True),
    ({"backends": [Backend("lmtp://x:24", False, 3.0)]}, "The mail server at lmtp://x:24 cannot be reached", True),
    ({"name_servers": []}, "No name server is known", True),
    ({"name_servers": [NameServer("192.0.2.53", False, 2.0)]}, "No name server answers: 192.0.2.53", True),
    (
        {"name_servers": [*(WELL.name_servers or []), NameServer("192.0.2.54", False, 2.0)]},
        "A name server does not answer: 192.0.2.54",
        False,
    ),
    ({"disk": None}, "cannot be asked", True),
    ({"disk": Disk(Path("/"), GIB - 1, GIB)}, "nearly full", True),
    ({"certificate": Certificate(Path("/c.pem"))}, "/c.pem cannot be read", True),
    ({"certificate": ending(0)}, "has ended", True),
    ({"certificate": ending(0.5)}, "ends in less than a day", False),
    ({"certificate": ending(1.5)}, "ends in 1 day.", False),
    ({"certificate": ending(13.9)}, "ends in 13 days", False),
    ({"kept": queue(undeliverable=1)}, "1 mail could not be delivered", False),
    ({"kept": queue(undeliverable=10)}, "More than 9 mails could not be delivered", False),
    ({"kept": queue(releasing=1)}, "Released mail has not been delivered for more than an hour", True),
    ({"kept": replace(WELL.kept, letters=Letters(missing=1))}, "The digest of 1 person was not sent", True),
    ({"kept": replace(WELL.kept, letters=Letters(undelivered=3))}, "3 digests have not come", True),
    ({"numbers": numbers("store_notes_lost_total", why="failed")}, "3 notes about mail were not written", False),
    ({"numbers": numbers("stressed")}, "strangers are hurried", False),
    ({"sudden": Sudden(Way.RISE, 6, 214, 12.5)}, "214 mails were held in the last 6 hours; usual for these", False),
    (
        {"sudden": Sudden(Way.FALL, 1, 0, 31.0)},
        "No mails were held in the last hour; usual for these hours are 31",
        False,
    ),
    ({"classifier": Classifier(trouble="it is damaged")}, "cannot be read: it is damaged", False),
]


@pytest.mark.parametrize(("wrong", "words", "is_grave"), WRONG, ids=[words for _, words, _ in WRONG])
def test_what_is_amiss_is_told_with_what_to_do(wrong: dict[str, Any], words: str, is_grave: bool) -> None:
    (told,) = troubles(replace(WELL, **wrong), SETTINGS)
    assert words in told.words
    assert told.is_grave is is_grave
    assert told.do.endswith(".")
    assert headline([told]) == "1 thing needs you"


def test_what_was_frozen_on_purpose_is_no_trouble() -> None:
    frozen = replace(queue(releasing=1), turned={Switch.FREEZE_RELEASES: Turned(NOW, "olga", NOW)})
    assert troubles(replace(WELL, kept=frozen), SETTINGS) == []
    assert DeliveryState.RELEASING in frozen.queue.mails


def test_a_hook_that_is_not_told_is_told_of() -> None:
    place = {"name": "siem", "address": "https://siem.example.com/", "secret_file": "/s"}
    table = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}, "hook": [place]}
    settings = from_table({**table, "smtp": {"workers": 2}, "storage": {"reserve": "1GiB"}})

    def told(fares: Standing, name: str = "siem") -> list[tuple[str, str, bool]]:
        found = troubles(replace(WELL, kept=replace(WELL.kept, hooks={name: fares})), settings)
        return [(one.words, one.about, one.is_ours) for one in found if one.kind == "hooks"]

    late = Standing(3, NOW - timedelta(hours=2), None, 0, "HTTP 500")
    assert told(late) == [("The hook siem has not been told for more than an hour: HTTP 500.", "siem", False)]
    assert told(replace(late, waits_since=NOW - timedelta(minutes=50))) == []
    assert told(replace(late, given_up=2))[0][0] == "The hook siem was not told of 2 events and will not be."
    assert told(late, "gone since") == []


def test_what_is_held_is_everybodys_and_each_way_by_itself() -> None:
    told = [troubles(replace(WELL, sudden=Sudden(way, 1, 1, 30.0)), SETTINGS)[0] for way in Way]
    assert [(one.kind, one.about, one.is_ours) for one in told] == [
        ("hold_change", "rise", False), ("hold_change", "fall", False),
    ]  # fmt: skip
    assert told[0].words.startswith("1 mail was held in the last hour")


def test_the_grave_comes_first() -> None:
    told = troubles(replace(WELL, certificate=ending(3), numbers=numbers("stressed"), disk=None), SETTINGS)
    assert [one.is_grave for one in told] == [True, False, False]
    assert headline(told) == "3 things need you"


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        (("gate.example.com",), True),
        (("*.example.com",), True),
        (("example.com",), False),
        (("*.com",), False),
        ((), False),
    ],
)
def test_a_certificate_is_for_its_names(names: tuple[str, ...], fits: bool) -> None:
    assert Certificate(Path("/c.pem"), names).fits("Gate.Example.com") is fits
