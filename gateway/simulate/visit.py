"""One connection of a sender: the real session, without a socket between."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gateway import clock
from gateway.model import MailParameters, Reply
from gateway.policy.address import parse_address
from gateway.policy.reply import TOO_MANY_CONNECTIONS
from gateway.simulate.house import House
from gateway.simulate.letter import Letter
from gateway.simulate.world import Host
from gateway.smtpd.guest import Guest
from gateway.smtpd.session import Session
from gateway.spool import Spool

ROUND_TRIP = 0.03  # seconds


@dataclass(frozen=True, slots=True)
class Told:
    """What a sender was told about one recipient; `after_data`: the gate saw the mail before."""

    reply: Reply
    after_data: bool = False
    lost: bool = False  # the reply did not arrive


async def visit(
    house: House, host: Host, letter: Letter, recipients: Sequence[str], *, loses: bool = False
) -> dict[str, Told]:
    """Try to send a mail to some of its recipients; what was said about each."""
    door = house.door
    guest = door.tarpit.receive(host.address, door.listed)
    if guest is None:
        return {recipient: Told(TOO_MANY_CONNECTIONS) for recipient in recipients}
    try:
        await greeting(house, guest)
        session = Session(door, guest)
        session.hello(host.helo, esmtp=True)
        return await transaction(house, session, letter, recipients, loses=loses)
    finally:
        guest.leave()


async def greeting(house: House, guest: Guest) -> None:
    """Wait for it as a mail server does."""
    pause = house.door.tarpit.pause(guest)
    if pause:
        guest.paused = pause
        await asyncio.sleep(pause)
        house.door.tarpit.was_patient(guest)


async def transaction(
    house: House, session: Session, letter: Letter, recipients: Sequence[str], *, loses: bool
) -> dict[str, Told]:
    sender = parse_address(letter.sender) if letter.sender else None
    session.mail(sender, MailParameters(size=len(letter.data) or None))
    told = {}
    for recipient in recipients:
        await asyncio.sleep(ROUND_TRIP)
        told[recipient] = Told(await session.rcpt(parse_address(recipient), None, None))
    if letter.data and session.has_recipients:
        await asyncio.sleep(ROUND_TRIP)
        answer = await data(house, session, letter)
        if answer.is_positive:
            house.stir()
        lost = loses and answer.is_positive
        if lost:
            await session.reply_was_lost()
        for recipient in [recipient for recipient, one in told.items() if one.reply.is_positive]:
            told[recipient] = Told(answer, after_data=True, lost=lost)
    session.reset()
    return told


async def data(house: House, session: Session, letter: Letter) -> Reply:
    door = house.door
    spool = Spool(door.incoming, door.limits.memory_per_session)
    try:
        session.saw(letter.data)
        spool.write(letter.data)
        door.spooled_bytes += spool.size
        return await session.data(spool)
    finally:
        door.spooled_bytes -= spool.size
        spool.close()


def moment(luck: Random, days: float, *, at_work: bool) -> float:
    """A moment of the simulated days, in seconds; `at_work`: on a weekday between 7 and 19."""
    while True:
        at = luck.random() * days * 86400
        day, hour = divmod(at / 3600, 24)
        if not at_work or (day % 7 < 5 and 7 <= hour < 19):
            return at


async def until(seconds: float) -> None:
    """Sleep to a moment, in seconds from the beginning."""
    await asyncio.sleep(max(0.0, seconds - asyncio.get_running_loop().time()))


def today() -> tuple[int, int]:
    """The weekday (0 is Monday) and the hour."""
    now = clock.now()
    return now.weekday(), now.hour
