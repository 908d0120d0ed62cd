"""The score: what reasons weigh together, from where a mail is suspicious, and what speaks for its sender."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    Action,
    ContentFacts,
    DataFacts,
    FileKind,
    Finding,
    Grade,
    Level,
    MailedFile,
    Reason,
    ReasonCode,
)
from gateway.policy import inbound, score, suspicion
from gateway.policy.score import ALONE, HOLD, WEIGHTS, Scale, total
from gateway.policy.suspicion import MADE_HERE, weighed
from tests.policy.stranger import MINUTE, NOW, POLICY, SUSPICIOUS, data, rcpt, uploaded

TAUGHT = 200
VIRUS = ContentFacts(virus="Eicar-Signature")
WORST = ContentFacts(
    findings=tuple(Finding),
    dated=NOW + timedelta(days=400),
    files=tuple(MailedFile(f"file.{kind}", (kind,)) for kind in FileKind),
    score=3.0,
    labels=TAUGHT,
    unparseable=True,
    virus="Eicar-Signature",
)


def waited(found: ContentFacts | None, **differs: Any) -> DataFacts:
    """A stranger's retry after its wait, which is let in unless the content speaks against it."""
    return data(rcpt(sightings=(uploaded(4 * MINUTE),), reviewed=True, **differs), content=found)


def verdict(found: ContentFacts | None, policy: inbound.Policy = POLICY, **differs: Any) -> tuple[str, str]:
    said = inbound.at_data(waited(found, **differs), policy)
    return str(said.action), str(said.code)


def on(**differs: Any) -> inbound.Policy:
    return replace(POLICY, scale=Scale(**differs))


# ---- weights -------------------------------------------------------------------------------------------------------


def test_each_weight_is_in_the_reasons_and_the_heaviest_comes_first():
    found = ContentFacts(findings=(Finding.NO_DATE, Finding.DOUBLED_FIELD), score=1.0, labels=TAUGHT)
    said = inbound.at_data(waited(found), POLICY)
    assert [(str(reason.code), reason.weight) for reason in said.reasons] == [
        ("content.learned", 2.5),
        ("structure.doubled", 1.5),
        ("structure.fields", 1.0),
        ("greylist.passed", None),
    ]
    assert said.action is Action.HOLD


def test_below_the_threshold_it_is_delivered_with_what_was_seen():
    said = inbound.at_data(waited(ContentFacts(findings=(Finding.NO_DATE, Finding.DOUBLED_FIELD))), POLICY)
    assert said.action is Action.ACCEPT
    assert [str(reason.code) for reason in said.reasons] == ["greylist.passed", "structure.doubled", "structure.fields"]


def test_what_has_no_weight_of_its_own_weighs_enough_alone():
    assert [reason.weight for reason in weighed(data(suspicion=SUSPICIOUS), POLICY).suspicion] == [ALONE]
    assert ALONE - Scale().known >= HOLD, "and against any credit"


def test_no_oddity_of_structure_decides_alone():
    assert all(weight < HOLD / 2 for code, weight in WEIGHTS.items() if code.startswith(("structure.", "content.")))
    for one in Finding:
        assert verdict(ContentFacts(findings=(one,))) == ("accept", "greylist.passed")


def test_the_settings_may_weigh_a_reason_otherwise():
    doubled = ContentFacts(findings=(Finding.DOUBLED_FIELD,))
    assert verdict(doubled, on(weights={ReasonCode.STRUCTURE_DOUBLED: 6})) == ("hold", "structure.doubled")
    said = inbound.at_data(waited(doubled), on(weights={ReasonCode.STRUCTURE_DOUBLED: 0}))
    assert [str(reason.code) for reason in said.reasons] == ["greylist.passed"], "what weighs nothing is no reason"


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ({}, "accept"),
        ({"hold": 1.5}, "hold"),
        ({"hold_at": {Level.GREYLIST: 1.5}}, "hold"),
        ({"hold_at": {Level.REVIEW_AFTER: 1.5}}, "accept"),
        ({"hold": 1.5, "hold_at": {Level.GREYLIST: 9}}, "accept"),
    ],
)
def test_each_level_may_have_its_own_threshold(scale, expected):
    assert verdict(ContentFacts(findings=(Finding.DOUBLED_FIELD,)), on(**scale))[0] == expected


