"""The body of each process: an event loop, signals, a channel to the supervisor, and the work."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
import uvloop

from gateway import compose, gauges, logs, metrics
from gateway.channel import Orders
from gateway.settings import Settings
from gateway.smtpd import worker

log = structlog.get_logger()

Main = Callable[[Orders], Coroutine[Any, Any, None]]


def run(settings: Settings, name: str, main: Main, channel: int | None = None) -> None:
    """Run a process until it is told to stop, or its supervisor is gone. `channel` is a file descriptor."""
    logs.configure(settings.log.level, settings.log.format, name)
    compose.make_folders(settings)
    try:
        metrics.begin(metrics.folder_below(settings.storage.path), name)
    except OSError as error:
        log.warning("nothing is counted", error=str(error))

    async def body() -> None:
        orders = Orders(None if channel is None else socket.socket(fileno=channel))
        watch = asyncio.create_task(gauges.watch(), name="watch the loop") if name != "smtpd" else None
        await main(orders)
        if watch is not None:
            watch.cancel()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def smtpd(settings: Settings, sockets: Sequence[socket.socket], channel: int | None = None) -> None:
    async def main(orders: Orders) -> None:
        alive = compose.alive(settings)
        door = compose.door(settings, compose.opened(settings), alive)
        watch = asyncio.create_task(gauges.watch(partial(gauges.worker, door)), name="watch")
        await worker.serve(door, sockets, compose.certificate(settings, len(sockets)), orders)
        watch.cancel()
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
        watch = asyncio.create_task(gauges.watch_house(compose.house(settings), database), name="watch the house")
        orders.ready()
        await work.work(orders.leave)
        watch.cancel()
        await database.close()

    run(settings, "sweep", main, channel)
