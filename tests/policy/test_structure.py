"""How a mail is built: what counts against a stranger, and against whom nothing of it counts."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from gateway.model import (
    ContentFacts,
    DataFacts,
    Finding,
    Grade,
    ListVerb,
    Peer,
    ReasonCode,
    Relayed,
    Rung,
    RungKind,
    Spf,
    SpfResult,
)
from gateway.policy import structure
from gateway.policy.structure import GROUPS
from gateway.policy.suspicion import weighed
from tests.policy.stranger import ANN, DAY, DKIM, HOUR, NETWORK, NOW, POLICY, data, listed, rcpt

CLAIMS = Peer(ip_address("192.0.2.7"), helo="mail.elsewhere.example", nameless=True)
NOT_PERMITTED = Spf(SpfResult.FAIL, "elsewhere.example")


def seen(found: ContentFacts, **differs: Any) -> dict[str, Any]:
    """The codes of the structure of a stranger's mail, and their evidence."""
    facts = weighed(data(rcpt(**differs), content=found), POLICY)
    return {str(one.code): dict(one.evidence) for one in facts.suspicion if one.code in structure.CODES}


def claiming(author: str = ANN.key, **differs: Any) -> DataFacts:
    facts = data(rcpt(**{"peer": CLAIMS, "spf": NOT_PERMITTED, **differs}))
    return replace(facts, message=replace(facts.message, authors=(author,)))


@pytest.mark.parametrize(
    ("findings", "codes"),
    [
        ((), set()),
        ((Finding.NO_DATE,), {ReasonCode.STRUCTURE_FIELDS}),
        ((Finding.NO_DATE, Finding.NO_MESSAGE_ID), {ReasonCode.STRUCTURE_FIELDS}),
        ((Finding.BAD_MESSAGE_ID,), {ReasonCode.STRUCTURE_FIELDS}),
        ((Finding.BAD_DATE,), {ReasonCode.STRUCTURE_DATE}),
        ((Finding.DOUBLED_FIELD,), {ReasonCode.STRUCTURE_DOUBLED}),
        ((Finding.BAD_RECEIVED,), {ReasonCode.STRUCTURE_RECEIVED}),
        ((Finding.BROKEN_PARTS, Finding.BROKEN_ENCODING), {ReasonCode.STRUCTURE_PARTS}),
        ((Finding.INVISIBLE,), {ReasonCode.STRUCTURE_LETTERS}),
        ((Finding.TURNED, Finding.CONFUSABLE), {ReasonCode.STRUCTURE_LETTERS}),
        ((Finding.HIDDEN_TEXT,), {ReasonCode.STRUCTURE_HIDDEN}),
    ],
)
def test_what_was_found_is_told_by_its_group(findings, codes):
    assert set(seen(ContentFacts(findings=findings))) == codes


def test_every_finding_is_in_a_group():
    grouped = [one for _, group in GROUPS for one in group]
    assert sorted([*grouped, Finding.BAD_DATE]) == sorted(Finding)


def test_a_group_weighs_once_and_names_all_that_was_seen():
    assert seen(ContentFacts(findings=(Finding.NO_DATE, Finding.NO_MESSAGE_ID))) == {
        "structure.fields": {"seen": "no_date, no_message_id"}
    }


@pytest.mark.parametrize(
    ("off", "hours"),
    [
        (timedelta(0), None),
        (-6 * DAY, None),
        (25 * HOUR, None),
        (-8 * DAY, -192),
        (27 * HOUR, 27),
        (timedelta(days=4000), 96000),
    ],
)
def test_a_date_may_be_as_old_as_a_queue_keeps_mail(off, hours):
    expected = {} if hours is None else {"structure.date": {"hours": hours}}
    assert seen(ContentFacts(dated=NOW + off)) == expected


@pytest.mark.parametrize(
    "differs",
    [
        pytest.param({"grade": Grade.KNOWN}, id="known"),
        pytest.param({"grade": Grade.REMEMBERED}, id="remembered"),
        pytest.param({"listed": (listed(ListVerb.ALLOW),)}, id="allowed"),
        pytest.param({"sender": ""}, id="a machine that reports"),
    ],
)
def test_it_counts_against_strangers_who_write(differs):
    odd = ContentFacts(findings=tuple(Finding), dated=NOW - 90 * DAY)
    assert seen(odd)
    assert seen(odd, **differs) == {}


# ---- HELO and author -----------------------------------------------------------------------------------------------


def test_a_host_that_calls_itself_its_authors_and_is_not():
    (reason,) = structure.reasons(claiming())
    assert (reason.code, reason.evidence) == (
        ReasonCode.STRUCTURE_HELO,
        {"helo": "mail.elsewhere.example", "author": "elsewhere.example"},
    )


@pytest.mark.parametrize(
    "differs",
    [
        pytest.param({"rungs": frozenset({NETWORK, DKIM})}, id="it signed"),
        pytest.param(
            {"rungs": frozenset({NETWORK, Rung(RungKind.FCRDNS, "elsewhere.example")})}, id="its name says so"
        ),
        pytest.param({"spf": None}, id="SPF was not asked for"),
        pytest.param({"spf": Spf(SpfResult.TEMPERROR, "elsewhere.example")}, id="SPF could not be asked for"),
        pytest.param({"peer": Peer(CLAIMS.address, helo=CLAIMS.helo)}, id="DNS did not say its name"),
        pytest.param({"peer": Peer(CLAIMS.address, helo="other.example", nameless=True)}, id="it says another name"),
        pytest.param({"peer": Peer(CLAIMS.address, helo="example", nameless=True)}, id="the bare ending"),
        pytest.param({"relayed": Relayed(frozenset({NETWORK}))}, id="a relay brings it"),
        pytest.param({"author": ""}, id="nobody knows the author"),
    ],
)
def test_nothing_is_said_of_hosts_that_prove_it_or_of_whom_dns_did_not_speak(differs):
    assert list(structure.reasons(claiming(**differs))) == []
