"""The body of each process: an event loop, signals, a lifeline to the supervisor, and the work."""

import asyncio
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
import uvloop

from gateway import compose, gauges, logs, metrics
from gateway.settings import Settings
from gateway.smtpd import worker

log = structlog.get_logger()

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(settings: Settings, name: str, main: Main, lifeline: int | None = None) -> None:
    """Run a process until SIGTERM, SIGINT, or the end of its supervisor."""
    logs.configure(settings.log.level, settings.log.format, name)
    compose.make_folders(settings)
    try:
        metrics.begin(metrics.folder_below(settings.storage.path), name)
    except OSError as error:
        log.warning("nothing is counted", error=str(error))

    async def body() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if lifeline is not None:
            loop.add_reader(lifeline, on_lifeline, lifeline, stop, loop)
        watch = asyncio.create_task(gauges.watch(), name="watch the loop") if name != "smtpd" else None
        await main(stop)
        if watch is not None:
            watch.cancel()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())


def on_lifeline(lifeline: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """The supervisor holds the other end and never writes: readable means that it is gone."""
    if not os.read(lifeline, 1):
        loop.remove_reader(lifeline)
        stop.set()


def smtpd(settings: Settings, sockets: Sequence[socket.socket], lifeline: int | None = None) -> None:
    async def main(stop: asyncio.Event) -> None:
        alive = compose.alive(settings)
        door = compose.door(settings, compose.opened(settings), alive)
        watch = asyncio.create_task(gauges.watch(partial(gauges.worker, door)), name="watch")
        await worker.serve(door, sockets, lambda: compose.tls_context(settings), stop)
        watch.cancel()
        alive.end()

    run(settings, "smtpd", main, lifeline)


def courier(settings: Settings, lifeline: int | None = None) -> None:
    async def main(stop: asyncio.Event) -> None:
        alive = compose.alive(settings)
        database = compose.opened(settings)
        await compose.courier(settings, database, alive).work(stop)
        await database.close()
        alive.end()

    run(settings, "courier", main, lifeline)


def sweep(settings: Settings, lifeline: int | None = None) -> None:
    async def main(stop: asyncio.Event) -> None:
        database = compose.opened(settings)
        watch = asyncio.create_task(gauges.watch_house(compose.house(settings), database), name="watch the house")
        await compose.sweep(settings, database).work(stop)
        watch.cancel()
        await database.close()

    run(settings, "sweep", main, lifeline)


BIND_WITHIN = 5.0  # seconds; workers of a supervisor that was killed let go of its sockets a moment later


def listen(settings: Settings) -> list[socket.socket]:
    """The listening sockets of [smtp] listen. Raises OSError with the address in its text."""
    return [patient_listener(endpoint.host, endpoint.port) for endpoint in settings.smtp.listen]


def patient_listener(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + BIND_WITHIN
    while True:
        try:
            return listener(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(worker.BACKLOG)
        made.setblocking(False)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error
    return made
