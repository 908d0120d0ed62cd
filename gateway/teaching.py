"""What people's verdicts teach the classifier. Nothing else does: not its own score, nor what nobody looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from classifier.features import Features
from classifier.mail import MOST_READ, parse
from classifier.model import Model
from classifier.score import Score, doubts
from gateway.bodies import Bodies, NoBody
from gateway.model import Label
from gateway.store import decisions, lessons
from gateway.store.lessons import Lesson


class Doubtful(Exception):
    """A confident classifier is of another mind."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Where a verdict becomes a lesson. `model`: what the classifier thinks now; it is asked before it is told."""

    bodies: Bodies
    model: Callable[[], Model]
    node: str

    def doubt(self, conn: Connection, row: Mapping[str, Any], label: Label) -> Score | None:
        """What a confident classifier thinks of a mail that somebody is about to call the opposite; else None.

        Whoever decides is asked once more then: most such labels are a slip.
        """
        features = self.features(conn, row["id"])
        if features is None:
            return None
        score = self.model().score(features)
        return score if doubts(score, label is Label.SPAM) else None

    def teach(
        self, conn: Connection, row: Mapping[str, Any], account: str, label: Label, person: str, now: datetime
    ) -> int | None:
        """Write what a person said about a kept mail into the journal; its number.

        None where it is said already, or the bytes are gone. Who says the opposite of what was said before takes that
        back: the last word about a mail counts.
        """
        if self.is_said(conn, row["id"], label):
            return None
        features = self.features(conn, row["id"])
        return None if features is None else self.write(conn, row["id"], features, account, label, person, now)

    def teach_mail(
        self, conn: Connection, data: bytes, account: str, label: Label, person: str, now: datetime, *, sure: bool
    ) -> int | None:
        """The same about a mail that is not kept here; it is known by its bytes. Raises Doubtful unless `sure`."""
        number = f"={sha256(data).hexdigest()[:19]}"
        if self.is_said(conn, number, label):
            return None
        features = Features.of(parse(data))
        if not sure and doubts(self.model().score(features, account), label is Label.SPAM):
            raise Doubtful
        return self.write(conn, number, features, account, label, person, now)

    def is_said(self, conn: Connection, message: str, label: Label) -> bool:
        return any(one.label is label for one in lessons.of_message(conn, message))

    def write(
        self, conn: Connection, message: str, features: Features, account: str, label: Label, person: str, now: datetime
    ) -> int:
        opposite = [one.id for one in lessons.of_message(conn, message)]
        lessons.undo(conn, opposite, person, self.node, now)
        score = self.model().score(features, account).z
        data = features.to_bytes()
        return lessons.add(conn, Lesson(now, self.node, person, label, data, account, message, score))

    def take_back(self, conn: Connection, message: str, person: str, now: datetime) -> list[int]:
        """Nobody said anything about this mail; which lessons are undone."""
        numbers = [one.id for one in lessons.of_message(conn, message)]
        taken = lessons.undo(conn, numbers, person, self.node, now)
        if taken:
            decisions.happened(conn, "lesson undone", now, message=message, who=person, lessons=taken)
        return taken

    def features(self, conn: Connection, number: str) -> Features | None:
        try:
            return Features.of(parse(beginning(self.bodies, conn, number)))
        except NoBody:
            return None


def beginning(bodies: Bodies, conn: Connection, number: str) -> bytes:
    """As much of a mail as is looked at. Raises NoBody."""
    taken = bytearray()
    for chunk in bodies.read(conn, number):
        taken += chunk
        if len(taken) >= MOST_READ:
            break
    return bytes(taken)
