"""Who writes what to whom in the simulated days."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random

from gateway import clock
from gateway.model import Grade, Level, Rung, RungKind
from gateway.policy.identity import network_of
from gateway.simulate import letter as letters
from gateway.simulate.books import Books
from gateway.simulate.house import House
from gateway.simulate.letter import Letter
from gateway.simulate.model import Kind, Model
from gateway.simulate.sender import Sending
from gateway.simulate.visit import moment, until
from gateway.simulate.world import Party, World
from gateway.store import memory
from gateway.store.memory import Remembered

REMEMBERED_FOR = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Pair:
    """Somebody who writes to somebody, and to others beside."""

    party: Party
    author: str
    recipients: tuple[str, ...]


@dataclass
class Crowd:
    """`accounts` are those of each level. All luck comes from the seed and the model, whoever else is there."""

    house: House
    books: Books
    world: World
    accounts: Mapping[Level, Sequence[str]]
    days: float
    seed: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def write(self, models: Sequence[Model]) -> None:
        """All mail of all models, to its end."""
        self.world.settle(models)
        pairs = [pair for model in models for pair in self.pairs(model)]
        await self.acquaint([pair for pair in pairs if pair.party.model.known])
        await asyncio.gather(*(self.correspond(pair, number) for number, pair in enumerate(pairs)))

    def luck(self, *what: object) -> Random:
        return Random(f"{self.seed} {what}")  # noqa: S311  (no secret)

    # ---- who knows whom --------------------------------------------------------------------------------------------

    def pairs(self, model: Model) -> Iterator[Pair]:
        party = self.world.parties[model.name]
        luck = self.luck(model.name, "pairs")
        for level, people in self.accounts.items():
            for number in range(model.pairs):
                domain = party.domains[number % len(party.domains)]
                author = f"{level}{number}@{domain}"
                yield Pair(party, author, (people[number % len(people)], *self.company(model, level, luck)))

    def company(self, model: Model, level: Level, luck: Random) -> tuple[str, ...]:
        """Other recipients of the same mail, at other levels where there are some."""
        others = [people[0] for other, people in self.accounts.items() if other is not level]
        others += [self.accounts[level][-1]]
        return tuple(luck.sample(others, min(model.company, len(others))))

    async def acquaint(self, pairs: Sequence[Pair]) -> None:
        """Somebody wrote to them, or released their mail, long ago."""
        now = clock.now()
        known = [
            Remembered(
                rungs_known(pair), pair.author, pair.recipients[0], Grade.KNOWN, "wrote", now, now + REMEMBERED_FOR
            )
            for pair in pairs
        ]
        await self.house.database.write(lambda conn: memory.remember(conn, known))

    # ---- what they write -------------------------------------------------------------------------------------------

    async def correspond(self, pair: Pair, place: int) -> None:
        """All mails of a pair, each begun at its own moment."""
        model = pair.party.model
        luck = self.luck(model.name, place)
        at_work = model.wanted and model.kind in (Kind.MAIL, Kind.ASKING)
        begins = sorted(moment(luck, self.days, at_work=at_work) for _ in range(model.mails))
        send = self.spray if model.spray else self.send
        await asyncio.gather(*(send(pair, begin, self.luck(model.name, place, begin)) for begin in begins))

    async def send(self, pair: Pair, begin: float, luck: Random) -> None:
        await until(begin)
        letter = self.letter(pair, pair.author, luck)
        model = pair.party.model
        bot = None if model.wanted or model.rides else self.world.bot(model)
        await Sending(self.house, self.books, pair.party, letter, luck, bot).deliver()

    def letter(self, pair: Pair, author: str, luck: Random) -> Letter:
        number = next(self.numbers)
        kind = pair.party.model.kind
        sender = author
        if kind is Kind.LIST:
            sender = f"bounce-{number}-{luck.randrange(10**6)}@{author.rpartition('@')[2]}"
        elif kind in (Kind.NOTICE, Kind.ASKING):
            sender = ""
        made = letters.written(
            pair.party.model, number, author, sender, pair.recipients, clock.now(), luck, self.house.door.hostname
        )
        if kind is Kind.ASKING:
            return Letter(number, made.model, "", made.recipients, b"")
        return made

    async def spray(self, pair: Pair, begin: float, luck: Random) -> None:
        """Many senders from hosts of one network, and perhaps the same once more with other content."""
        await until(begin)
        model = pair.party.model
        bot = self.world.bot(model)
        authors = [f"{luck.getrandbits(40):x}@{pair.party.domains[0]}" for _ in range(model.spray)]
        for wave in range(2 if model.again else 1):
            await until(begin + wave * model.again * 60)
            for author in authors:
                letter = self.letter(pair, author, luck)
                await Sending(self.house, self.books, pair.party, letter, luck, bot).deliver()


def rungs_known(pair: Pair) -> list[Rung]:
    """By what they are known: their signature, or the network that they always came from."""
    if pair.party.model.known_by_signature:
        return [Rung(RungKind.DKIM, pair.author.rpartition("@")[2])]
    return [Rung(RungKind.NETWORK, str(network_of(host.address))) for host in pair.party.hosts]
