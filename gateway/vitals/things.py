"""The certificate, the disk, and what the classifier learnt: files of this machine that may trouble somebody."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import gauges

MODEL, CHECKPOINTS = "model", "checkpoint-*"  # as the classifier calls its files


@dataclass(frozen=True, slots=True)
class Certificate:
    """What peers are shown at the SMTP and submission listeners. `ends` is None where it cannot be read."""

    path: Path
    names: tuple[str, ...] = ()
    ends: datetime | None = None

    def fits(self, hostname: str) -> bool:
        """Whether it is for this name, by itself or as a wildcard (RFC 6125 6.4.3)."""
        wanted = hostname.lower()
        return wanted in self.names or f"*.{wanted.partition('.')[2]}" in self.names


def certificate(path: Path | None) -> Certificate | None:
    """None where none is set."""
    if path is None:
        return None
    try:
        return Certificate(path, names_in(path), gauges.certificate_ends(path))
    except (OSError, ValueError):
        return Certificate(path)


def names_in(path: Path) -> tuple[str, ...]:
    """The host names of the first certificate of a chain. Raises OSError, ValueError."""
    from cryptography import x509  # megabytes that no worker needs

    first, *_ = x509.load_pem_x509_certificates(path.read_bytes())
    try:
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))


@dataclass(frozen=True, slots=True)
class Disk:
    path: Path
    free: int
    whole: int


def disk(path: Path) -> Disk | None:
    try:
        found = shutil.disk_usage(path)
    except OSError:
        return None
    return Disk(path, found.free, found.total)


@dataclass(frozen=True, slots=True)
class Classifier:
    """What it learnt on this machine from people here, and when it put that in force and into a checkpoint last."""

    spam: int = 0
    ham: int = 0
    origin: str = ""
    learnt: datetime | None = None
    checkpoint: datetime | None = None
    trouble: str | None = None


def classifier(folder: Path) -> Classifier:
    """From the head of its file: what is behind it is megabytes."""
    from classifier.stored import MOST_HEADER, BadModel, header  # loads what computes, which a look has no use for

    path = folder / MODEL
    try:
        with open(path, "rb") as file:
            head, _ = header(file.read(MOST_HEADER), path)
        labels: dict[str, Any] = head["labels"]
        written = at(path)
        points = sorted(map(at, checkpoints(folder)))
        return Classifier(
            int(labels["spam"]), int(labels["ham"]), str(head["origin"]), written, points[-1] if points else None
        )
    except FileNotFoundError:
        return Classifier()  # nothing was published yet: the prior judges
    except (OSError, BadModel, KeyError, TypeError, ValueError) as error:
        return Classifier(trouble=str(error))


def checkpoints(folder: Path) -> Sequence[Path]:
    return [path for path in folder.glob(CHECKPOINTS) if path.suffix != ".new"]


def at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
