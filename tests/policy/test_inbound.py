"""The inbound mail policy: tables of differences from a plain stranger."""

from dataclasses import replace
from itertools import product

import pytest

from gateway.model import (
    Action,
    Address,
    CopyState,
    Grade,
    Level,
    ListVerb,
    MessageFacts,
    Mode,
    ReasonCode,
    RecipientClass,
    Switch,
    TombstoneOutcome,
)
from gateway.policy import inbound
from tests.policy.stranger import (
    BO,
    DAY,
    EVERY_DAY,
    MAIL,
    MINUTE,
    NETWORK,
    NOW,
    OTHER_MAIL,
    OTHER_NETWORK,
    POLICY,
    REFUSAL,
    SECOND,
    SPF_WIDE,
    SUSPICIOUS,
    data,
    identity,
    kept,
    listed,
    rcpt,
    seen,
    settled,
    uploaded,
)

ALLOWED, BLOCKED = listed(ListVerb.ALLOW), listed(ListVerb.BLOCK)
PASS, WAIT, HOLD = RecipientClass.PASS, RecipientClass.WAIT, RecipientClass.HOLD
POSTMASTER = Address("PostMaster@example.com", "PostMaster", "example.com")
ABUSE = Address("abuse@example.com", "abuse", "example.com")
BIG = POLICY.large + 1
AT_RCPT = replace(POLICY, at_rcpt=True)
OPEN_DOOR = replace(POLICY, pass_without_store=True)

