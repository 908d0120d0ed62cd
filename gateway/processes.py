"""The body of each process: an event loop, signals, a channel to the supervisor, and the work."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from gateway import compose, gauges, logs, metrics
from gateway.channel import Orders
from gateway.settings import Settings

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
    from gateway.smtpd import worker  # here: no other process takes mail in, and each starts with what it has loaded

    async def main(orders: Orders) -> None:
        alive = compose.alive(settings)
        door = compose.door(settings, compose.opened(settings), alive)
        watch = asyncio.create_task(gauges.watch(partial(gauges.worker, door)), name="watch")
        await worker.serve(door, sockets, compose.certificate(settings, len(sockets)), orders)
        watch.cancel()
        alive.end()

    run(settings, "smtpd", main, channel)


def submission(settings: Settings, sockets: Sequence[socket.socket], channel: int | None = None) -> None:
    from gateway.smtpd import worker
    from gateway.submission.arrival import greeter

    async def main(orders: Orders) -> None:
        alive = compose.alive(settings)
        door = compose.submission_door(settings, compose.opened(settings), alive)
        watch = asyncio.create_task(gauges.watch(partial(gauges.worker, door)), name="watch")
        greet = greeter(compose.office(settings), len(settings.submission.listen))
        await worker.serve(door, sockets, compose.certificate(settings, len(sockets)), orders, greet)
        watch.cancel()
        alive.end()

    run(settings, "submission", main, channel)


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


def pupil(settings: Settings, channel: int | None = None) -> None:
    from gateway.pupil import Pupil, opened

    async def main(orders: Orders) -> None:
        orders.ready()  # before the learner is opened: the one whose place this takes has it until we are there
        learner = await opened(partial(compose.learner, settings), orders.leave)
        if learner is None:
            return
        database = compose.opened(settings)
        await Pupil(database, learner, compose.node_name()).work(orders.leave)
        await database.close()
        learner.close()

    run(settings, "pupil", main, channel)


def web(settings: Settings, channel: int | None = None, file: Path | None = None) -> None:
    """The pages; not asyncio, and no part of it is loaded anywhere else. `file`: where the settings stand."""
    from webui.serve import Server

    logs.configure(settings.log.level, settings.log.format, "web")
    compose.make_folders(settings)
    there = None if channel is None else socket.socket(fileno=channel)
    threads = settings.web.threads + settings.web.streams
    Server(partial(compose.pages, settings, file), settings.web.listen, threads, there).run()


def sweep(settings: Settings, channel: int | None = None) -> None:
    async def main(orders: Orders) -> None:
        database = compose.opened(settings)
        work, clerk = compose.sweep(settings, database), compose.clerk(settings)
        watch = asyncio.create_task(gauges.watch_house(compose.house(settings), database), name="watch the house")
        told = (compose.alerts(settings), compose.hooks(settings))
        letters = (compose.digests(settings), *told, compose.reports(settings))
        jobs = [one for one in (work, clerk, compose.census(database), *letters) if one is not None]
        orders.ready()
        await asyncio.gather(*(job.work(orders.leave) for job in jobs))
        watch.cancel()
        await database.close()

    run(settings, "sweep", main, channel)
