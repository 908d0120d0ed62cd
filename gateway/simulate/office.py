"""The people who decide: they look at what waits during office hours, release what is wanted and refuse the rest."""

import asyncio
from random import Random
from typing import Any

from gateway.model import DeliveryState, Level
from gateway.policy.hold import HOLDING_LEVELS
from gateway.simulate.books import Books
from gateway.simulate.house import House
from gateway.simulate.letter import number_in
from gateway.simulate.visit import today

LOOK_EVERY = 30 * 60.0  # seconds
OPENS, CLOSES = 8, 18
FRIDAY = 4
DECIDES_COPY = 0.25  # how often somebody does not wait for a deferred mail's sender


async def work(house: House, books: Books, luck: Random) -> None:
    """Look at the queue twice an hour, Monday to Friday."""
    asked: set[tuple[str, str]] = set()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        weekday, hour = today()
        if weekday <= FRIDAY and OPENS <= hour < CLOSES:
            for row in await house.queue():
                await decide(house, books, row, asked, luck)


async def decide(house: House, books: Books, row: dict[str, Any], asked: set[tuple[str, str]], luck: Random) -> None:
    """Release or refuse one mail for one recipient; of deferred mail only some, and that they think about once."""
    number, recipient = number_in(str(row["subject"])), str(row["recipient"])
    letter = books.letters.get(number or 0)
    if letter is None or not is_looked_at(house, books.levels.get(recipient)):
        return
    if row["state"] != DeliveryState.HELD:
        this = (str(row["message"]), recipient)
        if this in asked or luck.random() > DECIDES_COPY:
            asked.add(this)
            return
    await house.decide(str(row["message"]), recipient, release=letter.model.wanted)


def is_looked_at(house: House, level: Level | None) -> bool:
    return house.reviewed or level in HOLDING_LEVELS