# ---- at RCPT -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({}, "accept greylist.data wait", id="a stranger is let in to show its mail"),
        pytest.param({"is_local": False}, "reject relay.denied -", id="mail for elsewhere is not relayed"),
        pytest.param(
            {"is_local": False, "recipient_exists": None, "switches": {Switch.BYPASS}},
            "reject relay.denied -",
            id="not even bypass makes an open relay",
        ),
        pytest.param({"recipient_exists": False}, "reject recipient.unknown -", id="nobody has this address"),
        pytest.param(
            {"recipient_exists": None}, "defer recipient.unverified -", id="nobody could say whether the address exists"
        ),
        pytest.param(
            {"recipient_exists": False, "grade": Grade.KNOWN},
            "reject recipient.unknown -",
            id="who is known still needs a recipient that exists",
        ),
        pytest.param({"listed": (BLOCKED,)}, "reject list.blocked -", id="a blocked party is refused"),
        pytest.param({"listed": (ALLOWED,)}, "accept list.allowed pass", id="an allowed party passes"),
        pytest.param({"listed": (ALLOWED, BLOCKED)}, "reject list.blocked -", id="a block beats an allowance"),
        pytest.param(
            {"listed": (BLOCKED,), "grade": Grade.KNOWN}, "reject list.blocked -", id="a block beats being known"
        ),
        pytest.param(
            {"listed": (BLOCKED,), "level": Level.OFF}, "reject list.blocked -", id="level off does not lift a block"
        ),
        pytest.param(
            {"listed": (BLOCKED,), "level": Level.WATCH},
            "reject list.blocked -",
            id="level watch does not lift a block",
        ),
        pytest.param(
            {"listed": (ALLOWED,), "level": Level.KNOWN_ONLY},
            "accept list.allowed pass",
            id="an allowed party passes at known-only too",
        ),
        pytest.param(
            {"listed": (BLOCKED,), "recipient": POSTMASTER}, "reject list.blocked -", id="postmaster can block as well"
        ),
        pytest.param(
            {"recipient": POSTMASTER}, "accept recipient.exempt pass", id="postmaster in any case is always reachable"
        ),
        pytest.param({"recipient": ABUSE}, "accept recipient.exempt pass", id="abuse is always reachable"),
        pytest.param(
            {"recipient": ABUSE, "level": Level.KNOWN_ONLY, "announced_size": BIG},
            "accept recipient.exempt pass",
            id="abuse is reachable at known-only, with a large mail",
        ),
        pytest.param(
            {"recipient": POSTMASTER, "grade": None, "sightings": None},
            "accept recipient.exempt pass",
            id="postmaster is reachable while the store is away",
        ),
        pytest.param(
            {"recipient": POSTMASTER, "recipient_exists": False},
            "reject recipient.unknown -",
            id="a postmaster that does not exist is not invented",
        ),
        pytest.param({"grade": None, "sightings": None}, "defer store.unavailable -", id="the store is away"),
        pytest.param({"grade": None}, "defer store.unavailable -", id="only the grade could not be learnt"),
        pytest.param({"sightings": None}, "defer store.unavailable -", id="only the sightings could not be learnt"),
        pytest.param(
            {"grade": None, "sightings": None, "level": Level.REVIEW_BEFORE},
            "defer store.unavailable -",
            id="the store is away and the recipient decides beforehand",
        ),
        pytest.param(
            {"grade": None, "sightings": None, "level": Level.OFF},
            "accept level.off pass",
            id="level off needs no store",
        ),
        pytest.param({"grade": Grade.KNOWN}, "accept party.known pass", id="who is known passes"),
        pytest.param(
            {"grade": Grade.REMEMBERED}, "accept party.remembered pass", id="who is remembered does not wait again"
        ),
        pytest.param({"announced_size": BIG}, "defer greylist.large -", id="a large mail waits before it is uploaded"),
        pytest.param(
            {"announced_size": BIG - 1}, "accept greylist.data wait", id="a mail of just the large size is looked at"
        ),
        pytest.param(
            {"announced_size": BIG, "sightings": (seen(MINUTE),)},
            "accept greylist.data wait",
            id="a large mail is taken as a copy at its second attempt",
        ),
        pytest.param(
            {"announced_size": BIG, "grade": Grade.REMEMBERED},
            "accept party.remembered pass",
            id="a large mail of somebody remembered is welcome",
        ),
        pytest.param(
            {"announced_size": 900, "sightings": (uploaded(MINUTE, size=900),)},
            "defer greylist.early -",
            id="nobody uploads the same size twice within the wait",
        ),
        pytest.param(
            {"announced_size": 901, "sightings": (uploaded(MINUTE, size=900),)},
            "accept greylist.data wait",
            id="another size may be another mail",
        ),
        pytest.param(
            {"announced_size": 900, "sightings": (seen(MINUTE, size=900),)},
            "accept greylist.data wait",
            id="a size that was announced but never uploaded may come",
        ),
        pytest.param(
            {"announced_size": 900, "sightings": (uploaded(4 * MINUTE, size=900),)},
            "accept greylist.data wait",
            id="after the wait the same size may come",
        ),
        pytest.param(
            {"announced_size": 900, "sightings": (uploaded(MINUTE, size=900, rungs=frozenset({OTHER_NETWORK})),)},
            "accept greylist.data wait",
            id="the size of another network's mail says nothing",
        ),
        pytest.param(
            {
                "announced_size": 900,
                "sightings": (seen(MINUTE), uploaded(MINUTE, size=900, rungs=frozenset({OTHER_NETWORK}))),
            },
            "accept greylist.data wait",
            id="the size of another network's mail says nothing, beside an attempt from here",
        ),
        pytest.param(
            {"announced_size": 900, "sightings": (seen(MINUTE), uploaded(5 * DAY, size=900))},
            "accept greylist.data wait",
            id="a size of last week says nothing",
        ),
        pytest.param(
            {"sender": "", "announced_size": BIG}, "accept greylist.data wait", id="a bounce is never deferred at RCPT"
        ),
        pytest.param(
            {"switches": {Switch.GREYLIST_OFF}},
            "accept switch.greylist_off pass",
            id="nobody waits while greylisting is off",
        ),
        pytest.param(
            {"switches": {Switch.GREYLIST_OFF}, "level": Level.REVIEW_AFTER},
            "accept switch.greylist_off pass review",
            id="review-after still lists what comes while greylisting is off",
        ),
        pytest.param(
            {"switches": {Switch.GREYLIST_OFF}, "level": Level.REVIEW_BEFORE},
            "accept level.review_before hold",
            id="greylisting off does not lift a holding level",
        ),
        pytest.param({"switches": {Switch.BYPASS}}, "accept switch.bypass pass", id="bypass lets everybody in"),
        pytest.param(
            {"switches": {Switch.BYPASS}, "level": Level.KNOWN_ONLY, "listed": (BLOCKED,), "grade": None},
            "accept switch.bypass pass",
            id="bypass means everybody",
        ),
        pytest.param(
            {"switches": {Switch.FREEZE_RELEASES}}, "accept greylist.data wait", id="frozen releases change no decision"
        ),
    ],
)
def test_at_rcpt(differs, expected):
    differs = {name: frozenset(value) if name == "switches" else value for name, value in differs.items()}
    assert told(inbound.at_rcpt(rcpt(**differs), POLICY)) == expected


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({}, "defer greylist.new -", id="a stranger is told to wait before its data"),
        pytest.param({"sender": ""}, "accept greylist.data wait", id="a bounce is looked at first"),
        pytest.param({"sightings": (seen(MINUTE),)}, "defer greylist.early -", id="too early is told before the data"),
        pytest.param({"sightings": (seen(4 * MINUTE),)}, "accept greylist.data wait", id="after the wait it may come"),
        pytest.param({"sightings": (seen(5 * DAY),)}, "defer greylist.new -", id="after the window it begins anew"),
        pytest.param({"grade": Grade.REMEMBERED}, "accept party.remembered pass", id="who is remembered passes"),
    ],
)
def test_where_greylisting_is_done_at_rcpt(differs, expected):
    assert told(inbound.at_rcpt(rcpt(**differs), AT_RCPT)) == expected


