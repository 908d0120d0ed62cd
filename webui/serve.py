"""Serving the pages: gunicorn with threads, under the supervisor as every other process."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from gateway.channel import LEAVE, READY, STAY, STOP
from gateway.settings.addresses import Endpoint

log = structlog.get_logger()

GRACE = 20  # seconds that answers which have begun may take when another process takes over
HEADER = 8190  # bytes of a line or a field


class Server(BaseApplication):
    """One worker with threads: SQLite likes few processes, and a page is little work.

    A page that hears of changes occupies a thread as long as it is open, so each of these has one beside `threads`.
    """

    def __init__(
        self, make_app: Callable[[], Flask], listen: Endpoint, threads: int, channel: socket.socket | None
    ) -> None:
        self.make_app, self.listen, self.threads, self.channel = make_app, listen, threads, channel
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self.listen.host}]" if ":" in self.listen.host else self.listen.host
        chosen = {
            "bind": f"{host}:{self.listen.port}",
            "reuse_port": True,  # SIGHUP: the next listens, then this one leaves
            "worker_class": "gthread",
            "threads": self.threads,
            "graceful_timeout": GRACE,
            "timeout": 60,
            "keepalive": 5,
            "limit_request_line": HEADER,
            "limit_request_field_size": HEADER,
            "logger_class": Quiet,
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108  (a heartbeat file)
            "post_worker_init": self.begin,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.make_app()

    def run(self) -> None:
        if self.channel is not None:
            threading.Thread(target=self.obey, args=(self.channel,), name="orders", daemon=True).start()
        super().run()

    def begin(self, worker: Any) -> None:
        """Open pages are let go as soon as this process is to leave: the next one tells them the news."""
        worker.wsgi.extensions["house"].watch.is_leaving = lambda: not worker.alive
        self.say(READY)

    def say(self, word: bytes) -> None:
        if self.channel is not None:
            with suppress(OSError):
                self.channel.send(word)

    def obey(self, channel: socket.socket) -> None:
        """Until we shall leave, or the supervisor is gone."""
        while True:
            try:
                words = channel.recv(64)
            except OSError:
                words = b""
            if not words or LEAVE in words or STOP in words:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if STAY in words:
                log.info("the pages stay")


class Quiet(Logger):
    """gunicorn's own words go to our log; requests are no news."""

    def setup(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.handlers = [Forward()]
        self.error_log.propagate = False
        self.error_log.setLevel(logging.WARNING)
        self.access_log = logging.getLogger("gunicorn.access")
        self.access_log.disabled = True


class Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log.warning("the web server says", said=record.getMessage()[:500])
