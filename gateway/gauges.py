"""What is measured from time to time rather than counted: by every process of itself, by the sweep of the house."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from gateway import clock, metrics
from gateway.model import Mode
from gateway.store import changes, vitals
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.vitals import Queue

if TYPE_CHECKING:
    from gateway.smtpd.door import Door

TICK = 0.5  # seconds between two looks of a process at itself
HOUSE_EVERY = 10.0  # seconds between two looks of the sweep at database, disk and certificate


async def watch(tick: Callable[[], None] = lambda: None) -> None:
    """Measure how late timers are, and whatever `tick` measures, until cancelled."""
    while True:
        due = perf_counter() + TICK
        await asyncio.sleep(TICK)
        metrics.late(max(0.0, perf_counter() - due))
        tick()


def worker(door: "Door") -> None:
    """What one SMTP worker has in its hands."""
    tarpitted = len(door.tarpit.waiting) + len(door.tarpit.slow)
    stressed = door.tarpit.stress.on
    metrics.worker_has(len(door.sessions), tarpitted, door.spooled_bytes, door.database.noted, stressed)


@dataclass(frozen=True, slots=True)
class House:
    """What the sweep looks at for all processes of this machine."""

    storage: Path
    certificate: Path | None
    mode: Mode  # by the settings


@dataclass(frozen=True, slots=True)
class Kept:
    queue: Queue
    bytes: int
    size: int
    mode: Mode | None


async def watch_house(house: House, database: Database) -> None:
    """Measure database, queue, disk and certificate, until cancelled."""
    while True:
        with contextlib.suppress(OSError, ValueError):
            metrics.disk_has(shutil.disk_usage(house.storage).free)
        if house.certificate is not None:
            with contextlib.suppress(OSError, ValueError):
                metrics.certificate_ends(certificate_ends(house.certificate).timestamp())
        began = perf_counter()
        try:
            await database.read(changes.counts)
            metrics.database_answered(perf_counter() - began)
            kept = await database.read(look)
            metrics.house_has(kept.queue.mails, kept.queue.oldest, kept.bytes, kept.size)
            metrics.observes((kept.mode or house.mode) is Mode.OBSERVE)
        except StoreUnavailable:
            metrics.database_answered(None)
        await asyncio.sleep(HOUSE_EVERY)


def look(conn: Connection) -> Kept:
    found = changes.mode(conn)
    queue = vitals.queue(conn, clock.now())
    return Kept(queue, vitals.kept_bytes(conn), vitals.size(conn), found.mode if found else None)


def certificate_ends(path: Path) -> datetime:
    """When the first certificate of a chain ends: the one of the chain that ends first. Raises OSError, ValueError."""
    from cryptography.x509 import load_pem_x509_certificates  # megabytes that no worker needs

    return min(one.not_valid_after_utc for one in load_pem_x509_certificates(path.read_bytes()))
