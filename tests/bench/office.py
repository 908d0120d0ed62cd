"""An office after a busy month, in bulk: held mail, first mail of strangers, decisions, events, an audit, people.

Mail number N is the same every time, so that a page, a place in a list or a search can be asked about any of it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.bodies import FileBodies, Kept
from gateway.model import (
    CopyState,
    DeliveryState,
    Envelope,
    Fingerprint,
    MailParameters,
    Peer,
    ReasonCode,
    Recipient,
    Rung,
    RungKind,
)
from gateway.policy.address import parse_address
from gateway.store.keys import text_key
from tests.bench.rows import batches, insert, load_file, text, word
from tests.mariadb import MariaDB

PEOPLE = 2_000
SHARED, USER, FEW = "info@example.com", "user.b@example.com", "boss@small.example"
SMALL = ("boss@small.example", "desk@small.example")  # a domain that hardly gets any mail
DOMAINS = ("example.com", "small.example")
WORDS = [
    "invoice", "order", "offer", "meeting", "question", "about", "your", "delivery", "shipment", "reminder",
    "contract", "account", "update", "statement", "price", "list", "request", "new", "project", "report", "minutes",
    "travel", "booking", "ticket", "payment", "due", "late", "urgent", "final", "draft", "review", "schedule",
    "call", "visit", "sample", "catalogue", "quote", "tender", "service", "support", "problem", "solved", "answer",
    "re", "fwd", "monthly", "weekly", "newsletter", "event", "invitation", "conference", "paper", "survey",
    "result", "summary", "notice", "change", "address", "confirmation", "welcome",
]  # fmt: skip
RARE, NOWHERE = "zymurgy", "quetzalcoatlus"
RARE_EVERY = 20_011  # mails
HELD_FOR = timedelta(days=30)
WAITING_FOR = timedelta(hours=3)  # before anybody is given up, so that the sweep leaves the rows as they are
CAMPAIGN = 40  # mails with the same words and no campaign on record
Row = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """Rows: held mails; copies of waiting mail; decisions, and as many events; lines of the audit; remembered."""

    held: int
    waiting: int
    decisions: int
    audit: int
    remembered: int
    now: datetime

    def __str__(self) -> str:
        return (
            f"{self.held:,} held, {self.waiting:,} waiting, {self.decisions:,} decisions, {self.decisions:,} events, "
            f"{self.audit:,} lines of the audit, {self.remembered:,} remembered"
        )

    def held_at(self, number: int) -> datetime:
        """When held mail number N came: 0 is the oldest."""
        return self.now - 0.9 * HELD_FOR * (1 - number / self.held) - timedelta(minutes=1)

    def waiting_at(self, number: int) -> datetime:
        return self.now - WAITING_FOR * (1 - number / self.waiting) - timedelta(seconds=1)


def held_id(number: int) -> str:
    return f"h{number:012}"


def waiting_id(number: int) -> str:
    """Of the mail of copy number N: two recipients have the same mail."""
    return f"w{number // 2:012}"


def recipient(number: int) -> str:
    """A twentieth is for the shared address, hardly anything for the small domain, the rest is spread."""
    if number % 20 == 7:
        return SHARED
    if number % 3_001 == 5:
        return SMALL[number % 2]
    return f"user.{word(number * 7919 % PEOPLE)}@example.com"


def sender(number: int) -> str:
    place = number * 104_729
    return f"{word(place % 1_000_003)}@{word(place % 90_001)}.example"


def subject(number: int) -> str:
    place = number * 15_485_863
    said = " ".join(WORDS[place // len(WORDS) ** step % len(WORDS)] for step in range(4))
    rare = f" {RARE}" if number % RARE_EVERY == 3 else ""
    return f"{said.capitalize()}{rare} {number}"


def message_id(number: int, shelf: str) -> str:
    return f"<{shelf}{number}.{word(number)}@{sender(number).rpartition('@')[2]}>"


def letter(number: int) -> bytes:
    head = f"From: {sender(number)}\r\nTo: {recipient(number)}\r\nSubject: {subject(number)}\r\n"
    head += f"Message-ID: {message_id(number, 'h')}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
    text = "Hello,\r\n\r\nplease find below what we talked about. " + "It is as we said. " * 40
    return f"{head}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


# ---- rows ----------------------------------------------------------------------------------------------------------


def message(number: int, shelf: str, at: datetime) -> Row:
    mine = sender(number)
    return {
        "id": held_id(number) if shelf == "h" else f"w{number:012}",
        "received_at": text(at),
        "sender": mine,
        "sender_key": mine,
        "peer": f"192.0.2.{number % 250 + 1}",
        "helo": f"mail.{mine.rpartition('@')[2]}",
        "peer_name": f"mail.{mine.rpartition('@')[2]}",
        "tls": 1,
        "esmtp": 1,
        "size": 4096 + number % 50_000,
        "body_8bit": 1,
        "smtputf8": 0,
        "author": mine if number % 3 else f"sales@{mine.rpartition('@')[2]}",
        "subject": subject(number),
        "whole": f"{shelf}{number:063x}",
        "body": f"{number:064x}",
        "headers": f"{number:064x}",
        "message_id": text_key(message_id(number, shelf)),
        "rungs": json.dumps([[int(RungKind.NETWORK), "192.0.2.0/24"], [int(RungKind.SPF), mine.rpartition("@")[2]]]),
        "trace": f"Received: from mail.{mine.rpartition('@')[2]} by gate.example.com; a line of the usual length",
        "network": f"192.0.{number % 200}.0/24",
        "stored": "files",
    }


def messages(sizes: Sizes) -> Iterator[Row]:
    for number in range(sizes.held):
        yield message(number, "h", sizes.held_at(number))
    for number in range((sizes.waiting + 1) // 2):
        yield message(number, "w", sizes.waiting_at(2 * number))


def deliveries(sizes: Sizes) -> Iterator[Row]:
    """One for each held mail, and as many that ended."""
    for number in range(2 * sizes.held):
        held, mail = number < sizes.held, number % sizes.held
        at = sizes.held_at(mail)
        whom = recipient(mail if held else mail + 1)
        if not held and whom == recipient(mail):
            continue
        yield {
            "id": number + 1,
            "message": held_id(mail),
            "recipient": whom,
            "recipient_raw": whom,
            "state": str(DeliveryState.HELD if held else DeliveryState.DELIVERED),
            "reason": str(ReasonCode.CONTENT_SUSPICIOUS),
            "junk": 0,
            "created": text(at),
            "expires": text(at + HELD_FOR) if held else None,
            "attempts": 0 if held else 1,
            "last_reply": "" if held else "250 2.0.0 taken",
            "ended_at": None if held else text(at),
        }


def copies(sizes: Sizes) -> Iterator[Row]:
    for number in range(sizes.waiting):
        at, whom = sizes.waiting_at(number), recipient(number)
        yield {
            "id": number + 1,
            "message": waiting_id(number),
            "recipient": whom,
            "recipient_raw": whom,
            "state": str(CopyState.SENDER_HELD),
            "note": "",
            "first_seen": text(at - timedelta(minutes=5)),
            "last_seen": text(at),
            "tries": 1 + number % 4,
        }


def facts(mail: int, shelf: str) -> str:
    """About as much as a real decision says, in the form of today."""
    evidence = {"sender": sender(mail), "score": 4.2, "words": WORDS[:12]}
    reasons = [
        {"code": str(code), "evidence": evidence, "weight": weight}
        for code, weight in ((ReasonCode.CONTENT_SUSPICIOUS, 3.1), (ReasonCode.GREYLIST_NEW, None))
    ]
    fingerprint = {"whole": f"{shelf}{mail:063x}", "body": f"{mail:064x}", "headers": f"{mail:064x}"}
    known = {
        "message": {"fingerprint": fingerprint, "size": 5000, "rungs": [[1, "192.0.2.0/24"]]},
        "rcpt": {"peer": {"address": "192.0.2.9", "helo": "mail.example"}, "terms": dict.fromkeys(WORDS[:25], 180.0)},
    }
    return json.dumps({"v": 2, "facts": known, "reasons": reasons, "reply": "250 2.0.0 held for approval"})


def story(sizes: Sizes) -> Iterator[tuple[int, str, str, str, datetime, str]]:
    """Number, mail, its id, whom for, when and on which shelf; the oldest first."""
    for number in range(sizes.decisions):
        if number < sizes.held:
            yield number, "h", held_id(number), recipient(number), sizes.held_at(number), "hold"
        else:
            mail = (number - sizes.held) % max(1, sizes.waiting)
            yield number, "w", waiting_id(mail), recipient(mail), sizes.waiting_at(mail), "defer"


def decisions(sizes: Sizes) -> Iterator[Row]:
    for number, shelf, mail, whom, at, action in story(sizes):
        about = int(mail[1:])
        yield {
            "id": number + 1,
            "reply_id": mail,
            "at": text(at),
            "stage": "data",
            "peer": "192.0.2.9",
            "sender": sender(about),
            "recipient": whom,
            "action": action,
            "code": str(ReasonCode.CONTENT_SUSPICIOUS if shelf == "h" else ReasonCode.GREYLIST_NEW),
            "message": None,
            "review": int(number % 2_000 == 0),
            "facts": facts(about, shelf),
        }


def events(sizes: Sizes) -> Iterator[Row]:
    for number, shelf, mail, whom, at, _ in story(sizes):
        yield {
            "id": number + 1,
            "at": text(at),
            "message": mail,
            "recipient": whom,
            "kind": "held" if shelf == "h" else "seen",
            "who": "gateway",
            "detail": json.dumps({"reply": mail}),
        }


def audit(sizes: Sizes) -> Iterator[Row]:
    for number in range(sizes.audit):
        yield {
            "node": "old.example.com",
            "number": number + 1,
            "at": text(sizes.now - timedelta(days=60) * (1 - number / sizes.audit)),
            "who": ("admin", "approver", "user")[number % 3],
            "peer": "127.0.0.1",
            "act": ("released", "read", "refused")[number // 3 % 3],
            "about": held_id(number % max(1, sizes.held)),
            "detail": json.dumps({"recipients": [recipient(number)]}),
            "previous": f"{number:064x}",
            "digest": f"{number + 1:064x}",
        }


TABLES = {"message": messages, "delivery": deliveries, "copy": copies, "decision": decisions, "event": events}
TABLES["audit"] = audit


# ---- into a database -----------------------------------------------------------------------------------------------


def load_sqlite(path: Path, sizes: Sizes) -> Iterator[str]:
    """Each table after the other; the name of the one that comes now."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "cache_size=-1500000"):
        connection.execute(f"PRAGMA {pragma}")
    for table, made in TABLES.items():
        yield table
        connection.execute("BEGIN")
        for rows in batches(made(sizes)):
            connection.executemany(insert(table, tuple(rows[0]), "?"), [tuple(row.values()) for row in rows])
        connection.execute("COMMIT")
    connection.close()


