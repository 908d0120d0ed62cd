"""The job that sends digests: each of a person and a moment once, however many nodes there are.

What is told is read and written down first; then one transaction says that the digest is made, hands the mail to the
courier and keeps its links. Whoever is second at a digest writes nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from functools import partial

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway import clock, ourmail
from gateway.bodies import Bodies, FileBodies, NoRoom
from gateway.courier import pause
from gateway.digest import links, written
from gateway.digest.gathered import Gathered, Item, gather
from gateway.digest.hurry import NoCodes, Waiting, waiting
from gateway.digest.written import Beside, Offer, Stamp
from gateway.i18n import of_person, speaking
from gateway.ids import new_id
from gateway.model import Actor, DigestWish, LinkAct, ReasonCode, Recipient, Tells
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.digest import LATE, due, is_worth_telling
from gateway.store import decisions, digests, persons
from gateway.store.digests import Link, Reader

log = structlog.get_logger()

Offered = dict[tuple[str, str], Beside]  # by message and recipient
EVERY = 10.0  # seconds between two looks
AT_ONCE = 500  # people in one question


@dataclass(frozen=True, slots=True)
class Habits:
    """What the settings say. `codes`: typing one is enough for a link.

    `links_for` is a timedelta from when the mail is made; `most` is mails of one digest.
    """

    tells: Tells
    times: tuple[time, ...]
    zone: tzinfo
    most: int
    codes: bool
    links_for: timedelta
    only_approvers: bool
    language: str = "en"  # of who chose none


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest that is written and not sent yet."""

    recipient: Recipient
    number: str
    text: bytes
    mails: int  # that it lists; 0 of a word about one
    links: tuple[Link, ...]


