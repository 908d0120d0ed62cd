"""One simulated week: a house, a crowd, an office, and the books that are closed when all mail has come to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import structlog

from gateway.model import Level
from gateway.settings import Settings
from gateway.simulate import loop, office
from gateway.simulate.backend import Backend, Outage
from gateway.simulate.books import Books, Story
from gateway.simulate.crowd import Crowd
from gateway.simulate.house import House, recipients_of
from gateway.simulate.model import Model
from gateway.simulate.world import World
from gateway.simulate.zone import Zone

PEOPLE = 3  # accounts of each level
HOUR, DAY = 3600.0, 86400.0  # seconds
AFTERWARDS = 4 * DAY  # seconds: whoever decides has had a working day after the last mail, whatever day that was
TROUBLE = ("error", "critical", "exception")

Tell = Callable[[float], None]
Build = Callable[[Settings, Path, Zone, Backend], Awaitable[House]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. `reviewed`: somebody looks at all that is kept."""

    settings: Settings
    levels: tuple[Level, ...]
    models: tuple[Model, ...]
    days: float = 7.0
    reviewed: bool = False
    outages: tuple[Outage, ...] = ()


@dataclass
class Week:
    """What happened. `trouble` are the gate's own complaints, `stray` what arrived and nobody had sent."""

    seed: int
    stories: list[Story]
    trouble: list[str] = field(default_factory=list)
    stray: int = 0


def simulate(plan: Plan, seed: int, folder: Path, build: Build, tell: Tell = lambda done: None) -> Week:
    """Play a week in a folder that is empty before. `build` makes the house; `tell` hears how much is done (0 to 1)."""
    with complaints() as trouble:
        week = loop.run(play(plan, seed, folder, build, tell), seed)
    week.trouble = trouble
    return week


async def play(plan: Plan, seed: int, folder: Path, build: Build, tell: Tell) -> Week:
    accounts = recipients_of(plan.levels, PEOPLE)
    world = World()
    junk = plan.settings.hold.junk_header.encode()
    backend = Backend(junk, plan.outages)
    house = await build(plan.settings, folder, world.zone, backend)
    books = Books(levels_by_account(accounts), plan.reviewed)
    crowd = Crowd(house, books, world, accounts, plan.days, seed)
    await house.door.refresh()
    await house.door.ask_backends()
    deciding = Random(f"{seed} office")  # noqa: S311  (no secret)
    works = (house.keep(), office.work(house, books, deciding), count_days(plan.days * DAY, tell))
    helpers = [asyncio.create_task(work) for work in works]
    try:
        await crowd.write(plan.models)
        await asyncio.sleep(AFTERWARDS)
    finally:
        await end(house, helpers)
    return Week(seed, list(books.stories.values()), stray=len(list(books.close(backend.arrivals))))


async def count_days(seconds: float, tell: Tell) -> None:
    """Tell every simulated hour how far it is."""
    while True:
        tell(min(1.0, asyncio.get_running_loop().time() / seconds))
        await asyncio.sleep(HOUR)


async def end(house: House, helpers: Sequence["asyncio.Task[None]"]) -> None:
    """Stop those who work for ever; what ended by itself ended badly, and says why."""
    for task in helpers:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await house.database.close()


def levels_by_account(accounts: Mapping[Level, Sequence[str]]) -> dict[str, Level]:
    return {account: level for level, people in accounts.items() for account in people}


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect what the gate logs as an error; all else would be millions of lines."""
    found: list[str] = []

    def collect(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        if method in TROUBLE:
            found.append(" ".join(f"{key}={value}" for key, value in event.items()))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[collect],
        wrapper_class=structlog.make_filtering_bound_logger("error"),
        cache_logger_on_first_use=False,
    )
    try:
        yield found
    finally:
        structlog.configure(**before)