def told(verdict):
    """A verdict as one line: what, why, in which class, and whether it is listed."""
    line = f"{verdict.action} {verdict.code} {verdict.recipient_class or '-'}"
    return line + " review" * verdict.review + " junk" * verdict.junk


# Every level with every grade, spelled out.
CLASSES = {
    (Level.OFF, Grade.STRANGER): "accept level.off pass",
    (Level.OFF, Grade.REMEMBERED): "accept level.off pass",
    (Level.OFF, Grade.KNOWN): "accept level.off pass",
    (Level.WATCH, Grade.STRANGER): "accept level.watch pass review",
    (Level.WATCH, Grade.REMEMBERED): "accept level.watch pass review",
    (Level.WATCH, Grade.KNOWN): "accept level.watch pass",
    (Level.GREYLIST, Grade.STRANGER): "accept greylist.data wait",
    (Level.GREYLIST, Grade.REMEMBERED): "accept party.remembered pass",
    (Level.GREYLIST, Grade.KNOWN): "accept party.known pass",
    (Level.REVIEW_AFTER, Grade.STRANGER): "accept greylist.data wait",
    (Level.REVIEW_AFTER, Grade.REMEMBERED): "accept party.remembered pass review",
    (Level.REVIEW_AFTER, Grade.KNOWN): "accept party.known pass",
    (Level.REVIEW_BEFORE, Grade.STRANGER): "accept level.review_before hold",
    (Level.REVIEW_BEFORE, Grade.REMEMBERED): "accept level.review_before hold",
    (Level.REVIEW_BEFORE, Grade.KNOWN): "accept party.known pass",
    (Level.KNOWN_ONLY, Grade.STRANGER): "accept level.known_only hold",
    (Level.KNOWN_ONLY, Grade.REMEMBERED): "accept level.known_only hold",
    (Level.KNOWN_ONLY, Grade.KNOWN): "accept party.known pass",
}


def test_the_table_of_levels_and_grades_is_complete():
    assert set(CLASSES) == set(product(Level, Grade))


