"""A simulated house for single stories: one's own host, one's own letter, and the time that one wants."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from gateway import clock
from gateway.cli.simulate import build
from gateway.model import Level
from gateway.settings import Settings
from gateway.simulate import letter as letters
from gateway.simulate import loop
from gateway.simulate import settings as simulated
from gateway.simulate.backend import Backend
from gateway.simulate.house import House, account
from gateway.simulate.letter import Letter
from gateway.simulate.model import Kind, Model, Pick, Pool
from gateway.simulate.week import PEOPLE, Plan, Week, simulate
from gateway.simulate.world import World

T = TypeVar("T")

LEVELS = tuple(Level)
BO = account(Level.GREYLIST, 1)
SERVER = Model("server", (5, 10, 20))
POOL = Model("pool", (5, 10, 20), Pool(4, 4, Pick.TURN))


def settings(folder: Path, *, reviewed: bool = False, **sections: dict[str, Any]) -> Settings:
    given = simulated.plain()
    changed = {name: getattr(given, name).model_copy(update=values) for name, values in sections.items()}
    return simulated.fitted(given.model_copy(update=changed), folder, LEVELS, PEOPLE, reviewed=reviewed)


def week(folder: Path, models: tuple[Model, ...], *, days: float = 3, seed: int = 1, **more: Any) -> Week:
    """A simulated week of these senders at all levels."""
    reviewed = more.pop("reviewed", False)
    sections = more.pop("sections", {})
    plan = Plan(settings(folder, reviewed=reviewed, **sections), LEVELS, models, days, reviewed, **more)
    return simulate(plan, seed, folder, build)


class Stage:
    """A house and the hosts of two senders before it."""

    def __init__(self, house: House, world: World) -> None:
        self.house = house
        self.world = world
        self.numbers = 0

    @property
    def arrived(self) -> list[int]:
        return [one.mail for one in self.house.backend.arrivals]

    def letter(self, model: Model, *recipients: str, sender: str | None = None) -> Letter:
        self.numbers += 1
        author = f"ann@{self.world.parties[model.name].domains[0]}"
        envelope = author if sender is None else sender
        hostname = self.house.door.hostname
        return letters.written(
            model, self.numbers, author, envelope, recipients or (BO,), clock.now(), Random(self.numbers), hostname
        )


def play(folder: Path, story: Callable[[Stage], Awaitable[T]], *, reviewed: bool = False, **sections: Any) -> T:
    """Tell a story in simulated time."""

    async def main() -> T:
        world = World()
        backend = Backend(b"X-Spam-Flag: YES")
        house = await build(settings(folder, reviewed=reviewed, **sections), folder, world.zone, backend)
        world.settle([SERVER, POOL, Model("bounces", (5,), Pool(4, 4, Pick.TURN), Kind.NOTICE)])
        await house.door.refresh()
        try:
            return await story(Stage(house, world))
        finally:
            await house.database.close()

    return loop.run(main(), 1)