@dataclass
class Digests:
    """What the job works with. `local`: our domains; mail goes nowhere else."""

    engine: Engine
    bodies: Bodies
    habits: Habits
    stamp: Stamp
    local: frozenset[str]
    is_hindered: bool = False
    no_codes: NoCodes = field(default_factory=NoCodes)

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.turn, clock.now())
                self.is_hindered = False
            except (SQLAlchemyError, NoRoom, OSError) as error:  # the next look makes up for it
                if not self.is_hindered:
                    log.warning("digests cannot be sent", error=str(getattr(error, "orig", error)))
                self.is_hindered = True
            await pause(stop, EVERY)
        self.engine.dispose()

    def turn(self, now: datetime) -> int:
        """Send what is due; how many were sent. Raises SQLAlchemyError, NoRoom, OSError."""
        sent = after = 0
        with self.reading() as conn:
            made = digests.made_since(conn, now - LATE)
        while True:
            with self.reading() as conn:
                found = digests.readers(conn, self.habits.tells, after, AT_ONCE)
            for one in found:
                slot = due(one.wish or DigestWish(), self.habits.times, self.habits.zone, now)
                if slot is not None and (one.person, slot) not in made:
                    sent += self.attempt(one, partial(self.make, one, slot, now))
            if len(found) < AT_ONCE:
                break
            after = found[-1].person
        return sent + self.hurry(made, now)

    def hurry(self, made: Collection[tuple[int, datetime]], now: datetime) -> int:
        """Tell who wants to know at once what looks like a code; how many were told."""
        with self.reading() as conn:
            found = [
                (reader, one)
                for reader in digests.in_a_hurry(conn, self.habits.tells)
                for one in waiting(conn, self.bodies, reader, self.no_codes, now)
                if (reader.person, one.at) not in made
            ]
        return sum(self.attempt(reader, partial(self.tell, reader, one, now)) for reader, one in found)

    def attempt(self, reader: Reader, send: Callable[[], bool]) -> bool:
        """Raises SQLAlchemyError, NoRoom, OSError: these are everybody's trouble."""
        try:
            return send()
        except (SQLAlchemyError, NoRoom, OSError):
            raise
        except Exception:  # one person's mail that cannot be written is not the next one's
            log.exception("a digest failed", person=reader.name)
            return False

    def make(self, reader: Reader, slot: datetime, now: datetime) -> bool:
        """False where there is nothing to tell, or another node was first."""
        with self.reading() as conn:
            letter = self.letter(conn, reader, now)
        return self.hand_over(reader, slot, letter, now)

    def tell(self, reader: Reader, one: Waiting, now: datetime) -> bool:
        """A word about one mail; False where it was said."""
        with self.reading() as conn:
            letter = self.word(conn, reader, one.item, now)
        return self.hand_over(reader, one.at, letter, now, one.item)

    def hand_over(
        self, reader: Reader, slot: datetime, letter: Letter | None, now: datetime, code: Item | None = None
    ) -> bool:
        """`code`: the mail that it is a word about."""
        try:
            with self.engine.begin() as conn:
                if letter is None:
                    digests.add(conn, reader.person, slot, now)
                    return False
                self.send(conn, reader, slot, letter, now)
                if code is not None:
                    decisions.happened(conn, "code", now, message=code.message, recipient=code.recipient)
        except IntegrityError:
            self.forget(letter)
            return False
        log.info("digest", person=reader.name, message=letter.number, mails=letter.mails)
        return True

    def send(self, conn: Connection, reader: Reader, slot: datetime, letter: Letter, now: datetime) -> None:
        to = letter.recipient
        number = digests.add(conn, reader.person, slot, now, to.address.key, letter.mails, letter.number)
        digests.add_links(conn, number, letter.links)
        mail = ourmail.kept(letter.number, letter.text, to, ReasonCode.NOTICE_DIGEST, self.stamp.hostname, now)
        ourmail.send(conn, self.bodies, mail, letter.text, now)

    def forget(self, letter: Letter | None) -> None:
        """What was written for nothing. Its name is its own, so that nobody's who was first goes with it."""
        if letter is not None and isinstance(self.bodies, FileBodies):
            self.bodies.remove([letter.number])

    # ---- what stands in it -----------------------------------------------------------------------------------------

    def letter(self, conn: Connection, reader: Reader, now: datetime) -> Letter | None:
        row = persons.numbered(conn, reader.person)
        if row is None:
            return None
        actor, wish = persons.actor(conn, row, now), reader.wish or DigestWish()
        to = self.address(actor, wish)
        told_last = digests.told_last(conn, reader.person)
        told = gather(conn, actor, wish.kinds, told_last, self.habits.most, only_approvers=self.habits.only_approvers)
        if to is None or not self.is_news(told, told_last, now):
            return None
        offers, kept = self.offers(reader.person, told.waiting, now)
        number = new_id(now)
        with speaking(of_person(row["wishes"], self.habits.language)):
            text = written.mail(told, offers, to.address.raw, self.stamp, number, now)
        return Letter(to, number, text, told.mails, tuple(kept))

    def word(self, conn: Connection, reader: Reader, item: Item, now: datetime) -> Letter | None:
        row = persons.numbered(conn, reader.person)
        to = self.address(persons.actor(conn, row, now), reader.wish or DigestWish()) if row else None
        if row is None or to is None:
            return None
        offers, kept = self.offers(reader.person, [item], now)
        number = new_id(now)
        with speaking(of_person(row["wishes"], self.habits.language)):
            told, headline = Gathered((item,)), written.about_code(item)
            text = written.mail(told, offers, to.address.raw, self.stamp, number, now, headline)
        return Letter(to, number, text, 0, tuple(kept))

    def address(self, actor: Actor, wish: DigestWish) -> Recipient | None:
        """Which of their own addresses it goes to; None where none is at a domain of ours."""
        own = sorted(actor.addresses - actor.lent)
        for one in (wish.address, *own):
            if one in own and one.rpartition("@")[2] in self.local:
                try:
                    return Recipient(parse_address(one))
                except BadAddress:
                    continue
        return None

    def is_news(self, told: Gathered, told_last: datetime | None, now: datetime) -> bool:
        arrived = [one.created for one in told.waiting + told.listed]
        expire = [one.expires for one in told.waiting if one.expires is not None]
        return is_worth_telling(arrived, expire, told_last, now)

    def offers(self, person: int, items: Iterable[Item], now: datetime) -> tuple[Offered, list[Link]]:
        """What the links beside each mail are, and what is kept of them. A code is enough for what does no harm."""
        seal = self.seal(now)
        offers: Offered = {}
        kept: list[Link] = []
        for item in items:
            code, found = links.new_code(), []
            for act in item.acts:
                made = links.make(seal, code)
                has_code = self.habits.codes and not (act is LinkAct.RELEASE and item.is_dangerous)
                found.append(Offer(act, f"{self.stamp.url}/d/{made.token}", has_code))
                until = now + self.habits.links_for
                code_key = made.code_key if has_code else None
                kept.append(Link(made.key, person, item.message, item.recipient, act, until, code_key))
            offers[item.message, item.recipient] = Beside(code, tuple(found))
        return offers, kept

    def seal(self, now: datetime) -> bytes:
        with self.engine.begin() as conn:
            return links.seal_of(conn, now)

    def reading(self) -> AbstractContextManager[Connection]:
        return self.engine.execution_options(reads=True).connect()