@pytest.mark.parametrize(("level", "grade"), CLASSES, ids=lambda value: str(value.name).lower().replace("_", "-"))
def test_each_level_treats_each_grade_as_written(level, grade):
    assert told(inbound.at_rcpt(rcpt(level=level, grade=grade), POLICY)) == CLASSES[level, grade]


def test_an_admin_may_let_strangers_in_while_the_store_is_away():
    assert told(inbound.at_rcpt(rcpt(grade=None, sightings=None), OPEN_DOOR)) == "accept store.unavailable pass"


@pytest.mark.parametrize("rules", [inbound.RCPT_RULES, inbound.DATA_RULES])
def test_without_the_last_rule_nobody_would_decide(rules, monkeypatch):
    for name, decide, facts in (("RCPT_RULES", inbound.at_rcpt, rcpt()), ("DATA_RULES", inbound.at_data, data())):
        if getattr(inbound, name) is rules:
            monkeypatch.setattr(inbound, name, rules[:-1])
            with pytest.raises(AssertionError, match="always has an opinion"):
                decide(facts, POLICY)


def test_a_verdict_carries_what_it_was_made_of():
    blocked = inbound.at_rcpt(rcpt(listed=(BLOCKED,)), POLICY)
    assert blocked.reasons[0].evidence == {"entry": 3, "kind": "network", "value": "192.0.2.0/24"}
    early = inbound.at_data(data(sightings=(uploaded(MINUTE),)), POLICY)
    assert early.reasons[0].evidence == {"waited": 60}


# ---- after the dot -------------------------------------------------------------------------------------------------

PATIENT = {"sightings": (uploaded(4 * MINUTE),)}
LOOPING = MessageFacts(MAIL, size=2000, received_count=50)
LEASED = {"lease_until": NOW + MINUTE}


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({}, "defer greylist.new -", id="a first mail is told to come back"),
        pytest.param({"sightings": (uploaded(MINUTE),)}, "defer greylist.early -", id="it came back too early"),
        pytest.param(PATIENT, "accept greylist.passed -", id="it came back after the wait"),
        pytest.param({"sightings": (seen(4 * MINUTE),)}, "accept greylist.passed -", id="it waited since RCPT"),
        pytest.param(
            {"sightings": (uploaded(4 * MINUTE, OTHER_MAIL),)},
            "defer greylist.other_content -",
            id="another mail from the same network is no retry",
        ),
        pytest.param({"sightings": (uploaded(5 * DAY),)}, "defer greylist.new -", id="it came back after the window"),
        pytest.param({"message": LOOPING, **PATIENT}, "reject message.loop -", id="a mail goes in circles"),
        pytest.param(
            {"message": replace(LOOPING, received_count=49), **PATIENT},
            "accept greylist.passed -",
            id="a long way is no circle",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.DELIVERED),), **PATIENT},
            "discard retry.delivered -",
            id="the released mail was delivered, its retry is dropped",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.PENDING),), **PATIENT},
            "defer retry.in_flight -",
            id="the released mail is on its way",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.REFUSED),), **PATIENT},
            "reject retry.refused -",
            id="a person refused this mail",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.UNDELIVERABLE),), **PATIENT},
            "reject retry.undeliverable -",
            id="the backend refused the released mail",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.DELIVERED, mail=identity(OTHER_MAIL)),), **PATIENT},
            "accept greylist.passed -",
            id="the tombstone of another mail says nothing",
        ),
        pytest.param(
            {
                "tombstones": (
                    settled(TombstoneOutcome.REFUSED, mail=identity(OTHER_MAIL)),
                    settled(TombstoneOutcome.DELIVERED),
                )
            },
            "discard retry.delivered -",
            id="every tombstone is looked at",
        ),
        pytest.param(
            {"copies": (kept(5 * MINUTE, CopyState.PASSING, **LEASED),), **PATIENT},
            "defer retry.in_flight -",
            id="another connection is delivering this mail",
        ),
        pytest.param(
            {"copies": (kept(5 * MINUTE, CopyState.PASSING, lease_until=NOW - SECOND),), **PATIENT},
            "accept greylist.passed -",
            id="whoever was delivering it died",
        ),
        pytest.param({"sightings": None}, "defer store.unavailable -", id="the sightings could not be read"),
        pytest.param({"copies": None, **PATIENT}, "defer store.unavailable -", id="the copies could not be read"),
        pytest.param(
            {"tombstones": None, **PATIENT}, "defer store.unavailable -", id="the tombstones could not be read"
        ),
    ],
)
def test_after_the_data(differs, expected):
    assert told(inbound.at_data(data(**differs), POLICY)) == expected


