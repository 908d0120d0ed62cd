"""One worker process: accepts on inherited sockets, serves, and drains when told to stop."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Sequence

import structlog

from gateway.channel import Orders
from gateway.smtpd.backlog import BACKLOG
from gateway.smtpd.certificate import Certificate
from gateway.smtpd.door import Door
from gateway.smtpd.doorstep import Doorstep
from gateway.smtpd.guest import Guest
from gateway.smtpd.server import Server

log = structlog.get_logger()

PATIENT_FOR = 30.0  # seconds for sessions to end by themselves while another worker accepts
HURRIED_FOR = 1.0  # the same when nobody takes over
DRAIN_WITHIN = 30.0  # seconds for mails in progress when nobody takes over
LATE_WITHIN = 60.0  # seconds for deliveries that go on without their peer
LOOK_EVERY = 0.05
# Objects between two collections of the young, and how many of those until the older ones are looked through as well.
GARBAGE = (20_000, 20, 100)


Greet = Callable[[Door, Certificate, int, asyncio.AbstractEventLoop], Callable[[], Doorstep]]


async def serve(
    door: Door,
    sockets: Sequence[socket.socket],
    certificate: Certificate,
    orders: Orders,
    greet: Greet | None = None,
) -> None:
    """Serve until told to leave; then let mails in progress end, and write what is pending.

    Listening sockets are closed and nothing else: whoever else holds them accepts the connections that wait in their
    queues.
    """
    await door.refresh()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(door.ask_backends(), 3)
    loop = asyncio.get_running_loop()
    door.looking.start()
    followers = [loop.create_task(door.follow()), loop.create_task(certificate.follow())]
    servers = [
        await loop.create_server((greet or greeter)(door, certificate, number, loop), sock=one, backlog=BACKLOG)
        for number, one in enumerate(sockets)
    ]
    spare_what_stays()
    log.info("worker ready", listeners=len(servers))
    orders.ready()
    await orders.leave.wait()
    for server in servers:
        server.close()
    await asyncio.sleep(LOOK_EVERY)  # what was accepted in this very moment becomes a session
    await drain(door, orders.hurry)
    for follower in followers:
        follower.cancel()
    for hop in {id(hop): hop for hop in door.hops.values()}.values():
        await hop.close()
    await door.looking.close()
    await door.database.close()
    log.info("worker stopped")


def spare_what_stays() -> None:
    """Code and lists are here for good, and a session leaves hardly any circles: looking for garbage as often as Python
    does by itself takes a tenth of the time of a message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def greeter(
    door: Door, certificate: Certificate, listener: int, loop: asyncio.AbstractEventLoop
) -> Callable[[], Doorstep]:
    """Receives a new connection; its server has the certificate as it is by then."""

    def serve_guest(guest: Guest) -> Server:
        return Server(door, guest, tls=certificate.contexts[listener], loop=loop)

    return lambda: Doorstep(door, serve_guest, loop)


async def drain(door: Door, hurry: asyncio.Event) -> None:
    """Sessions end by themselves, then the idle ones are told to go; late deliveries may end their transaction.

    A mail in progress has as long as a session may last, or DRAIN_WITHIN once there is no time.
    """
    loop = asyncio.get_running_loop()
    now = loop.time()
    patient_until, deadline = now + PATIENT_FOR, now + door.limits.session.total_seconds()
    hurried = False
    while door.sessions and now < deadline:
        if hurry.is_set() and not hurried:
            hurried = True
            patient_until, deadline = min(patient_until, now + HURRIED_FOR), min(deadline, now + DRAIN_WITHIN)
        if now >= patient_until:
            door.draining = True
            door.tarpit.close()
            for session in list(door.sessions):
                session.stop_politely()
        await asyncio.sleep(LOOK_EVERY)
        now = loop.time()
    if door.background:
        await asyncio.wait(door.background, timeout=LATE_WITHIN)
