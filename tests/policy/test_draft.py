"""What other settings would say about the same facts, and what had been said by the policy and what by others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import (
    Action,
    DataFacts,
    Grade,
    Level,
    ListVerb,
    Mode,
    RcptFacts,
    Reason,
    ReasonCode,
    Relayed,
    Switch,
)
from gateway.policy import draft, inbound
from gateway.policy.draft import Draft, Said
from gateway.policy.inbound import Policy
from tests.policy.stranger import (
    HOST,
    HOUR,
    MINUTE,
    NETWORK,
    PEER,
    POLICY,
    SUSPICIOUS,
    TIMING,
    data,
    listed,
    rcpt,
    seen,
    uploaded,
)

LOCAL = frozenset({"example.com"})
SAME = Draft(POLICY, LOCAL, Level.GREYLIST, {}, reviewed=False)


def drafted(facts: RcptFacts | DataFacts, **differs: Any) -> str:
    return str(draft.decide(facts, replace(SAME, **differs)))


CASES: list[RcptFacts] = [
    rcpt(),
    rcpt(grade=Grade.REMEMBERED),
    rcpt(grade=Grade.KNOWN),
    rcpt(grade=None, sightings=None),
    rcpt(listed=(listed(ListVerb.BLOCK),)),
    rcpt(recipient_exists=False),
    rcpt(sightings=(uploaded(HOUR),)),
    rcpt(sightings=(uploaded(MINUTE),)),
    rcpt(switches=frozenset({Switch.BYPASS})),
    rcpt(mode=Mode.OBSERVE),
    rcpt(mode=Mode.OBSERVE, announced_size=2**30),
    rcpt(sender=""),
    rcpt(relayed=Relayed(frozenset({NETWORK}), PEER)),
]


@settings(max_examples=60)
@given(st.sampled_from(CASES), st.sampled_from(list(Level)), st.booleans(), st.booleans(), st.booleans())
def test_the_settings_in_force_say_what_they_said(
    facts: RcptFacts, level: Level, reviewed: bool, suspicious: bool, at_rcpt: bool
) -> None:
    policy = replace(POLICY, at_rcpt=at_rcpt)
    facts = replace(facts, level=level, reviewed=reviewed or level in draft.HOLDING_LEVELS)
    same = replace(SAME, policy=policy, level=level, reviewed=reviewed)
    judge = inbound.at_rcpt if facts.relayed is None else inbound.behind_relay
    named = judge(facts, policy)
    mail = data(facts, policy, admitted=named, suspicion=SUSPICIOUS if suspicious else ())
    if named.action is Action.ACCEPT:
        assert draft.decide(mail, same) == draft.said(inbound.at_data(mail, policy))
    elif facts.relayed is None:
        assert draft.decide(facts, same) == draft.said(named)


@pytest.mark.parametrize(
    ("facts", "differs", "would"),
    [
        (data(), {}, "defer greylist.new"),
        (data(), {"level": Level.OFF}, "accept level.off"),
        (data(), {"levels": {"bo@example.com": Level.OFF}}, "accept level.off"),
        (data(), {"levels": {"example.com": Level.KNOWN_ONLY}}, "hold level.known_only"),
        (data(), {"local": frozenset()}, "reject relay.denied"),
        (data(), {"mode": Mode.OBSERVE}, "accept observe.let_in"),
        (data(), {"policy": replace(POLICY, at_rcpt=True)}, "defer greylist.new"),
        (data(rcpt(sightings=(uploaded(HOUR),))), {}, "accept greylist.passed"),
        (
            data(rcpt(sightings=(uploaded(HOUR),))),
            {"policy": Policy(replace(TIMING, wait=2 * HOUR))},
            "defer greylist.early",
        ),
        (data(rcpt(grade=Grade.KNOWN), suspicion=SUSPICIOUS), {}, "tag content.suspicious"),
        (data(rcpt(grade=Grade.KNOWN), suspicion=SUSPICIOUS), {"reviewed": True}, "hold content.suspicious"),
        (data(carried=True), {}, "hold greylist.carried"),
        (data(carried=True), {"level": Level.OFF}, "accept level.off"),
        (rcpt(), {"level": Level.WATCH}, "accept level.watch"),
        (rcpt(), {}, "defer greylist.data"),
        (rcpt(), {"level": Level.REVIEW_BEFORE}, "hold level.review_before"),
        (rcpt(sightings=(seen(HOUR, rungs=frozenset({HOST})),), rungs=frozenset({HOST})), {}, "accept greylist.passed"),
    ],
)
def test_a_draft_decides_about_the_same_facts(
    facts: RcptFacts | DataFacts, differs: dict[str, Any], would: str
) -> None:
    assert drafted(facts, **differs) == would


def reasons(*codes: ReasonCode, **evidence: Any) -> tuple[Reason, ...]:
    return tuple(Reason(code, evidence) for code in codes)


@pytest.mark.parametrize(
    ("action", "why", "facts", "policy_said"),
    [
        ("defer", reasons(ReasonCode.GREYLIST_NEW), data(), "defer greylist.new"),
        ("defer", reasons(ReasonCode.BACKEND_DOWN, ReasonCode.PARTY_KNOWN), data(), "accept party.known"),
        ("reject", reasons(ReasonCode.BACKEND_REFUSED, ReasonCode.LEVEL_OFF), data(), "accept level.off"),
        ("hold", reasons(ReasonCode.GREYLIST_COMPANY, ReasonCode.GREYLIST_NEW), data(), "defer greylist.new"),
        ("defer", reasons(ReasonCode.RECIPIENT_OTHER_CLASS, ReasonCode.GREYLIST_DATA), rcpt(), None),
        ("defer", reasons(ReasonCode.BACKEND_SLOW), data(), None),
        ("defer", reasons(ReasonCode.STORAGE_FULL), data(), None),
        ("defer", reasons(ReasonCode.STORE_UNAVAILABLE), data(), None),
        ("defer", reasons(ReasonCode.STORE_UNAVAILABLE), data(copies=None), "defer store.unavailable"),
        ("defer", reasons(ReasonCode.STORE_UNAVAILABLE), rcpt(grade=None), "defer store.unavailable"),
        ("defer", reasons(ReasonCode.RETRY_IN_FLIGHT), data(), None),
        ("defer", reasons(ReasonCode.RETRY_IN_FLIGHT, copy=3), data(), "defer retry.in_flight"),
    ],
)
def test_what_others_said_is_not_taken_for_the_policys_word(
    action: str, why: tuple[Reason, ...], facts: RcptFacts | DataFacts, policy_said: str | None
) -> None:
    found = draft.by_policy(action, why, facts)
    assert (None if found is None else str(found)) == policy_said


def test_tagged_mail_is_told_from_mail_that_is_just_delivered() -> None:
    assert draft.by_policy("accept", reasons(ReasonCode.PARTY_KNOWN), data(), junk=True) == Said("tag", "party.known")
    assert draft.said(inbound.at_data(data(rcpt(grade=Grade.KNOWN), suspicion=SUSPICIOUS), POLICY)).action == "tag"


def test_facts_that_the_draft_does_not_name_stay() -> None:
    facts = rcpt(mode=Mode.OBSERVE, now=rcpt().now + timedelta(days=1), grade=Grade.REMEMBERED)
    assert draft.under(facts, SAME) == facts
