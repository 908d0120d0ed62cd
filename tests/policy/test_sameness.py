"""Is this retry the same mail? Nothing is dropped unless everything that could tell two mails apart agrees."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import CopyState, Fingerprint, TombstoneOutcome
from gateway.policy.sameness import (
    LOST_REPLY_GRACE,
    Sameness,
    compare,
    in_flight,
    probably_delivered,
    settles,
    shares_identity,
)
from tests.policy.stranger import (
    DKIM,
    EVERY_DAY,
    HOST,
    MAIL,
    MINUTE,
    NETWORK,
    NOW,
    OTHER_MAIL,
    OTHER_NETWORK,
    SECOND,
    SPF,
    identity,
    kept,
    settled,
)

NONE, WEAK, WHOLE, STRONG = Sameness.NONE, Sameness.WEAK, Sameness.WHOLE, Sameness.STRONG
DELIVERED = TombstoneOutcome.DELIVERED


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        pytest.param(identity(), STRONG, id="the very same mail"),
        pytest.param(identity(replace(MAIL, whole="w")), STRONG, id="a field was added on the way"),
        pytest.param(identity(replace(MAIL, headers="h")), WHOLE, id="From, Subject, Date or Message-ID differ"),
        pytest.param(identity(EVERY_DAY), WHOLE, id="it lacks one of the four fields"),
        pytest.param(identity(replace(EVERY_DAY, whole="w")), WEAK, id="only the body agrees"),
        pytest.param(identity(replace(MAIL, whole="w", body="b")), WEAK, id="the four fields agree, the content not"),
        pytest.param(identity(replace(OTHER_MAIL, message_id="id 1")), WEAK, id="another mail with its Message-ID"),
        pytest.param(identity(OTHER_MAIL), NONE, id="another mail"),
        pytest.param(identity(replace(OTHER_MAIL, message_id=None)), NONE, id="another mail without a Message-ID"),
        pytest.param(identity(sender="eve@elsewhere.example"), NONE, id="from another sender"),
        pytest.param(identity(sender=""), NONE, id="from nobody"),
        pytest.param(identity(recipient="cy@example.com"), NONE, id="to another recipient"),
        pytest.param(identity(rungs=frozenset({OTHER_NETWORK})), WHOLE, id="from another network"),
        pytest.param(identity(rungs=frozenset()), WHOLE, id="from nowhere"),
    ],
)
def test_how_surely_a_retry_is_the_same_mail(retry, expected):
    assert compare(identity(), retry) is expected


def test_a_mail_without_the_four_fields_is_never_surely_the_same():
    assert compare(identity(EVERY_DAY), identity(EVERY_DAY)) is WHOLE
    assert compare(identity(EVERY_DAY), identity()) is WHOLE


def test_two_mails_without_message_id_do_not_share_one():
    ours, theirs = replace(MAIL, message_id=None), replace(OTHER_MAIL, message_id=None)
    assert compare(identity(ours), identity(theirs)) is NONE


@pytest.mark.parametrize(
    ("settled_from", "retry_from", "shared"),
    [
        pytest.param({NETWORK}, {NETWORK}, True, id="the same network"),
        pytest.param({NETWORK}, {NETWORK, HOST}, True, id="more is known of the retry"),
        pytest.param({NETWORK, HOST}, {NETWORK}, False, id="less is known of the retry: a neighbour could send it"),
        pytest.param({NETWORK, HOST}, {HOST, OTHER_NETWORK}, True, id="the same host by name"),
        pytest.param({NETWORK, SPF}, {NETWORK, HOST, DKIM}, False, id="the SPF domain does not vouch again"),
        pytest.param({NETWORK, SPF}, {OTHER_NETWORK, SPF}, True, id="the same SPF domain from another network"),
        pytest.param({SPF, DKIM}, {SPF, OTHER_NETWORK}, False, id="signed before, unsigned now"),
        pytest.param({DKIM}, {DKIM, OTHER_NETWORK}, True, id="signed by the same domain"),
        pytest.param(set(), {NETWORK}, False, id="nothing was known of the first"),
        pytest.param({NETWORK}, set(), False, id="nothing is known of the retry"),
    ],
)
def test_an_identity_must_be_at_least_as_strong_as_before(settled_from, retry_from, shared):
    ours, theirs = identity(rungs=frozenset(settled_from)), identity(rungs=frozenset(retry_from))
    assert shares_identity(ours, theirs) is shared
    assert (compare(ours, theirs) is STRONG) is shared


values = st.sampled_from(["1", "2"])
fingerprints = st.builds(
    Fingerprint, whole=values, body=values, headers=st.none() | values, message_id=st.none() | values
)
identities = st.builds(
    identity,
    fingerprints,
    sender=st.sampled_from(["", "ann@elsewhere.example"]),
    recipient=st.sampled_from(["bo@example.com", "cy@example.com"]),
    rungs=st.frozensets(st.sampled_from([NETWORK, OTHER_NETWORK, HOST, SPF, DKIM])),
)


@given(identities, identities)
def test_a_strong_match_needs_envelope_headers_identity_and_content(ours, theirs):
    one, other = ours.fingerprint, theirs.fingerprint
    if compare(ours, theirs) is STRONG:
        assert (ours.sender, ours.recipient) == (theirs.sender, theirs.recipient)
        assert one.headers is not None
        assert one.headers == other.headers
        assert one.whole == other.whole or one.body == other.body
        assert max(rung.kind for rung in ours.rungs & theirs.rungs) >= max(rung.kind for rung in ours.rungs)


@given(identities)
def test_a_mail_is_the_same_as_itself_as_far_as_that_can_be_told(mail):
    certain = mail.fingerprint.headers is not None and mail.rungs
    assert compare(mail, mail) is (STRONG if certain else WHOLE)


# ---- tombstones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stone", "answers"),
    [
        pytest.param(settled(DELIVERED), True, id="delivered: the retry is dropped"),
        pytest.param(settled(DELIVERED, expires=NOW), False, id="it has expired"),
        pytest.param(settled(DELIVERED, expires=NOW + SECOND), True, id="it is about to expire"),
        pytest.param(settled(DELIVERED, consumed_at=NOW - MINUTE), True, id="answered a minute ago: a lost reply"),
        pytest.param(settled(DELIVERED, consumed_at=NOW - LOST_REPLY_GRACE), True, id="answered an hour ago"),
        pytest.param(
            settled(DELIVERED, consumed_at=NOW - LOST_REPLY_GRACE - SECOND), False, id="answered longer ago: once only"
        ),
        pytest.param(
            settled(TombstoneOutcome.REFUSED, consumed_at=NOW - 2 * LOST_REPLY_GRACE), True, id="refused: every time"
        ),
        pytest.param(settled(TombstoneOutcome.UNDELIVERABLE), True, id="the backend's refusal is passed on"),
        pytest.param(settled(TombstoneOutcome.PENDING), True, id="on its way"),
        pytest.param(settled(DELIVERED, mail=identity(EVERY_DAY)), False, id="the mail looks alike every day"),
        pytest.param(settled(DELIVERED, mail=identity(rungs=frozenset({OTHER_NETWORK}))), False, id="another's mail"),
        pytest.param(
            settled(DELIVERED, mail=identity(replace(OTHER_MAIL, message_id=MAIL.message_id))),
            False,
            id="another mail with the same Message-ID",
        ),
        pytest.param(
            settled(TombstoneOutcome.REFUSED, mail=identity(replace(MAIL, headers="h"))),
            False,
            id="a refusal too needs a strong match",
        ),
    ],
)
def test_a_tombstone_answers_for_the_same_mail_only(stone, answers):
    assert settles(stone, identity(), NOW) is answers


@pytest.mark.parametrize(
    ("stone", "probably"),
    [
        pytest.param(
            settled(DELIVERED, released=True, mail=identity(replace(MAIL, body="b", whole="w"))), True, id="id"
        ),
        pytest.param(settled(DELIVERED, released=True, mail=identity(replace(MAIL, message_id=None))), True, id="body"),
        pytest.param(settled(DELIVERED, released=True, mail=identity(OTHER_MAIL)), False, id="another mail"),
        pytest.param(settled(DELIVERED, released=False), False, id="nobody released it"),
        pytest.param(settled(TombstoneOutcome.PENDING, released=True), False, id="it is still on its way"),
        pytest.param(settled(TombstoneOutcome.UNDELIVERABLE, released=True), False, id="it was not delivered"),
    ],
)
def test_a_copy_is_closed_as_probably_delivered(stone, probably):
    assert probably_delivered(stone, identity()) is probably


# ---- copies that are being passed ----------------------------------------------------------------------------------

SOON = NOW + MINUTE


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        pytest.param(kept(MINUTE, CopyState.PASSING, lease_until=SOON), True, id="claimed by a living process"),
        pytest.param(kept(MINUTE, CopyState.PASSING, lease_until=NOW), False, id="its lease ended"),
        pytest.param(kept(MINUTE, CopyState.PASSING), False, id="it has no lease"),
        pytest.param(kept(MINUTE, CopyState.SENDER_HELD, lease_until=SOON), False, id="nobody is passing it"),
        pytest.param(kept(MINUTE, CopyState.PASSED, lease_until=SOON), False, id="it passed already"),
        pytest.param(
            kept(MINUTE, CopyState.PASSING, lease_until=SOON, mail=identity(EVERY_DAY)), True, id="the same bytes"
        ),
        pytest.param(
            kept(MINUTE, CopyState.PASSING, lease_until=SOON, mail=identity(replace(MAIL, whole="w", headers="h"))),
            False,
            id="only alike: it may be another mail",
        ),
    ],
)
def test_a_mail_is_in_flight_while_its_claim_lives(copy, expected):
    assert in_flight(copy, identity(), NOW) is expected