def test_a_refused_release_is_worded_by_the_backend():
    stone = settled(TombstoneOutcome.UNDELIVERABLE, reply=REFUSAL)
    assert inbound.at_data(data(tombstones=(stone,)), POLICY).reply == REFUSAL


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(rcpt(grade=Grade.KNOWN), "accept party.known -", id="somebody known"),
        pytest.param(rcpt(level=Level.OFF), "accept level.off -", id="an unprotected recipient"),
        pytest.param(rcpt(recipient=POSTMASTER), "accept recipient.exempt -", id="postmaster"),
        pytest.param(rcpt(level=Level.REVIEW_BEFORE), "hold level.review_before -", id="who decides beforehand"),
        pytest.param(rcpt(level=Level.KNOWN_ONLY), "hold level.known_only -", id="who takes approved mail only"),
    ],
)
def test_passing_and_holding_need_no_store_after_the_data(facts, expected):
    lost = data(facts, sightings=None, copies=None, tombstones=None)
    assert told(inbound.at_data(lost, POLICY)) == expected


# ---- suspicion -----------------------------------------------------------------------------------------------------

REMEMBERED, KNOWN = Grade.REMEMBERED, Grade.KNOWN

# A suspicious mail: what becomes of it where somebody looks at holds, and where nobody does.
SUSPECT = {
    ("a patient stranger", Level.OFF): ("accept level.off -", "accept level.off -"),
    ("a patient stranger", Level.WATCH): ("accept level.watch - review", "accept level.watch - review"),
    ("a patient stranger", Level.GREYLIST): ("hold content.suspicious -", "accept content.suspicious - junk"),
    ("a patient stranger", Level.REVIEW_AFTER): (
        "hold content.suspicious -",
        "accept content.suspicious - review junk",
    ),
    ("a patient stranger", Level.REVIEW_BEFORE): ("hold level.review_before -", "hold level.review_before -"),
    ("a patient stranger", Level.KNOWN_ONLY): ("hold level.known_only -", "hold level.known_only -"),
    ("a known sender", Level.OFF): ("accept level.off -", "accept level.off -"),
    ("a known sender", Level.WATCH): ("accept level.watch - review", "accept level.watch - review"),
    ("a known sender", Level.GREYLIST): ("hold content.suspicious -", "accept content.suspicious - junk"),
    ("a known sender", Level.REVIEW_AFTER): ("hold content.suspicious -", "accept content.suspicious - review junk"),
    ("a known sender", Level.REVIEW_BEFORE): ("hold content.suspicious -", "accept content.suspicious - junk"),
    ("a known sender", Level.KNOWN_ONLY): ("hold content.suspicious -", "accept content.suspicious - junk"),
}


@pytest.mark.parametrize("reviewed", [True, False], ids=["reviewed", "not reviewed"])
@pytest.mark.parametrize(("who", "level"), SUSPECT)
def test_suspicious_mail_at_every_level(who, level, reviewed):
    grade = KNOWN if who == "a known sender" else Grade.STRANGER
    facts = rcpt(level=level, reviewed=reviewed, grade=grade, sightings=(uploaded(4 * MINUTE),))
    verdict = inbound.at_data(data(facts, suspicion=SUSPICIOUS), POLICY)
    assert told(verdict) == SUSPECT[who, level][0 if reviewed else 1]
    assert SUSPICIOUS[0].code in [reason.code for reason in verdict.reasons], "what was seen is always on record"


