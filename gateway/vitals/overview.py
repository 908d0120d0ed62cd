"""One look at everything on this machine, and somebody who looks again and again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway import clock
from gateway.model import Mode
from gateway.settings import Settings
from gateway.statistics.sudden import Sudden
from gateway.vitals import counted, probes, things
from gateway.vitals.asked import ANSWER_WITHIN, Asked
from gateway.vitals.counted import Numbers, Process
from gateway.vitals.kept import Kept, Reading, kept, sudden
from gateway.vitals.probes import Backend, NameServer
from gateway.vitals.things import Certificate, Classifier, Disk

PROBE_EVERY = 15.0  # seconds between two questions to a backend or a name server
COMPARE_EVERY = 60.0  # seconds; hours are compared
NAME_EVERY = 3600.0  # our own name may have to be asked for


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at everything."""

    at: datetime
    hostname: str
    mode: Mode
    processes: list[Process]
    ended: Mapping[str, int] | None
    numbers: Numbers | None
    kept: Kept
    backends: list[Backend] | None
    name_servers: list[NameServer] | None
    disk: Disk | None
    certificate: Certificate | None
    classifier: Classifier
    sudden: Sudden | None = None  # of what is held, compared with other weeks

    @property
    def is_running(self) -> bool:
        return any(one.name == "smtpd" for one in self.processes)


class Watcher:
    """Looks again and again; slow answers are awaited in the background, for at most `patience` seconds."""

    def __init__(
        self, settings: Settings, reading: Reading, *, most: int | None = None, patience: float = ANSWER_WITHIN
    ) -> None:
        self.settings = settings
        self.patience = patience
        self.kept = Asked(lambda: kept(reading, settings, most))
        self.backends = Asked(lambda: probes.backends(settings), PROBE_EVERY)
        self.servers = Asked(lambda: probes.name_servers(settings), PROBE_EVERY)
        self.name = Asked(lambda: settings.smtp.name, NAME_EVERY)
        self.sudden = Asked(lambda: sudden(reading, settings), COMPARE_EVERY)
        self.answered = probes.Remembered()

    def look(self) -> Overview:
        now, settings = clock.now(), self.settings
        for one in (self.name, self.kept, self.backends, self.servers, self.sudden):
            one.begin()
        told = counted.numbers(settings)
        known = self.kept.answer() or Kept(trouble=f"no answer in {ANSWER_WITHIN:.0f} seconds")
        reached = self.backends.answer(self.patience)
        return Overview(
            at=now,
            hostname=self.name.answer(self.patience) or settings.smtp.hostname or "this machine",
            mode=known.set_by.mode if known.set_by else settings.protection.mode,
            processes=counted.processes(told, now),
            ended=counted.ended(settings),
            numbers=told,
            kept=known,
            backends=None if reached is None else self.answered.of(reached, now),
            name_servers=self.servers.answer(self.patience),
            disk=things.disk(settings.storage.path),
            certificate=things.certificate(settings.tls.certificate),
            classifier=things.classifier(settings.storage.path / "classifier"),
            sudden=self.sudden.answer(self.patience),
        )
