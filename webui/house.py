"""What the pages work with: the database, the bodies, and what the settings say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from gateway.bodies import Bodies
from gateway.bulk import FourEyes, Means
from gateway.desk import Teach, Terms, teach_nobody
from gateway.expecting import Allowed
from gateway.model import Label
from gateway.policy.draft import Draft
from gateway.settings import Settings
from gateway.signin.doors import Doors
from gateway.vitals import Health
from webui.watch import Watch

# How probable spam is to a confident classifier that contradicts what somebody is about to say of a mail; else None.
Doubt = Callable[[Connection, dict[str, Any], Label], float | None]


def no_doubt(conn: Connection, row: dict[str, Any], label: Label) -> None:
    """Nobody contradicts."""


@dataclass(frozen=True, slots=True)
class House:
    """One node's. `rules` is what the settings say to the policy. `doors` are the ways to sign in
    with what people have elsewhere. `teach` is told what people say of mail,
    `teach_surely` what they say of many at once; `doubt` says
    how sure a classifier is of the opposite."""

    settings: Settings
    engine: Engine
    bodies: Bodies
    terms: Terms
    node: str
    expecting: Allowed
    rules: Draft
    teach: Teach = teach_nobody
    teach_surely: Teach = teach_nobody
    doubt: Doubt = no_doubt
    health: Health | None = None
    doors: Doors = field(default_factory=Doors)
    watch: Watch = field(default_factory=Watch)

    @property
    def means(self) -> Means:
        return Means(self.bodies, self.terms, self.node, self.settings.web.undo, self.teach_surely)

    @property
    def four_eyes(self) -> FourEyes:
        web = self.settings.web
        return FourEyes(
            web.four_eyes in ("everybody", "both"), web.four_eyes_over if web.four_eyes in ("bulk", "both") else None
        )

    def teach_unless_sure(
        self, conn: Connection, row: dict[str, Any], account: str, label: Label, person: str, now: datetime
    ) -> Any:
        """For many mails at once, where nobody can be asked about each: what a confident classifier contradicts
        teaches nothing."""
        return None if self.doubt(conn, row, label) is not None else self.teach(conn, row, account, label, person, now)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Each statement for itself: nobody else waits."""
        with self.engine.execution_options(reads=True).connect() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction."""
        with self.engine.begin() as conn:
            yield conn
