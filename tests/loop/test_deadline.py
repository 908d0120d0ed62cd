"""One timer for many deadlines, on both event loops: uvloop's timers differ from asyncio's where one is due at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from gateway.deadline import Deadline

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Bell:
    def __init__(self) -> None:
        self.deadline = Deadline(asyncio.get_running_loop(), self.ring)
        self.rung = 0
        self.rang = asyncio.Event()

    def ring(self) -> None:
        self.rung += 1
        self.rang.set()

    async def has_rung(self) -> int:
        """How often, a moment after it rang; a slow machine may ring late."""
        await asyncio.wait_for(self.rang.wait(), 60)
        await asyncio.sleep(0.02)
        return self.rung


@pytest.fixture(params=LOOPS)
def play(request: pytest.FixtureRequest) -> Callable[[Callable[[Bell], Awaitable[None]]], None]:
    def run(story: Callable[[Bell], Awaitable[None]]) -> None:
        async def told() -> None:
            await story(Bell())

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(told())

    return run


Play = Callable[[Callable[[Bell], Awaitable[None]]], None]


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_time_that_is_over_already_rings_once_even_if_it_is_set_again(play: Play, seconds: float) -> None:
    async def story(bell: Bell) -> None:
        bell.deadline.set(seconds)
        bell.deadline.set(seconds)
        assert await bell.has_rung() == 1

    play(story)


def test_a_later_deadline_takes_the_place_of_an_earlier_one(play: Play) -> None:
    async def story(bell: Bell) -> None:
        began = asyncio.get_running_loop().time()
        bell.deadline.set(0.02)
        bell.deadline.set(0.2)
        await asyncio.wait_for(bell.rang.wait(), 60)
        assert asyncio.get_running_loop().time() - began > 0.19
        assert await bell.has_rung() == 1

    play(story)


def test_an_earlier_deadline_takes_the_place_of_a_later_one(play: Play) -> None:
    async def story(bell: Bell) -> None:
        bell.deadline.set(3600)
        bell.deadline.set(0.02)
        assert await bell.has_rung() == 1

    play(story)


@pytest.mark.parametrize("how", [Deadline.clear, Deadline.end])
def test_a_deadline_that_was_taken_back_does_not_ring(play: Play, how: Callable[[Deadline], None]) -> None:
    async def story(bell: Bell) -> None:
        bell.deadline.set(0.02)
        how(bell.deadline)
        await asyncio.sleep(0.1)
        assert bell.rung == 0

    play(story)


def test_after_a_pause_without_limit_a_new_one_holds(play: Play) -> None:
    async def story(bell: Bell) -> None:
        bell.deadline.set(0.02)
        bell.deadline.clear()
        await asyncio.sleep(0.1)
        assert bell.rung == 0
        bell.deadline.set(0.02)
        assert await bell.has_rung() == 1

    play(story)
