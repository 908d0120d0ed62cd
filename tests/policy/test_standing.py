"""Standing: acts of people count, silence counts for a little, everything fades, and what is shared is nobody's."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Rung, RungKind
from gateway.policy.shared import NOTHING_LEARNT, Shared
from gateway.policy.standing import (
    HALF_LIFE,
    MOST_BY_SILENCE,
    WEIGHT,
    Outcome,
    Party,
    Standing,
    grown,
    left,
    parties,
    standing,
)
from tests.policy.stranger import DAY, NOW

NETWORK = Rung(RungKind.NETWORK, "192.0.2.0/24")
HOST = Rung(RungKind.FCRDNS, "elsewhere.example")
SPF = Rung(RungKind.SPF, "elsewhere.example")
SIGNED = Rung(RungKind.DKIM, "elsewhere.example")
ANN = "ann@elsewhere.example"

AMOUNTS = st.floats(0, 1e6)
HISTORIES = st.dictionaries(st.sampled_from(list(Outcome)), AMOUNTS)


def of(**counts: float) -> Standing:
    return standing({Outcome(name): count for name, count in counts.items()})


@pytest.mark.parametrize("mails", [1, 10, 1000, 1e9])
def test_patience_of_a_spammer_ten_accepted_mails_are_no_credit(mails: float) -> None:
    assert 0 < of(accepted=mails).value <= MOST_BY_SILENCE
    assert not of(accepted=mails).has_credit


def test_one_act_of_a_person_is_credit_and_one_refusal_takes_it_away() -> None:
    assert of(released=1).has_credit
    assert of(released=1, accepted=100).has_credit
    assert of(released=1, refused=1).value < 0
    assert of(accepted=1000, refused=1).value < -0.5


def test_never_coming_back_is_a_little_against_whoever_does_it_however_often() -> None:
    assert -0.2 < of(abandoned=1e6).value < -0.1
    assert of(trapped=1).value < -0.7


@given(HISTORIES)
def test_it_stays_between_its_ends(history: dict[Outcome, float]) -> None:
    found = standing(history)
    assert -1 <= found.value <= 1
    assert 0 <= found.confidence <= 1


@given(HISTORIES)
def test_without_a_person_nobody_has_credit(history: dict[Outcome, float]) -> None:
    assert not standing({**history, Outcome.RELEASED: 0}).has_credit


@given(HISTORIES, st.sampled_from(list(Outcome)), AMOUNTS)
def test_more_of_what_is_good_never_harms_and_more_of_what_is_bad_never_helps(
    history: dict[Outcome, float], outcome: Outcome, more: float
) -> None:
    before, after = standing(history).value, standing({**history, outcome: history.get(outcome, 0) + more}).value
    assert after >= before if WEIGHT[outcome] > 0 else after <= before


@given(HISTORIES)
def test_what_is_shared_has_none(history: dict[Outcome, float]) -> None:
    found = standing(history, shared=True)
    assert (found.value, found.confidence, found.has_credit) == (0, 0, False)


def test_nothing_is_known_of_a_stranger() -> None:
    assert (of().value, of().confidence, dict(of().parts)) == (0, 0, {})
    assert of(accepted=1).confidence < of(accepted=20).confidence < 1


# ---- fading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_half_of_it_is_left_after_its_half_life(outcome: Outcome) -> None:
    counter = grown(outcome, NOW)
    assert left(outcome, counter, NOW) == pytest.approx(1)
    assert left(outcome, counter, NOW + HALF_LIFE[outcome]) == pytest.approx(0.5)
    assert left(outcome, counter, NOW + 10 * HALF_LIFE[outcome]) < 0.001


@given(st.lists(st.integers(0, 4000), max_size=6), st.randoms(use_true_random=False))
def test_counters_end_the_same_in_whatever_order_and_on_whichever_node(days: list[int], chance) -> None:  # type: ignore[no-untyped-def]
    def counted(order: list[int]) -> float:
        return sum(grown(Outcome.ACCEPTED, NOW + timedelta(days=day)) for day in order)

    shuffled = chance.sample(days, len(days))
    half = len(days) // 2
    together = counted(shuffled[:half]) + counted(shuffled[half:])
    assert together == pytest.approx(counted(days))


def test_a_counter_lasts_for_decades() -> None:
    later = NOW + 30 * 365 * DAY
    assert left(Outcome.TRAPPED, grown(Outcome.TRAPPED, later), later) == pytest.approx(1)


# ---- who -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rungs", "address", "found"),
    [
        (set(), ANN, []),
        ({NETWORK}, "", [(Party.SERVER, "192.0.2.0/24")]),
        ({NETWORK}, ANN, [(Party.SERVER, "192.0.2.0/24"), (Party.COMBINATION, f"{ANN} by 192.0.2.0/24")]),
        ({NETWORK, HOST}, ANN, [(Party.SERVER, HOST.value), (Party.COMBINATION, f"{ANN} by {HOST.value}")]),
        (
            {NETWORK, HOST, SIGNED},
            ANN,
            [
                (Party.SERVER, SIGNED.value),
                (Party.COMBINATION, f"{ANN} by {SIGNED.value}"),
                (Party.ADDRESS, ANN),
                (Party.DOMAIN, "elsewhere.example"),
            ],
        ),
        (
            {NETWORK, Rung(RungKind.DKIM, "gmail.com")},
            "ann@gmail.com",
            [(Party.COMBINATION, "ann@gmail.com by gmail.com"), (Party.ADDRESS, "ann@gmail.com")],
        ),
    ],
)
def test_a_name_is_charged_and_credited_only_where_it_is_authenticated(
    rungs: set[Rung], address: str, found: list[tuple[Party, str]]
) -> None:
    assert parties(frozenset(rungs), address, NOTHING_LEARNT) == found


def test_what_was_learnt_to_be_shared_is_nobodys_server() -> None:
    assert (Party.SERVER, SPF.value) not in parties(frozenset({SPF}), ANN, Shared(learnt=frozenset({SPF})))
