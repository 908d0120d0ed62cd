"""The body of each process: an event loop, signals, a channel to the supervisor, and the work."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop

from gateway import compose, logs
from gateway.channel import Orders
from gateway.settings import Settings
from gateway.smtpd import worker

Main = Callable[[Orders], Coroutine[Any, Any, None]]


def run(settings: Settings, name: str, main: Main, channel: int | None = None) -> None:
    """Run a process until it is told to stop, or its supervisor is gone. `channel` is a file descriptor."""
    logs.configure(settings.log.level, settings.log.format, name)
    compose.make_folders(settings)

    async def body() -> None:
        await main(Orders(None if channel is None else socket.socket(fileno=channel)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def smtpd(settings: Settings, sockets: Sequence[socket.socket], channel: int | None = None) -> None:
    async def main(orders: Orders) -> None:
        alive = compose.alive(settings)
        door = compose.door(settings, compose.opened(settings), alive)
        await worker.serve(door, sockets, lambda: compose.tls_context(settings), orders)
        alive.end()

    run(settings, "smtpd", main, channel)


def courier(settings: Settings, channel: int | None = None) -> None:
    async def main(orders: Orders) -> None:
        alive = compose.alive(settings)
        database = compose.opened(settings)
        work = compose.courier(settings, database, alive)
        orders.ready()
        await work.work(orders.leave)
        await database.close()
        alive.end()

    run(settings, "courier", main, channel)


def sweep(settings: Settings, channel: int | None = None) -> None:
    async def main(orders: Orders) -> None:
        database = compose.opened(settings)
        work = compose.sweep(settings, database)
        orders.ready()
        await work.work(orders.leave)
        await database.close()

    run(settings, "sweep", main, channel)
