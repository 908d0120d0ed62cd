"""What the pages about health work with."""

from dataclasses import dataclass
from pathlib import Path

from gateway.vitals.overview import Watcher
from gateway.vitals.ready import Ready
from gateway.vitals.reports import Reports


@dataclass(frozen=True, slots=True)
class Health:
    """One machine's. `file` is where its settings were read from."""

    watcher: Watcher
    reports: Reports
    file: Path | None = None
    ready: Ready | None = None
