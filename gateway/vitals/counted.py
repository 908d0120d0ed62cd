"""What the processes of this machine have counted, and which of them run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway import metrics
from gateway.settings import Settings

Labels = frozenset[tuple[str, str]]


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


def ended(settings: Settings) -> Mapping[str, int] | None:
    """How many of each kind of process have ended since Greygate was started, at reloads too; None as above."""
    folder = metrics.folder_below(settings.storage.path)
    try:
        return metrics.ended(folder) if folder.is_dir() else {}
    except OSError:
        return None


def expected(settings: Settings) -> dict[str, int]:
    """How many of each kind run where everything does; those alone that count something."""
    wanted = {"smtpd": settings.smtp.workers, "courier": 1, "pupil": 1, "sweep": 1}
    return wanted | ({"submission": 1} if settings.submission.is_on else {})


def resident(pid: int) -> int:
    """Bytes of memory; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)
