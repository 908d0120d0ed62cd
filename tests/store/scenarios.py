"""Made-up histories and questions about them, with many who look alike; the same seed is the same story."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.model import Fingerprint, Grade, MailIdentity, Reply, Rung, RungKind, TombstoneOutcome
from gateway.store import copies, memory, messages, sightings, tombstones
from gateway.store.copies import Deferred
from gateway.store.memory import Remembered
from gateway.store.question import Question
from gateway.store.sightings import Passed
from tests.store.making import NOW, attempt, fingerprint, mail

SENDERS = (
    "",
    "ann@elsewhere.example",
    "jörg@büro.example",
    'o\'brien+"x"@elsewhere.example',
    "a" * 140 + "@x.example",
    "ä" * 200 + "@x.example",
)
RECIPIENTS = ("bo@example.com", "cy@example.com", "grüße😀@example.com", "long" + "o" * 250 + "@example.com")
RUNGS = (
    Rung(RungKind.NETWORK, "192.0.2.0/24"),
    Rung(RungKind.NETWORK, "2001:db8::/64"),
    Rung(RungKind.FCRDNS, "mx.elsewhere.example"),
    Rung(RungKind.FCRDNS, "n" * 400),
    Rung(RungKind.SPF, "elsewhere.example"),
    Rung(RungKind.DKIM, "xn--bro-hoa.example"),
)
TEXTS = (b"one", b"two", b"three")
NUMBERS = (None, "<1@x>", "<2@x>")


def content(chance: random.Random) -> Fingerprint:
    return fingerprint(chance.choice(TEXTS), chance.choice(NUMBERS))


def rungs(chance: random.Random) -> frozenset[Rung]:
    return frozenset(chance.sample(RUNGS, chance.randint(1, 3)))


def moment(chance: random.Random, hours: int = 100) -> datetime:
    return NOW + timedelta(hours=chance.randint(-hours, hours), microseconds=chance.choice((0, 1, 999_999)))


def history(conn: Connection, chance: random.Random, length: int = 40) -> None:
    """Attempts, patience, releases, copies and deliveries among a few who often meet."""
    for number in range(length):
        sender, to, when = chance.choice(SENDERS), chance.choice(RECIPIENTS), moment(chance)
        what = chance.randrange(7)
        if what <= 1:
            seen = content(chance) if chance.random() < 0.7 else None
            sightings.saw(conn, [attempt(sender, to, rungs(chance), seen, chance.choice((None, 5)), when)])
        elif what == 2:
            sightings.passed(conn, [Passed(sender, to, rungs(chance), when)])
        elif what == 3:
            grade = chance.choice((Grade.REMEMBERED, Grade.KNOWN))
            memory.remember(conn, [Remembered(rungs(chance), sender, to, grade, "waited", when, moment(chance))])
        elif what == 4:
            whose, whom = chance.choice(((sender, memory.EVERYBODY), (memory.anybody_at(sender), memory.EVERYBODY)))
            memory.remember(
                conn, [Remembered(rungs(chance), whose, whom, Grade.REMEMBERED, "two", when, moment(chance))]
            )
        elif what == 5:
            keep_copy(conn, chance, f"m{number}", sender, to)
        else:
            bury(conn, chance, sender, to)


def keep_copy(conn: Connection, chance: random.Random, number: str, sender: str, to: str) -> None:
    kept = mail(number, recipients=(to,), content=content(chance), rungs=rungs(chance), received_at=moment(chance))
    messages.add(conn, kept, chance.choice(("files", "none")))
    conn.execute(messages.message.update().where(messages.message.c.id == number).values(sender_key=sender))
    copies.note(conn, [Deferred(number, kept.envelope.recipients[0], moment(chance))])
    if chance.random() < 0.3:
        row = copies.of_message(conn, number)[0]
        copies.claim(conn, row["id"], "w", NOW, moment(chance))


def bury(conn: Connection, chance: random.Random, sender: str, to: str) -> None:
    mail_identity = MailIdentity(sender, to, rungs(chance), content(chance))
    outcome = chance.choice(list(TombstoneOutcome))
    made = tombstones.make(conn, mail_identity, outcome, NOW, moment(chance), released=chance.random() < 0.5)
    if outcome is TombstoneOutcome.UNDELIVERABLE:
        tombstones.settle(conn, made, outcome, moment(chance), Reply(550, "5.1.1", 'no "such" user: 😀\\'))
    if chance.random() < 0.3:
        tombstones.consume(conn, [made], moment(chance))


def questions(chance: random.Random, many: int) -> list[Question]:
    asked = []
    for _ in range(many):
        sender = chance.choice(SENDERS)
        to = tuple(chance.sample(RECIPIENTS, chance.randint(1, 3)))
        seen = content(chance) if chance.random() < 0.6 else None
        asked.append(Question(sender, chance.choice((sender, *SENDERS)), to, rungs(chance), moment(chance), seen))
    return asked


def told_something(answers: Sequence[object]) -> bool:
    """An empty story would prove nothing."""
    return any("Sighting(" in repr(one) for one in answers) and any("CopyRow(" in repr(one) for one in answers)
