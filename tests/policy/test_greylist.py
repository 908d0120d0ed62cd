"""Greylisting as a function of time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Fingerprint
from gateway.policy.greylist import Stage, content_agrees, counts, look
from tests.policy.stranger import (
    DAY,
    DKIM,
    HOST,
    HOUR,
    MAIL,
    MINUTE,
    NETWORK,
    NOW,
    OTHER_MAIL,
    OTHER_NETWORK,
    SECOND,
    SPF,
    SPF_WIDE,
    TIMING,
    seen,
    uploaded,
)

NEW, EARLY, PASSED = Stage.NEW, Stage.EARLY, Stage.PASSED
HERE = frozenset({NETWORK})
LONGEST = timedelta(days=40)


def stage(*sightings, content=MAIL, rungs=HERE):
    return look(sightings, frozenset(rungs), content, NOW, TIMING).stage


@given(waited=st.timedeltas(timedelta(0), LONGEST))
def test_only_a_patient_retry_passes(waited):
    assert (stage(uploaded(waited)) is PASSED) == (TIMING.wait <= waited <= TIMING.window)


@given(waited=st.lists(st.timedeltas(timedelta(0), LONGEST), max_size=5))
def test_of_several_attempts_the_oldest_within_the_window_counts(waited):
    found = look(tuple(uploaded(one) for one in waited), HERE, MAIL, NOW, TIMING)
    fresh = [one for one in waited if one <= TIMING.window]
    assert (found.stage is NEW) == (not fresh)
    assert found.waited == max(fresh, default=timedelta(0))
    assert (found.sighting is None) == (found.stage is NEW)


@given(
    waited=st.timedeltas(timedelta(0), LONGEST),
    content=st.sampled_from([MAIL, OTHER_MAIL, None]),
    rungs=st.frozensets(st.sampled_from([NETWORK, SPF_WIDE]), min_size=1),
)
def test_a_mail_without_an_earlier_attempt_of_it_never_passes(waited, content, rungs):
    other = Fingerprint("whole 3", "body 3", "headers 3", "id 3")
    assert stage(rungs=rungs, content=content) is NEW
    if content is not None:
        assert stage(uploaded(waited, other, rungs=frozenset(rungs)), rungs=rungs, content=content) is NEW


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(0), EARLY),
        (TIMING.wait - SECOND, EARLY),
        (TIMING.wait, PASSED),
        (TIMING.window, PASSED),
        (TIMING.window + SECOND, NEW),
    ],
    ids=["at once", "a second too early", "just in time", "at the last moment", "a second too late"],
)
def test_the_borders_of_the_wait_and_the_window(ago, expected):
    assert stage(uploaded(ago)) is expected


def test_a_clock_that_went_back_is_early_and_no_error():
    assert stage(uploaded(-HOUR)) is EARLY


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        pytest.param({NETWORK}, NEW, id="the bare network"),
        pytest.param({SPF_WIDE}, NEW, id="an SPF record that permits very many"),
        pytest.param({NETWORK, SPF_WIDE}, NEW, id="both of them"),
        pytest.param({HOST}, PASSED, id="the organisation of a server's name"),
        pytest.param({SPF}, PASSED, id="an SPF domain speaks for itself"),
        pytest.param({DKIM}, PASSED, id="a signature speaks for itself"),
        pytest.param({NETWORK, SPF}, PASSED, id="the stronger rung is enough"),
    ],
)
def test_where_the_content_must_agree(rungs, expected):
    attempt = uploaded(HOUR, OTHER_MAIL, rungs=frozenset(rungs))
    assert stage(attempt, rungs=rungs) is expected


SPENT = replace(uploaded(HOUR), passed_at=NOW - HOUR / 2)


@pytest.mark.parametrize(
    ("rungs", "content", "expected"),
    [
        pytest.param({SPF}, MAIL, PASSED, id="this very mail once more"),
        pytest.param({SPF}, OTHER_MAIL, NEW, id="another mail by an SPF domain"),
        pytest.param({SPF}, None, NEW, id="by an SPF domain, its data still to come"),
        pytest.param({HOST}, OTHER_MAIL, NEW, id="another mail from that organisation"),
        pytest.param({DKIM}, OTHER_MAIL, PASSED, id="another mail with the signature"),
        pytest.param({NETWORK}, OTHER_MAIL, NEW, id="another mail from the network"),
        pytest.param({NETWORK}, None, PASSED, id="from the network, its data still to come"),
    ],
)
def test_a_wait_that_is_spent_lets_nobody_else_in(rungs, content, expected):
    assert stage(replace(SPENT, rungs=frozenset(rungs)), rungs=rungs, content=content) is expected


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        pytest.param({NETWORK}, PASSED, id="the network"),
        pytest.param({HOST}, PASSED, id="the host's name, from another network"),
        pytest.param({SPF}, PASSED, id="the SPF domain, from another network"),
        pytest.param({OTHER_NETWORK}, NEW, id="none"),
    ],
)
def test_a_retry_matches_on_any_shared_rung(shared, expected):
    assert stage(uploaded(HOUR, rungs=frozenset(shared)), rungs={NETWORK, HOST, SPF}) is expected


def test_sightings_at_rcpt_and_after_the_data_satisfy_each_other():
    assert stage(seen(HOUR), content=MAIL) is PASSED
    assert stage(uploaded(HOUR), content=None) is PASSED
    assert stage(seen(HOUR), content=None) is PASSED


@pytest.mark.parametrize(
    ("before", "now", "agrees"),
    [
        pytest.param(uploaded(HOUR), MAIL, True, id="the same mail"),
        pytest.param(uploaded(HOUR, message_id=None), MAIL, True, id="the body agrees"),
        pytest.param(uploaded(HOUR, body="b"), MAIL, True, id="the Message-ID agrees"),
        pytest.param(uploaded(HOUR, OTHER_MAIL), MAIL, False, id="neither agrees"),
        pytest.param(
            uploaded(HOUR, OTHER_MAIL, message_id=None),
            Fingerprint("w", "b", None, None),
            False,
            id="two mails without a Message-ID do not share one",
        ),
        pytest.param(seen(HOUR), MAIL, True, id="the first attempt was deferred before its data"),
        pytest.param(uploaded(HOUR), None, True, id="the data are still to come"),
    ],
)
def test_when_the_content_agrees(before, now, agrees):
    assert content_agrees(before, now) is agrees
    assert counts(before, HERE, now) is agrees


@pytest.mark.parametrize(
    ("attempt", "other"),
    [
        pytest.param(uploaded(HOUR, OTHER_MAIL), True, id="another mail from here"),
        pytest.param(uploaded(5 * DAY, OTHER_MAIL), False, id="long ago"),
        pytest.param(uploaded(HOUR, OTHER_MAIL, rungs=frozenset({OTHER_NETWORK})), False, id="from elsewhere"),
    ],
)
def test_it_tells_when_only_other_mail_was_seen(attempt, other):
    found = look((attempt,), HERE, MAIL, NOW, TIMING)
    assert (found.stage, found.other_content) == (NEW, other)


def test_another_mail_beside_the_right_one_does_no_harm():
    found = look((uploaded(2 * HOUR, OTHER_MAIL), uploaded(4 * MINUTE)), HERE, MAIL, NOW, TIMING)
    assert (found.stage, found.waited) == (PASSED, 4 * MINUTE)
