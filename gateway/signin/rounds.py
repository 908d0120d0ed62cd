"""When the directory is read: by the sweep of one node, at an interval; each node keeps its list of recipients."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.desk import Person
from gateway.settings.signin import DirectorySettings
from gateway.signin import roll
from gateway.signin.directory import Directory
from gateway.signin.nouns import NoAnswer, Welcome
from gateway.signin.roll import Plan, TooMany
from gateway.store import directories

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rounds:
    """`file`: where this node keeps the recipients. `by`: who the audit says it was."""

    settings: DirectorySettings
    local: frozenset[str]
    engine: Engine
    file: Path
    by: Person

    def look(self) -> None:
        """Read it if it is time, and keep the list. Trouble is logged and told; the next look may be better."""
        now = clock.now()
        try:
            with self.engine.begin() as conn:
                is_due = directories.begin(conn, roll.NAME, now, now - self.settings.every)
            if is_due:
                self.read(now)
            self.keep_list()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the directory was not looked at", why=str(error)[:300])

    def read(self, now: datetime) -> None:
        try:
            plan = self.done(now)
        except (NoAnswer, TooMany) as error:
            why = error.args[-1]
            log.warning("the directory was not read", why=why)
            with self.engine.begin() as conn:
                directories.end(conn, roll.NAME, now, why)
        else:
            told = {"come": len(plan.come) + len(plan.bound) + len(plan.back), "gone": len(plan.gone)}
            log.info("the directory was read", recipients=len(plan.more) + len(plan.fewer), **told)

    def planned(self, now: datetime) -> Plan:
        """What would change. Raises NoAnswer."""
        people, groups = Directory(self.settings).everybody()
        with self.engine.execution_options(reads=True).connect() as conn:
            return roll.planned(conn, people, groups, self.settings, self.local, now)

    def done(self, now: datetime, *, anyway: bool = False) -> Plan:
        """Change it. Raises NoAnswer and, unless `anyway`, TooMany: then nothing is changed."""
        people, groups = Directory(self.settings).everybody()
        with self.engine.begin() as conn:
            plan = roll.planned(conn, people, groups, self.settings, self.local, now)
            if not anyway:
                roll.guard(conn, plan, self.settings)
            directories.begin(conn, roll.NAME, now, now)
            welcome = Welcome(roll.ISSUER, self.settings.roles, self.settings.create, self.local)
            roll.carried_out(conn, plan, welcome, self.by, now)
            directories.end(conn, roll.NAME, now)
        return plan

    def keep_list(self) -> None:
        if self.settings.keeps_recipients:
            with self.engine.execution_options(reads=True).connect() as conn:
                roll.write_list(conn, self.file)
