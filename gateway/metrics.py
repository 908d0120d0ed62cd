"""What is counted and measured, by stable names (docs/metrics.md): every definition and every call is here.

Each process keeps its numbers in small mapped files below [storage] path, so counting is a store into memory, it
outlives a kill -9, and whoever reads adds the processes up. The files have all their room from the start: growing one
on a full disk would kill the process. Until `begin` was called nothing is counted, and a call costs nothing.
"""

import errno
import fcntl
import json
import os
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gateway import clock

T = TypeVar("T")

# Bytes of each file of a process: all series that there can be find room, by test.
ROOM = {
    "counter": 256 * 1024,
    "histogram": 256 * 1024,
    "gauge_livesum": 16 * 1024,
    "gauge_livemostrecent": 64 * 1024,
    "gauge_liveall": 16 * 1024,
}

REPLY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Counted:
    """A counter whose series are looked up once: with the library's own look-up each count would cost double."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.metric = Counter(f"greygate_{name}", text, labels, registry=None)
        self.series: dict[tuple[str, ...], Counter] = {}

    def add(self, *labels: str) -> None:
        series = self.series.get(labels)
        if series is None:
            series = self.series[labels] = self.metric.labels(*labels) if labels else self.metric
        series.inc()


def gauge(name: str, text: str, *labels: str, mode: str = "livemostrecent") -> Gauge:
    return Gauge(f"greygate_{name}", text, labels, registry=None, multiprocess_mode=mode)  # type: ignore[arg-type]


def histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
    return Histogram(f"greygate_{name}", text, labels, registry=None, buckets=tuple(buckets))


class Meters:
    """All metrics of a process. Units are in the names: seconds and bytes."""

    def __init__(self, process: str) -> None:
        self.started = gauge("process_start_time_seconds", "When a process began.", "process", mode="liveall")
        self.started.labels(process).set(clock.now().timestamp())
        self.lag = histogram(
            "event_loop_lag_seconds", "How late a timer is.", LAG_BUCKETS, "process"
        ).labels(process)  # fmt: skip
        self.sessions = Counted("sessions_total", "Connections taken.")
        self.open = gauge("sessions_open", "Connections open now.", mode="livesum")
        self.tarpitted = gauge("tarpitted", "Peers kept waiting on purpose now.", mode="livesum")
        self.stressed = gauge("stressed", "SMTP workers that hurry, being short of places.", mode="livesum")
        self.spooled = gauge("spooled_bytes", "Mail being received now.", mode="livesum")
        self.pending = gauge("store_notes_pending", "Notes that wait to be written.", mode="livesum")
        self.notes_lost = Counted("store_notes_lost_total", "Notes that were not written.", "why")
        self.decisions = Counted("decisions_total", "Decisions about recipients.", "stage", "action", "reason")
        self.replies = Counted("replies_total", "Replies to peers.", "class")
        self.reply_seconds = histogram("data_reply_seconds", "From the dot to our reply.", REPLY_BUCKETS)
        self.deliveries = Counted("deliveries_total", "Attempts at backends.", "by", "outcome")
        self.backend_seconds = histogram("backend_seconds", "One attempt at a backend.", REPLY_BUCKETS, "backend")
        self.backend_up = gauge("backend_up", "Whether a backend could be reached last time.", "backend")
        self.queue = gauge("queue_mails", "Kept mail by state, counted per recipient.", "state")
        self.oldest = gauge("queue_oldest_seconds", "Age of the oldest mail in a state.", "state")
        self.kept = gauge("kept_bytes", "Bytes of kept mail.")
        self.database_up = gauge("database_up", "Whether the database answered last time.")
        self.database_seconds = gauge("database_seconds", "How long its last answer took.")
        self.database_bytes = gauge("database_bytes", "Its size.")
        self.disk_free = gauge("disk_free_bytes", "Room on the disk of [storage] path.")
        self.certificate = gauge("certificate_expiry_timestamp_seconds", "When the certificate of [tls] ends.")
        self.observing = gauge("observing", "1 while it only observes.")


meters: Meters | None = None


def folder_below(storage: Path) -> Path:
    """Where the files of all processes of a machine are."""
    return storage / "metrics"


def begin(folder: Path, process: str) -> None:
    """Count from now on, in files of this process below the folder. Raises OSError when they have no room."""
    global meters
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for kind, room in ROOM.items():
        reserve(folder / f"{kind}_{os.getpid()}.db", room)
    sign_of_life = os.open(alive_path(folder, os.getpid()), os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(sign_of_life, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held for as long as we run, and by nobody afterwards
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    us = os.getpid()  # asked once: we do not fork, and the library would ask the system at each count
    values.ValueClass = values.MultiProcessValue(lambda: us)  # type: ignore[no-untyped-call]
    meters = Meters(process)


def reserve(path: Path, room: int) -> None:
    """Take a file's room on the disk, or leave no file. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(handle, 0, room)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            path.unlink(missing_ok=True)
            raise
        if os.fstat(handle).st_size < room:
            os.write(handle, bytes(room))
    finally:
        os.close(handle)


