"""One worker process: accepts on inherited sockets, serves, and drains when told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from functools import partial
from ssl import SSLContext

import structlog

from gateway.smtpd.door import Door
from gateway.smtpd.doorstep import Doorstep
from gateway.smtpd.server import Server

log = structlog.get_logger()

BACKLOG = 1024
DRAIN_WITHIN = 30.0  # seconds for sessions to end by themselves
LATE_WITHIN = 60.0  # seconds for deliveries that go on without their peer


async def serve(
    door: Door, sockets: Sequence[socket.socket], tls: Callable[[], SSLContext | None], stop: asyncio.Event
) -> None:
    """Serve until told to stop; then let mails in progress end, and write what is pending.

    `tls` makes the context of one listener: sessions of one are never resumed at another.
    """
    await door.refresh()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(door.ask_backends(), 3)
    follower = asyncio.create_task(door.follow(), name="follow changes")
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            partial(Doorstep, door, partial(Server, door, tls=tls(), loop=loop), loop), sock=one, backlog=BACKLOG
        )
        for one in sockets
    ]
    log.info("worker ready", listeners=len(servers))
    await stop.wait()
    for server in servers:
        server.close()
    await drain(door)
    follower.cancel()
    for hop in {id(hop): hop for hop in door.hops.values()}.values():
        await hop.close()
    await door.database.close()
    log.info("worker stopped")


async def drain(door: Door) -> None:
    """Idle sessions are told to go, busy ones may end their mail, late deliveries their transaction."""
    door.draining = True
    door.tarpit.close()
    deadline = asyncio.get_running_loop().time() + DRAIN_WITHIN
    while door.sessions and asyncio.get_running_loop().time() < deadline:
        for session in list(door.sessions):
            session.stop_politely()
        await asyncio.sleep(0.05)
    if door.background:
        await asyncio.wait(door.background, timeout=LATE_WITHIN)