def test_the_table_of_suspicious_mail_has_every_level():
    assert {level for _, level in SUSPECT} == set(Level)


@pytest.mark.parametrize("reviewed", [True, False])
@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(rcpt(recipient=POSTMASTER), id="postmaster"),
        pytest.param(rcpt(recipient=ABUSE), id="abuse"),
        pytest.param(rcpt(switches=frozenset({Switch.BYPASS})), id="bypass"),
    ],
)
def test_postmaster_abuse_and_bypass_are_never_held(facts, reviewed):
    verdict = inbound.at_data(data(replace(facts, reviewed=reviewed), suspicion=SUSPICIOUS), POLICY)
    assert (verdict.action, verdict.junk) == (Action.ACCEPT, False)


def test_a_first_contact_waits_however_suspicious_it_is():
    assert told(inbound.at_data(data(rcpt(reviewed=True), suspicion=SUSPICIOUS), POLICY)) == "defer greylist.new -"


def test_an_allowance_does_not_lift_suspicion():
    facts = rcpt(listed=(ALLOWED,), reviewed=True)
    assert told(inbound.at_data(data(facts, suspicion=SUSPICIOUS), POLICY)) == "hold content.suspicious -"


def test_review_after_lists_what_a_patient_stranger_gets_delivered():
    facts = rcpt(level=Level.REVIEW_AFTER, sightings=(uploaded(4 * MINUTE),))
    assert told(inbound.at_data(data(facts), POLICY)) == "accept greylist.passed - review"


# ---- carried along -------------------------------------------------------------------------------------------------


def test_a_carried_recipient_gets_the_mail_after_the_wait():
    verdict = inbound.at_data(data(carried=True), POLICY)
    assert told(verdict) == "hold greylist.carried -"
    assert verdict.release_after == POLICY.timing.wait


def test_a_carried_recipient_who_reviews_afterwards_has_it_listed():
    verdict = inbound.at_data(data(rcpt(level=Level.REVIEW_AFTER), carried=True), POLICY)
    assert (told(verdict), verdict.release_after) == ("hold greylist.carried - review", POLICY.timing.wait)


def test_a_carried_mail_that_was_delivered_before_is_not_held_anew():
    facts = data(carried=True, tombstones=(settled(TombstoneOutcome.DELIVERED),))
    assert told(inbound.at_data(facts, POLICY)) == "discard retry.delivered -"


@pytest.mark.parametrize(
    ("reviewed", "expected"),
    [
        pytest.param(True, "hold greylist.carried -", id="somebody looks: it is held until a person decides"),
        pytest.param(False, "accept greylist.carried - junk", id="nobody looks: it is tagged"),
    ],
)
def test_a_suspicious_carried_mail_is_never_released_by_itself(reviewed, expected):
    verdict = inbound.at_data(data(rcpt(reviewed=reviewed), carried=True, suspicion=SUSPICIOUS), POLICY)
    assert (told(verdict), verdict.release_after) == (expected, None)


# ---- take-over -----------------------------------------------------------------------------------------------------

HALF = POLICY.give_up / 2


@pytest.mark.parametrize(
    ("trying", "reviewed", "expected"),
    [
        pytest.param(HALF, True, "hold takeover.due -", id="held where somebody looks"),
        pytest.param(HALF, False, "accept takeover.due -", id="delivered where nobody looks"),
        pytest.param(HALF - SECOND, True, "defer greylist.new -", id="not before half of its patience"),
        pytest.param(3 * DAY, True, "hold takeover.due -", id="a slow sender came back"),
        pytest.param(None, True, "defer greylist.new -", id="never seen, or settled: not trying"),
    ],
)
def test_a_retry_is_taken_over_before_its_sender_gives_up(trying, reviewed, expected):
    facts = data(rcpt(reviewed=reviewed), first_tried=None if trying is None else NOW - trying)
    assert told(inbound.at_data(facts, POLICY)) == expected


