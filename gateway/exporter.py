"""Prometheus' endpoint: what all processes of this machine have counted, at /metrics (text exposition format)."""

import os
import select
import signal

import structlog
from prometheus_client import start_http_server

from gateway import logs, metrics
from gateway.settings import Settings

log = structlog.get_logger()


def run(settings: Settings, lifeline: int | None = None) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the supervisor. Raises OSError when the address is taken."""
    listen = settings.metrics.listen
    assert listen is not None, "the caller has looked"
    logs.configure(settings.log.level, settings.log.format, "metrics")
    folder = metrics.folder_below(settings.storage.path)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    start_http_server(listen.port, listen.host, registry=metrics.registry(folder))
    log.info("metrics are served", at=str(listen))
    reading = [] if lifeline is None else [lifeline]
    while not (select.select(reading, [], [], None)[0] and not os.read(reading[0], 1)):
        pass  # the supervisor never writes: readable means that it is gone


def stop(number: int, frame: object) -> None:
    raise SystemExit(0)
