"""A sender with one mail: it tries, comes back as its model says, and gives up when its model does."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from gateway import clock
from gateway.simulate import letter as letters
from gateway.simulate.books import Books, End
from gateway.simulate.house import NOTED, House
from gateway.simulate.letter import Letter
from gateway.simulate.visit import Told, visit
from gateway.simulate.world import Host, Party

STATED = re.compile(r"(\d+) (second|minute)s?\b")
AFTER_STATED = 10  # seconds


@dataclass
class Sending:
    """One mail on its way. `waits` are the recipients that its sender still owes it to."""

    house: House
    books: Books
    party: Party
    letter: Letter
    luck: Random
    bot: Host | None = None

    async def deliver(self) -> None:
        model = self.letter.model
        self.books.open(self.letter, clock.now())
        waits = self.letter.recipients
        first = self.luck.randrange(1000)
        began = asyncio.get_running_loop().time()
        retries = iter(model.ladder)
        for attempt in range(len(model.ladder) + 1):
            host = self.bot or self.party.host(attempt, first, self.luck)
            told = await self.attempt(host, waits)
            waits = self.still_waiting(told)
            if not waits:
                return
            pause = self.pause(retries, told, began)
            if pause is None:
                break
            await asyncio.sleep(pause)
            if model.varies:
                self.letter = letters.other_content(self.letter, self.luck, self.house.door.hostname, clock.now())
        self.books.ended(self.letter, waits, End.GAVE_UP)

    async def attempt(self, host: Host, recipients: tuple[str, ...]) -> dict[str, Told]:
        """One connection; and another at once for those who must come alone, where the sender works that way."""
        told: dict[str, Told] = {}
        rest = recipients
        while rest:
            began = clock.now()
            loses = self.luck.random() < self.letter.model.loses
            said = await visit(self.house, host, self.letter, rest, loses=loses)
            for recipient, one in said.items():
                self.books.told(self.letter, recipient, one, began)
            told |= said
            alone = tuple(recipient for recipient, one in said.items() if one.reply.code == 452)
            rest = alone if self.letter.model.splits and len(alone) < len(rest) else ()
        await self.look()
        return told

    async def look(self) -> None:
        """Could a person see it now?"""
        unseen = self.books.unseen(self.letter)
        if not self.letter.data or all(self.house.backend.has(self.letter.number, to) for to in unseen):
            return
        await asyncio.sleep(NOTED)
        seen = await self.house.shows(self.letter.whole, self.letter.sender)
        self.books.shown(self.letter, seen, clock.now())

    def still_waiting(self, told: dict[str, Told]) -> tuple[str, ...]:
        """Note what has ended for the sender; who is left."""
        taken = [to for to, one in told.items() if one.reply.is_positive and not one.lost]
        refused = [to for to, one in told.items() if one.reply.is_permanent]
        self.books.ended(self.letter, taken, End.TAKEN)
        self.books.ended(self.letter, refused, End.REFUSED)
        waits = tuple(to for to in told if to not in taken and to not in refused)
        if self.letter.model.careless and taken:
            self.books.ended(self.letter, waits, End.GAVE_UP)
            return ()
        return waits

    def pause(self, retries: Iterator[float], told: dict[str, Told], began: float) -> float | None:
        """Seconds until the next attempt; None: it gives up."""
        at = next(retries, None)
        if at is None:
            return None
        stated = self.stated(told)
        if stated is not None:
            return stated
        late = self.luck.random() * self.letter.model.late
        return max(1.0, began + (at + late) * 60 - asyncio.get_running_loop().time())

    def stated(self, told: dict[str, Told]) -> float | None:
        """The wait that our reply names, for those who obey it."""
        if not self.letter.model.obeys:
            return None
        found = next(filter(None, (STATED.search(one.reply.text) for one in told.values())), None)
        if found is None:
            return None
        return int(found[1]) * (60 if found[2] == "minute" else 1) + AFTER_STATED