def forget(folder: Path) -> None:
    """Remove what processes of an earlier start have counted."""
    for path in folder.glob("*.db"):
        with suppress(OSError):
            path.unlink()


# ---- calls from the parts; each is one line there ------------------------------------------------------------------


def session_began() -> None:
    if meters is not None:
        meters.sessions.add()


def decided(stage: str, action: str, reason: str) -> None:
    if meters is not None:
        meters.decisions.add(stage, action, reason)


def replied(first_digit: str) -> None:
    if meters is not None:
        meters.replies.add(first_digit + "xx")


async def timed_reply(answering: Awaitable[T]) -> T:
    """Measure from the dot to our reply."""
    began = perf_counter()
    try:
        return await answering
    finally:
        if meters is not None:
            meters.reply_seconds.observe(perf_counter() - began)


def attempted(by: str, backend: str, outcomes: Iterable[str], seconds: float) -> None:
    """One transaction with a backend; an outcome for each recipient."""
    if meters is not None:
        meters.backend_seconds.labels(backend).observe(seconds)
        for outcome in outcomes:
            meters.deliveries.add(by, outcome)


def backend_is(backend: str, up: bool) -> None:
    if meters is not None:
        meters.backend_up.labels(backend).set(up)


def note_lost(why: str) -> None:
    if meters is not None:
        meters.notes_lost.add(why)


# ---- what gateway.gauges measures from time to time ----------------------------------------------------------------


def late(seconds: float) -> None:
    """A timer of this process fired so much too late."""
    if meters is not None:
        meters.lag.observe(seconds)


def worker_has(sessions: int, tarpitted: int, spooled: int, pending: int, stressed: bool) -> None:
    if meters is not None:
        meters.stressed.set(stressed)
        meters.tarpitted.set(tarpitted)
        meters.open.set(sessions)
        meters.spooled.set(spooled)
        meters.pending.set(pending)


def database_answered(seconds: float | None) -> None:
    """None: it did not."""
    if meters is not None:
        meters.database_up.set(seconds is not None)
        if seconds is not None:
            meters.database_seconds.set(seconds)


def house_has(mails: Mapping[str, int], oldest: Mapping[str, timedelta], kept: int, database: int) -> None:
    """The queue by state, and bytes of kept mail and of the database."""
    if meters is not None:
        for state, count in mails.items():
            meters.queue.labels(state).set(count)
        for state, age in oldest.items():
            meters.oldest.labels(state).set(age.total_seconds())
        meters.kept.set(kept)
        meters.database_bytes.set(database)


def observes(observing: bool) -> None:
    if meters is not None:
        meters.observing.set(observing)


def disk_has(free: int) -> None:
    if meters is not None:
        meters.disk_free.set(free)


def certificate_ends(timestamp: float) -> None:
    if meters is not None:
        meters.certificate.set(timestamp)


# ---- reading -------------------------------------------------------------------------------------------------------


class Everything(Collector):
    """The numbers of all processes together; gauges of those that are gone are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterable[Metric]:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(self.folder))
        for pid in dead(self.folder):
            mark_process_dead(pid, str(self.folder))  # type: ignore[no-untyped-call]
        yield from MultiProcessCollector(None, str(self.folder)).collect()  # type: ignore[no-untyped-call]


def registry(folder: Path) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(Everything(folder))
    return made


def dead(folder: Path) -> list[int]:
    """Processes that left gauges behind and do not run any more: the kernel let their lock go. Raises OSError."""
    pids = {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*_*.db")}
    return [pid for pid in pids if not runs(folder, pid)]


def ended(folder: Path) -> dict[str, int]:
    """How many processes of each kind have counted something since the gate was started, and do not run any more.

    What they counted outlives them, with their name on it. Raises OSError.
    """
    found: dict[str, int] = {}
    for path in folder.glob("histogram_*.db"):
        if not runs(folder, int(path.stem.rpartition("_")[2])):
            for name in names_in(path):
                found[name] = found.get(name, 0) + 1
    return found


def names_in(path: Path) -> set[str]:
    """Of the process that counted in a file: it measures how late its timers are from the start."""
    keys = [json.loads(key) for key, *_ in MmapedDict.read_all_values_from_file(str(path))]  # type: ignore[no-untyped-call]
    return {labels["process"] for metric, _, labels, *_ in keys if metric == "greygate_event_loop_lag_seconds"}


def runs(folder: Path, pid: int) -> bool:
    try:
        handle = os.open(alive_path(folder, pid), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def alive_path(folder: Path, pid: int) -> Path:
    return folder / f"gauge_liveall_{pid}.db"


def names() -> set[str]:
    """The names of all metrics, as they are scraped."""
    made = Meters("none")
    metrics = [one.metric if isinstance(one, Counted) else one for one in vars(made).values()]
    return {described(one) for one in metrics if isinstance(one, MetricWrapperBase)}


def described(metric: MetricWrapperBase) -> str:
    (found,) = metric.describe()
    return found.name + ("_total" if found.type == "counter" else "")