def test_nothing_is_refused_for_its_content():
    for level in Level:
        for grade in Grade:
            for reviewed in (True, False):
                facts = waited(WORST, level=level, grade=grade)
                facts = replace(facts, rcpt=replace(facts.rcpt, reviewed=reviewed))
                assert inbound.at_data(facts, POLICY).action in (Action.ACCEPT, Action.HOLD)


def test_a_first_contact_waits_whatever_is_in_it():
    said = inbound.at_data(data(rcpt(reviewed=True), content=WORST), POLICY)
    assert (said.action, said.code) == (Action.DEFER, ReasonCode.GREYLIST_NEW)


# ---- the sender's credit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "labels", "expected"),
    [
        (Grade.STRANGER, TAUGHT, "hold"),
        (Grade.REMEMBERED, TAUGHT, "hold"),
        (Grade.KNOWN, TAUGHT, "accept"),
    ],
)
def test_whom_we_know_has_credit_and_others_have_less(grade, labels, expected):
    found = ContentFacts(score=2.5, labels=labels)
    assert verdict(found, grade=grade)[0] == expected


def test_a_strong_voice_outweighs_the_credit_of_whom_we_know():
    assert verdict(ContentFacts(score=3.0, labels=TAUGHT), on(learned=3), grade=Grade.KNOWN)[0] == "hold"


def test_credit_is_a_reason_where_it_stands_against_something():
    facts = waited(ContentFacts(score=1.0, labels=TAUGHT), grade=Grade.KNOWN)
    (voice, credit) = weighed(facts, POLICY).suspicion
    assert (credit.code, credit.weight, credit.evidence) == (ReasonCode.SCORE_CREDIT, -3, {"sender": "known"})
    assert total((voice, credit)) == -0.5
    assert weighed(waited(ContentFacts(), grade=Grade.KNOWN), POLICY).suspicion == ()


# ---- the classifier's voice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [3.0, 99.0, float("inf")])
@pytest.mark.parametrize("labels", [0, 199])
def test_an_untaught_classifier_never_holds_alone(said, labels):
    assert verdict(ContentFacts(score=said, labels=labels)) == ("accept", "greylist.passed")


def test_a_taught_one_holds_what_it_is_sure_of():
    assert verdict(ContentFacts(score=2.0, labels=TAUGHT)) == ("hold", "content.learned")
    assert verdict(ContentFacts(score=1.9, labels=TAUGHT)) == ("accept", "greylist.passed")


def test_it_speaks_for_mail_too():
    odd = tuple(Finding)
    assert verdict(ContentFacts(findings=odd))[0] == "hold"
    assert verdict(ContentFacts(findings=odd, score=-2.0, labels=TAUGHT))[0] == "accept"


def test_a_voice_that_says_nothing_is_no_reason():
    assert weighed(waited(ContentFacts(score=0.01, labels=TAUGHT)), POLICY).suspicion == ()


def test_what_cannot_be_parsed_is_a_reason_and_no_verdict():
    assert verdict(ContentFacts(unparseable=True)) == ("accept", "greylist.passed")
    (reason,) = weighed(waited(ContentFacts(unparseable=True)), POLICY).suspicion
    assert reason.code is ReasonCode.CONTENT_UNPARSEABLE


# ---- weighing anew -------------------------------------------------------------------------------------------------


def test_all_that_is_gathered_here_is_gathered_anew():
    found = {reason.code for reason in weighed(waited(WORST), POLICY).suspicion}
    assert found <= MADE_HERE
    assert found >= {ReasonCode.ATTACHMENT_VIRUS, ReasonCode.STRUCTURE_DATE, ReasonCode.CONTENT_LEARNED}


findings = st.lists(st.sampled_from(list(Finding)), unique=True).map(tuple)
voices = st.none() | st.floats(-4, 4)


@given(findings=findings, voice=voices, labels=st.sampled_from([0, TAUGHT]), grade=st.sampled_from(list(Grade)))
def test_weighing_twice_changes_nothing_and_other_settings_weigh_anew(findings, voice, labels, grade):
    facts = waited(ContentFacts(findings=findings, score=voice, labels=labels), grade=grade)
    once = weighed(facts, POLICY)
    assert weighed(once, POLICY) == once
    other = on(learned=1, known=0, weights={ReasonCode.STRUCTURE_PARTS: 7})
    assert weighed(once, other) == weighed(facts, other)


def test_a_sum_is_what_people_make_of_it():
    assert total([Reason(ReasonCode.STRUCTURE_DATE, weight=0.1)] * 3) == 0.3
    assert not score.is_suspicious(data(), POLICY)
    assert suspicion.weighed(data(), POLICY) == data()
