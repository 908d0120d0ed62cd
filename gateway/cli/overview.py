"""How Greygate on this machine fares right now, gathered for `greygate status`; what cannot be asked is None."""

import asyncio
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Generic, TypeVar

import click

from gateway import clock, gauges, metrics
from gateway.cli.connection import transaction
from gateway.model import Mode, Switch
from gateway.relay.factory import make_hop
from gateway.settings import Settings
from gateway.store import changes, vitals
from gateway.store.changes import ModeSet
from gateway.store.vitals import Queue

logging.getLogger("gateway.relay").addHandler(logging.NullHandler())  # a view has no log beneath it

T = TypeVar("T")

HISTORY = timedelta(minutes=60)
ANSWER_WITHIN = 3.0  # seconds; a view that waits longer shows what it has
PROBE_EVERY = 15.0  # seconds between two questions to a backend
Labels = frozenset[tuple[str, str]]


class Asked(Generic[T]):
    """A question that may take long, asked in the background: one at a time, and the last answer meanwhile."""

    def __init__(self, ask: Callable[[], T], every: float = 0.0) -> None:
        self.ask = ask
        self.every = every
        self.last: T | None = None
        self.asked = float("-inf")
        self.thread: threading.Thread | None = None

    def answer(self, within: float = ANSWER_WITHIN) -> T | None:
        """The answer, or None when there is none within so many seconds."""
        if self.thread is None and perf_counter() - self.asked >= self.every:
            self.asked = perf_counter()
            self.thread = threading.Thread(target=self.run, daemon=True)  # nobody waits for it at the end
            self.thread.start()
        if self.thread is not None:
            self.thread.join(within)
            if self.thread.is_alive():
                return None
            self.thread = None
        return self.last

    def run(self) -> None:
        self.last = None
        self.last = self.ask()


# ---- the processes of this machine -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    pid: int
    since: float  # seconds it runs
    resident: int  # bytes


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the processes have counted, added up."""

    samples: Mapping[tuple[str, Labels], float]

    def one(self, name: str, **labels: str) -> float:
        return self.samples.get((f"greygate_{name}", frozenset(labels.items())), 0.0)

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums for each value of a label, greatest first."""
        found: dict[str, float] = {}
        for (sample, labels), value in self.samples.items():
            if sample == f"greygate_{name}":
                key = dict(labels)[label]
                found[key] = found.get(key, 0.0) + value
        return dict(sorted(found.items(), key=lambda one: -one[1]))

    def quantile(self, name: str, part: float, **labels: str) -> float | None:
        """The upper end of the bucket that a part of all lies below, in seconds; None without any."""
        total = self.one(f"{name}_count", **labels)
        ends = [
            (float(dict(key)["le"]), value)
            for (sample, key), value in self.samples.items()
            if sample == f"greygate_{name}_bucket" and set(labels.items()) <= set(key)
        ]
        return next((end for end, count in sorted(ends) if count >= part * total), None) if total else None


def numbers(settings: Settings) -> Numbers | None:
    """None when the files of the processes cannot be read: another account's, or none."""
    folder = metrics.folder_below(settings.storage.path)
    try:
        found = list(metrics.registry(folder).collect()) if folder.is_dir() else []
    except OSError:
        return None
    return Numbers({(one.name, frozenset(one.labels.items())): one.value for metric in found for one in metric.samples})


def processes(told: Numbers | None, now: datetime) -> list[Process]:
    found = []
    for (sample, labels), started in told.samples.items() if told else ():
        if sample == "greygate_process_start_time_seconds":
            pid = int(dict(labels)["pid"])
            found.append(Process(dict(labels)["process"], pid, now.timestamp() - started, resident(pid)))
    return sorted(found, key=lambda one: (one.name != "smtpd", one.name, one.pid))


def resident(pid: int) -> int:
    """Bytes of memory; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)


# ---- the database, the backends ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database tells, or why it does not."""

    trouble: str | None = None
    seconds: float = 0.0  # its answer to a small question
    size: int = 0
    queue: Queue = field(default_factory=lambda: Queue({}, {}))
    bytes: int = 0
    per_minute: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    set_by: ModeSet | None = None
    switches: Mapping[Switch, datetime] = field(default_factory=dict)


def kept(settings: Settings) -> Kept:
    now = clock.now()
    try:
        with transaction(settings, reads=True) as conn:
            began = perf_counter()
            changes.counts(conn)
            return Kept(
                seconds=perf_counter() - began,
                size=vitals.size(conn),
                queue=vitals.queue(conn, now),
                bytes=vitals.kept_bytes(conn),
                per_minute=vitals.per_minute(conn, now - HISTORY),
                set_by=changes.mode(conn),
                switches={name: until for name, until in changes.switches(conn).items() if until > now},
            )
    except click.ClickException as error:
        return Kept(trouble=error.message)


@dataclass(frozen=True, slots=True)
class Backend:
    url: str
    answers: bool
    seconds: float


def backends(settings: Settings) -> list[Backend]:
    """Every backend, asked once: a connection, its greeting and what it offers."""
    urls = dict.fromkeys(str(url) for domain in settings.domains.local for url in settings.backends(domain))

    async def all_of_them() -> list[Backend]:
        return list(await asyncio.gather(*(backend(url, settings) for url in urls)))

    return asyncio.run(all_of_them())


async def backend(url: str, settings: Settings) -> Backend:
    began = perf_counter()
    try:
        async with asyncio.timeout(ANSWER_WITHIN * 0.9):
            hop = make_hop(url, hostname=settings.smtp.name, tls=settings.backend.tls)
            try:
                told = await hop.capabilities()
            finally:
                await hop.close()
    except (OSError, TimeoutError):
        told = None
    return Backend(url, told is not None, perf_counter() - began)


# ---- all of it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at everything."""

    at: datetime
    hostname: str
    mode: Mode
    processes: list[Process]
    numbers: Numbers | None
    kept: Kept
    backends: list[Backend] | None
    disk_free: int | None
    certificate_ends: datetime | None
    has_certificate: bool

    @property
    def is_running(self) -> bool:
        return any(one.name == "smtpd" for one in self.processes)


class Watcher:
    """Looks again and again; slow answers are awaited in the background."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept = Asked(lambda: kept(settings))
        self.backends = Asked(lambda: backends(settings), PROBE_EVERY)

    def look(self) -> Overview:
        now, settings = clock.now(), self.settings
        told = numbers(settings)
        known = self.kept.answer() or Kept(trouble=f"no answer in {ANSWER_WITHIN:.0f} seconds")
        return Overview(
            at=now,
            hostname=settings.smtp.name,
            mode=known.set_by.mode if known.set_by else settings.protection.mode,
            processes=processes(told, now),
            numbers=told,
            kept=known,
            backends=self.backends.answer(),
            disk_free=free(settings.storage.path),
            certificate_ends=ends(settings.tls.certificate),
            has_certificate=settings.tls.certificate is not None,
        )


def free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def ends(certificate: Path | None) -> datetime | None:
    try:
        return None if certificate is None else gauges.certificate_ends(certificate)
    except (OSError, ValueError):
        return None
