"""When the simulated senders come back: what is documented or was measured, in minutes since the first attempt."""

import pytest

from gateway.simulate.model import DAY, HOUR, Kind, Pick, by_age, doubling, every, growing, squares, then
from gateway.simulate.senders import KNOWN, SERVERS, SPAM, crowd

BY_NAME = {model.name: model for model in (*crowd(), *KNOWN)}


@pytest.mark.parametrize(
    ("name", "begin", "gives_up"),
    [
        ("postfix", (5, 10, 20, 40, 80), 5 * DAY),
        ("exim", (15, 30, 45, 60, 75, 90, 105, 120), 4 * DAY),
        ("qmail", (6.67, 26.67, 60), 7 * DAY),
        ("exchange", (5, 10, 15, 20, 25, 30, 40, 50), 2 * DAY),
        ("haraka", (1.07, 3.2, 7.47, 16), 72.8 * HOUR),
        ("zonemta", (5, 12, 20, 45), 48 * HOUR),
        ("kumomta", (20, 60, 140), 7 * DAY),
        ("stalwart", (2, 7, 17, 32, 62), 3 * DAY),
        ("mox", (7.5, 22.5, 52.5, 112.5), 32 * HOUR),
        ("maddy", (15, 33.75), 3 * DAY),
        ("bitdefender", (30, 60, 90), 4 * HOUR),
        ("gmail", (6.03, 29, 57, 99, 162, 230), 3 * DAY),
        ("outlook.com", (4, 8, 12), DAY),
        ("exchange online", (15, 30, 45), DAY),
        ("gmx", (5.02, 17), 3 * DAY),
        ("ses", (5, 15), 12 * HOUR),
        ("sendgrid", (1, 11, 71), 72 * HOUR),
        ("mailgun", (10, 25, 55, 115, 235, 475), 8 * HOUR),
        ("aol-like quitter", (4, 10, 20, 31.53), 31.53),
        ("qq-like quitter", (5, 10, 15), 204.93),
    ],
)
def test_a_sender_comes_back_when_it_is_known_to(name, begin, gives_up):
    ladder = BY_NAME[name].ladder
    assert ladder[: len(begin)] == pytest.approx(begin, abs=0.01)
    assert 0.6 * gives_up <= ladder[-1] <= gives_up + 0.01


@pytest.mark.parametrize(
    ("name", "addresses", "pick"),
    [
        ("gmail", 7, Pick.TURN),
        ("outlook.com", 15, Pick.TURN),
        ("exchange online", 15, Pick.ANY),
        ("zonemta", 1, Pick.SAME),
    ],
)
def test_pools_are_as_large_as_they_were_seen(name, addresses, pick):
    assert (BY_NAME[name].pool.addresses, BY_NAME[name].pool.pick) == (addresses, pick)


@pytest.mark.parametrize(("name", "attempts"), [("aol-like quitter", 5), ("qq-like quitter", 12)])
def test_quitters_try_as_often_as_was_seen(name, attempts):
    assert len(BY_NAME[name].ladder) + 1 == attempts


@pytest.mark.parametrize("model", crowd(), ids=lambda model: model.name)
def test_every_ladder_goes_up(model):
    assert list(model.ladder) == sorted(set(model.ladder))
    assert all(at > 0 for at in model.ladder)


def test_names_are_told_apart():
    assert len({model.name for model in crowd()}) == len(crowd())
    assert not any("," in model.name for model in crowd()), "the command takes names between commas"


def test_all_kinds_of_mail_and_of_spam_are_there():
    assert {model.kind for model in crowd()} == set(Kind)
    assert all(model.wanted for model in SERVERS)
    assert not any(model.wanted for model in SPAM)


def test_the_rules_that_ladders_are_made_by():
    assert every(10, 35) == (10, 20, 30)
    assert growing(5, 2, 15, 60) == (5, 15, 30, 45, 60)
    assert then((1, 11), 60, 140) == (1, 11, 71, 131)
    assert by_age(5, 66, 100) == (5, 10, 20, 40, 80)
    assert squares(60, 10) == (1, 4, 9)
    assert doubling(60, 3) == (1, 3, 7)
