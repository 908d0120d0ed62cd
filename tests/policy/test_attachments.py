"""Files that are held, whoever sends them."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.model import Action, ContentFacts, FileKind, Grade, Level, ListVerb, MailedFile, ReasonCode, Switch
from gateway.policy import inbound
from gateway.policy.attachments import CODE, HELD, reasons
from tests.policy.stranger import MINUTE, POLICY, data, listed, rcpt, uploaded

PROGRAM = MailedFile("setup.exe", (FileKind.PROGRAM,))
CARRIES = ContentFacts(files=(PROGRAM,))


def held(found: ContentFacts = CARRIES, policy: inbound.Policy = POLICY, **differs: Any) -> tuple[str, str]:
    facts = rcpt(**{"sightings": (uploaded(4 * MINUTE),), "reviewed": True, **differs})
    said = inbound.at_data(data(facts, content=found), policy)
    return str(said.action), str(said.code)


@pytest.mark.parametrize("grade", list(Grade))
def test_a_program_is_held_whoever_sends_it(grade):
    assert held(grade=grade) == ("hold", "attachment.program")


def test_an_allowance_does_not_let_a_program_in():
    assert held(listed=(listed(ListVerb.ALLOW),)) == ("hold", "attachment.program")


def test_where_nobody_looks_it_is_delivered_and_tagged():
    said = inbound.at_data(data(rcpt(grade=Grade.KNOWN), content=CARRIES), POLICY)
    assert (said.action, said.junk) == (Action.ACCEPT, True)


@pytest.mark.parametrize(
    ("differs", "code"),
    [
        ({"level": Level.OFF}, "level.off"),
        ({"level": Level.WATCH}, "level.watch"),
        ({"switches": frozenset({Switch.BYPASS})}, "switch.bypass"),
    ],
)
def test_off_watch_and_bypass_mean_what_they_say(differs, code):
    assert held(**differs) == ("accept", code)


@pytest.mark.parametrize("kind", list(FileKind))
def test_each_kind_has_its_reason_and_is_held_if_the_settings_say_so(kind):
    found = ContentFacts(files=(MailedFile("a file", (kind,)),))
    assert held(found, replace(POLICY, held_files=frozenset({kind}))) == ("hold", str(CODE[kind]))
    assert held(found, replace(POLICY, held_files=frozenset())) == ("accept", "greylist.passed")


def test_locked_archives_are_not_held_unless_the_settings_say_so():
    assert frozenset(FileKind) - {FileKind.LOCKED} == HELD
    assert held(ContentFacts(files=(MailedFile("a.zip", (FileKind.LOCKED,)),))) == ("accept", "greylist.passed")
    assert CODE[FileKind.LOCKED] is CODE[FileKind.OVERFULL] is ReasonCode.ATTACHMENT_CLOSED


def test_a_virus_is_held_with_its_name():
    said = inbound.at_data(data(rcpt(grade=Grade.KNOWN, reviewed=True), content=ContentFacts(virus="Eicar")), POLICY)
    assert (said.action, said.code) == (Action.HOLD, ReasonCode.ATTACHMENT_VIRUS)
    assert said.reasons[0].evidence == {"virus": "Eicar"}


def test_files_of_one_kind_are_one_reason_that_names_the_first_and_counts_all():
    files = (
        MailedFile("setup.exe", (FileKind.PROGRAM,)),
        MailedFile("run.js", (FileKind.SCRIPT,), within="all.zip"),
        MailedFile("bill.pdf.exe", (FileKind.PROGRAM, FileKind.DISGUISED)),
        MailedFile("letter.docm", (FileKind.MACRO,), within="all.zip"),
    )
    told = {str(one.code): dict(one.evidence) for one in reasons(data(content=ContentFacts(files=files)), POLICY)}
    assert told == {
        ReasonCode.ATTACHMENT_PROGRAM: {"file": "setup.exe", "kind": "program", "files": 3},
        ReasonCode.ATTACHMENT_DISGUISED: {"file": "bill.pdf.exe", "kind": "disguised", "files": 1},
        ReasonCode.ATTACHMENT_MACRO: {"file": "letter.docm", "kind": "macro", "within": "all.zip", "files": 1},
    }


def test_what_was_not_looked_at_is_not_held():
    assert list(reasons(data(content=None), POLICY)) == []
    assert list(reasons(data(content=ContentFacts()), POLICY)) == []