def load_mariadb(server: MariaDB, name: str, sizes: Sizes) -> Iterator[str]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {name}")
        for setting in ("unique_checks = 0", "foreign_key_checks = 0"):
            cursor.execute(f"SET {setting}")
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        file = server.folder / "rows.tsv"
        for table, made in TABLES.items():
            yield table
            for rows in batches(made(sizes), 200_000):
                load_file(cursor, file, table, tuple(rows[0]), [tuple(row.values()) for row in rows], binary=())
                connection.commit()
        file.unlink(missing_ok=True)
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        cursor.execute(f"ANALYZE TABLE {', '.join(TABLES)}")


def write_bodies(folder: Path, sizes: Sizes, numbers: Iterable[int]) -> None:
    """The bytes of those held mails that somebody will open or decide about."""
    bodies = FileBodies(folder)
    for number in numbers:
        bodies.write(kept(sizes, number), [letter(number)], durable=False)


def kept(sizes: Sizes, number: int) -> Kept:
    row = message(number, "h", sizes.held_at(number))
    return Kept(
        id=row["id"],
        received_at=sizes.held_at(number),
        envelope=Envelope(
            parse_address(row["sender"]), (Recipient(parse_address(recipient(number))),), MailParameters()
        ),
        peer=Peer(ip_address(row["peer"]), row["helo"], row["peer_name"]),
        rungs=frozenset({Rung(RungKind.NETWORK, "192.0.2.0/24")}),
        fingerprint=Fingerprint(row["whole"], row["body"], row["headers"], row["message_id"]),
        size=len(letter(number)),
        trace=row["trace"],
        author=row["author"],
        subject=row["subject"],
    )


def newest(sizes: Sizes, most: int, of: Sequence[str] = ()) -> list[int]:
    """The newest held mails, of these recipients if some are named."""
    found = (number for number in reversed(range(sizes.held)) if not of or recipient(number) in of)
    return list(islice(found, most))


def sizes_of(held: int, waiting: int, decisions: int, audit: int, remembered: int) -> Sizes:
    return Sizes(held, waiting, decisions, audit, remembered, datetime.now(UTC))
