"""When the courier tries again, and when it gives up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import DeliveryState, Reply
from gateway.policy.retry import FIRST_PAUSE, LIFETIME, LONGEST_PAUSE, after, gives_up, next_attempt
from tests.policy.stranger import DAY, NOW, SECOND

counts = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 300), (1, 300), (2, 600), (3, 1200), (4, 2400), (5, 4000), (6, 4000), (5000, 4000)]
)
def test_pauses_double_up_to_the_longest(attempts, seconds):
    assert next_attempt(attempts, NOW) == NOW + timedelta(seconds=seconds)


@given(counts, st.floats(0, 1))
def test_a_pause_is_never_shorter_than_the_first_nor_longer_than_the_longest_and_a_tenth(attempts, jitter):
    pause = next_attempt(attempts, NOW, jitter) - NOW
    assert FIRST_PAUSE <= pause <= LONGEST_PAUSE * 1.1


@given(counts)
def test_a_later_attempt_never_comes_sooner(attempts):
    assert next_attempt(attempts + 1, NOW) >= next_attempt(attempts, NOW)


def test_jitter_adds_up_to_a_tenth():
    assert next_attempt(1, NOW, 1.0) == NOW + FIRST_PAUSE * 1.1


def test_it_gives_up_after_five_days():
    assert LIFETIME == 5 * DAY
    assert not gives_up(NOW - LIFETIME + SECOND, NOW)
    assert gives_up(NOW - LIFETIME, NOW)


@pytest.mark.parametrize(
    ("code", "age", "state"),
    [
        pytest.param(250, DAY, DeliveryState.DELIVERED, id="it was taken"),
        pytest.param(250, 9 * DAY, DeliveryState.DELIVERED, id="it was taken at last"),
        pytest.param(451, DAY, DeliveryState.RELEASING, id="it is tried again"),
        pytest.param(451, 5 * DAY, DeliveryState.UNDELIVERABLE, id="it was tried for long enough"),
        pytest.param(550, DAY, DeliveryState.UNDELIVERABLE, id="it was refused"),
    ],
)
def test_what_becomes_of_our_mail_after_an_attempt(code, age, state):
    assert after(Reply(code, "", "said"), NOW - age, NOW) is state
