"""A few simulated days of everybody at every level: the promises, mail by mail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.model import Level
from gateway.simulate.backend import Outage
from gateway.simulate.books import End, Story
from gateway.simulate.loop import BEGIN
from gateway.simulate.model import Kind, Pool, Vouched
from gateway.simulate.senders import KINDS, POOLS, SERVERS, SPAM, crowd
from gateway.simulate.week import Week
from tests.simulate.stage import LEVELS, week

pytestmark = pytest.mark.timeout(900)  # seconds: half a minute of one core, and it may have to share it
WAIT = timedelta(minutes=3)
HOLDING = {Level.REVIEW_BEFORE, Level.KNOWN_ONLY}
EARLY = ("sendgrid", "yahoo", "stalwart", "haraka")  # their first retry comes before the wait is over
WAITING = {Level.GREYLIST, Level.REVIEW_AFTER}


@pytest.fixture(scope="module", params=[False, True], ids=["nobody looks", "somebody looks"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Week:
    models = tuple(replace(model, mails=min(2, model.mails), pairs=min(2, model.pairs)) for model in crowd())
    return week(tmp_path_factory.mktemp("week"), models, days=2, reviewed=request.param)


def of(played: Week, *names: str, levels: set[Level] | None = None) -> list[Story]:
    found = [one for one in played.stories if one.name in names and one.level in (levels or set(LEVELS))]
    assert found
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_lost_and_nothing_comes_twice(played: Week, level: Level) -> None:
    mine = [one for one in played.stories if one.level is level and one.model.wanted]
    assert {one.name for one in mine} >= {model.name for model in (*SERVERS, *POOLS, *KINDS)}
    assert [(one.name, one.mail) for one in mine if one.lost] == []
    assert [(one.name, one.mail) for one in mine if one.doubled] == []


def test_what_arrives_is_what_was_sent_and_the_gate_has_nothing_to_complain_about(played: Week) -> None:
    assert [one.mail for one in played.stories if one.altered] == []
    assert (played.trouble, played.stray) == ([], 0)


@pytest.mark.parametrize("name", [model.name for model in POOLS if model.name not in EARLY])
def test_a_pool_passes_at_its_first_retry(played: Week, name: str) -> None:
    waited = [one for one in of(played, name, levels=WAITING) if not one.undelayed]
    assert waited
    assert all(len(one.attempts) == 2 for one in waited)


def test_who_comes_back_too_early_passes_at_the_first_retry_after_the_wait(played: Week) -> None:
    waited = [one for one in of(played, *EARLY, levels=WAITING) if not one.undelayed]
    assert waited
    assert [one.name for one in waited if one.late_tries(WAIT)] == []


@pytest.mark.parametrize("name", [model.name for model in crowd() if model.known])
def test_known_correspondents_are_never_delayed(played: Week, name: str) -> None:
    assert [(one.level, one.delay) for one in of(played, name) if not one.undelayed] == []


def test_bots_that_never_come_back_never_get_in(played: Week) -> None:
    once = [model.name for model in SPAM if not model.ladder]
    guarded = WAITING | HOLDING
    assert [(one.name, one.level) for one in of(played, *once, levels=guarded) if one.let_in] == []


def test_other_content_at_every_attempt_is_no_retry(played: Week) -> None:
    assert not any(one.let_in for one in of(played, "bot that varies its mail", levels=WAITING | HOLDING))


def test_spam_reaches_whom_nothing_protects(played: Week) -> None:
    assert all(one.let_in for one in of(played, "bot that sends once", levels={Level.OFF, Level.WATCH}))


def test_call_outs_are_answered_at_once(played: Week) -> None:
    assert all(one.undelayed for one in of(played, "call-outs"))


def test_what_is_held_can_be_seen_at_once_and_comes_when_the_office_opens(played: Week) -> None:
    held = [one for one in of(played, "postfix", "gmail", levels=HOLDING) if not one.undelayed]
    assert held
    assert all(one.shown_after is not None and one.shown_after < timedelta(minutes=1) for one in held)
    assert all(one.delivered is not None and 8 <= one.delivered.hour < 18 for one in held)


def test_a_script_that_never_comes_back_leaves_a_copy_that_somebody_can_see(played: Week) -> None:
    sent = of(played, "script that sends once", levels=WAITING)
    assert all(one.shown is not None for one in sent if not one.undelayed)
    assert any(one.end is End.GAVE_UP for one in sent)


# ---- the simulation itself -----------------------------------------------------------------------------------------


def told(played: Week) -> list[tuple[object, ...]]:
    return [
        (one.name, one.mail, one.recipient, [(at, str(said.reply)) for at, said in one.attempts], one.delivered)
        for one in played.stories
    ]


def test_the_same_seed_is_the_same_week_and_another_is_not(folders: Callable[[], Path]) -> None:
    models = SERVERS[:3]
    first, again, other = (week(folders(), models, days=1, seed=seed) for seed in (1, 1, 2))
    assert told(first) == told(again)
    assert told(first) != told(other)


def test_a_backend_that_is_away_for_an_hour_loses_nothing(folders: Callable[[], Path]) -> None:
    outages = tuple(Outage(BEGIN + timedelta(hours=hour), timedelta(hours=1)) for hour in (8, 11, 14))
    played = week(folders(), (*SERVERS[:4], *POOLS[:3]), days=1, outages=outages, reviewed=True)
    assert any(said.reply.text.startswith("The destination") for one in played.stories for _, said in one.attempts)
    assert [one.name for one in played.stories if one.lost or one.doubled] == []
    assert all(one.delivered for one in played.stories)


def test_without_copies_the_mail_of_who_never_comes_back_is_lost_by_its_sender(folders: Callable[[], Path]) -> None:
    once = next(model for model in crowd() if model.name == "script that sends once")
    played = week(folders(), (once,), days=1, sections={"storage": {"keep_copies": False}})
    mine = [one for one in played.stories if one.level in WAITING]
    assert all(one.lost_by_sender and not one.lost for one in mine)


def test_a_pool_without_any_name_is_taken_over_before_it_gives_up(folders: Callable[[], Path]) -> None:
    pool = next(model for model in POOLS if model.name == "exchange online")
    nameless = type(pool)("nameless pool", pool.ladder, Pool(15, 15, pool.pool.pick, False, Vouched.NOTHING), mails=1)
    played = week(folders(), (nameless,), days=1)
    delays = [one.delay for one in played.stories if one.level in WAITING]
    assert all(delay is not None and delay < timedelta(hours=4, minutes=30) for delay in delays)
    assert any(delay is not None and delay > timedelta(minutes=30) for delay in delays)


def test_kinds_differ_in_their_envelopes(played: Week) -> None:
    assert {one.model.kind for one in played.stories} == set(Kind)