@pytest.mark.parametrize(
    ("reviewed", "expected"),
    [(True, "hold takeover.due -"), (False, "accept takeover.due - junk")],
    ids=["held", "tagged"],
)
def test_a_suspicious_take_over_is_held_or_tagged(reviewed, expected):
    facts = data(rcpt(reviewed=reviewed), first_tried=NOW - HALF, suspicion=SUSPICIOUS)
    assert told(inbound.at_data(facts, POLICY)) == expected


def test_who_was_patient_is_not_taken_over():
    facts = data(first_tried=NOW - HALF, sightings=(uploaded(HALF),))
    assert told(inbound.at_data(facts, POLICY)) == "accept greylist.passed -"


def test_a_mail_that_looks_alike_every_day_is_delivered_every_day():
    stone = settled(TombstoneOutcome.DELIVERED, mail=identity(EVERY_DAY))
    facts = data(
        message=MessageFacts(EVERY_DAY, size=2000), tombstones=(stone,), sightings=(uploaded(4 * MINUTE, EVERY_DAY),)
    )
    assert told(inbound.at_data(facts, POLICY)) == "accept greylist.passed -"


def test_other_mail_by_an_spf_record_that_permits_very_many_still_needs_its_content():
    both = frozenset({NETWORK, SPF_WIDE})
    facts = rcpt(rungs=both, sightings=(uploaded(4 * MINUTE, OTHER_MAIL, rungs=both),))
    assert told(inbound.at_data(data(facts), POLICY)) == "defer greylist.other_content -"


def test_the_admitted_recipient_is_the_one_the_mail_is_compared_for():
    assert data().mail == identity()
    assert data().mail.recipient == BO.key


@pytest.mark.parametrize("code", sorted({ReasonCode.RETRY_DELIVERED, ReasonCode.RETRY_REFUSED}))
def test_a_settled_mail_names_its_tombstone(code):
    outcome = TombstoneOutcome.DELIVERED if code is ReasonCode.RETRY_DELIVERED else TombstoneOutcome.REFUSED
    verdict = inbound.at_data(data(tombstones=(settled(outcome),)), POLICY)
    assert (verdict.code, verdict.reasons[0].evidence) == (code, {"tombstone": 7})


# ---- the lists after the dot ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({}, (Action.REJECT, ReasonCode.LIST_BLOCKED), id="a stranger"),
        pytest.param({"grade": Grade.KNOWN}, (Action.REJECT, ReasonCode.LIST_BLOCKED), id="somebody we know"),
        pytest.param({"recipient": ABUSE}, (Action.REJECT, ReasonCode.LIST_BLOCKED), id="even for abuse"),
        pytest.param({"level": Level.OFF}, (Action.REJECT, ReasonCode.LIST_BLOCKED), id="at every level"),
        pytest.param({"mode": Mode.OBSERVE}, (Action.REJECT, ReasonCode.LIST_BLOCKED), id="while we observe"),
        pytest.param({"switches": frozenset({Switch.BYPASS})}, (Action.ACCEPT, ReasonCode.SWITCH_BYPASS), id="bypass"),
    ],
)
def test_what_is_blocked_once_the_author_is_known_is_refused(differs, expected):
    facts = rcpt(**differs)
    found = inbound.at_data(replace(data(facts), rcpt=replace(facts, listed=(ALLOWED, BLOCKED))), POLICY)
    assert (found.action, found.code) == expected


def test_an_allowed_author_is_no_block():
    facts = replace(data(), rcpt=rcpt(listed=(ALLOWED,)))
    assert inbound.at_data(facts, POLICY).code is ReasonCode.GREYLIST_NEW


def test_a_mail_that_would_have_been_sent_away_at_rcpt_is_refused_while_we_observe():
    facts = rcpt(mode=Mode.OBSERVE)
    found = inbound.at_data(replace(data(facts, AT_RCPT), rcpt=replace(facts, listed=(BLOCKED,))), AT_RCPT)
    assert (found.action, found.code) == (Action.REJECT, ReasonCode.LIST_BLOCKED)
