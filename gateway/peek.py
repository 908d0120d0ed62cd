"""A look into a kept mail: its text, as a terminal or a page may show it, and nothing that acts.

No links, no pictures, no markup, no attachments. What cannot be seen is written out: control characters would move
the cursor, and some letters turn around how others are read. Every look is on record.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

from sqlalchemy import Connection

from classifier.charset import text_of
from classifier.markup import rendered
from gateway.bodies import Bodies
from gateway.desk import NoSuchMail, Person
from gateway.policy.expecting import domain_of, proved
from gateway.store import copies, decisions, deliveries, messages
from gateway.store.rows import rungs_from_json
from gateway.visible import one_line, visible

MOST_READ = 512 * 1024  # bytes of a mail that are looked at
MOST_SHOWN = 8000  # characters
MOST_LINES = 300
MOST_PARTS = 200

TEXT, HTML, NOTHING = "text", "html", "nothing"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The text of a mail. `kind` is what it was made of, `cut` tells that there is more."""

    text: str
    kind: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Peeked:
    """What is shown of a mail; the lines are safe to print. `proved`: the domains that it proves to come from."""

    author: str
    subject: str
    sender: str
    received_at: datetime
    proved: tuple[str, ...]
    excerpt: Excerpt


def peek(
    conn: Connection,
    bodies: Bodies,
    number: str,
    person: Person,
    now: datetime,
    *,
    recipient: str | None = None,
    because: str = "",
) -> Peeked:
    """Look into a kept mail; `recipient` confines it to mail for that address. On record with who and why.

    Raises NoSuchMail or NoBody.
    """
    row = messages.load(conn, number)
    if row is None or (recipient is not None and recipient not in recipients(conn, number)):
        raise NoSuchMail(number)
    text = excerpt(beginning(bodies.read(conn, number)))
    decisions.happened(conn, "peeked", now, message=number, recipient=recipient, who=person.name, because=because)
    sure = {rung.value for rung in proved(rungs_from_json(row["rungs"]), domain_of(row["sender_key"]))}
    author, subject, sender = (one_line(row[name]) for name in ("author", "subject", "sender"))
    return Peeked(author, subject, sender, row["received_at"], tuple(sorted(sure)), text)


def recipients(conn: Connection, number: str) -> set[str]:
    return {row["recipient"] for row in (*copies.of_message(conn, number), *deliveries.of_message(conn, number))}


def beginning(chunks: Iterable[bytes]) -> bytes:
    """As much as is looked at, and one byte more where there is more."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) > MOST_READ:
            break
    return bytes(taken[: MOST_READ + 1])


# ---- the text of a mail --------------------------------------------------------------------------------------------


def excerpt(data: bytes) -> Excerpt:
    """The first plain text of a mail, or the first HTML as text. Never raises for what others wrote."""
    more = len(data) > MOST_READ
    try:
        found = {kind: part for part, kind in reversed(list(texts(BytesParser(policy=compat32).parsebytes(data))))}
    except (RecursionError, ValueError, LookupError, AssertionError, TypeError, AttributeError):
        return Excerpt("", NOTHING, more)  # nested without end, or no mail at all
    for kind in (TEXT, HTML):
        if kind in found and (text := visible(found[kind] if kind == TEXT else rendered(found[kind]).whole)).strip():
            return limited(text, kind, more)
    return Excerpt("", NOTHING, more)


def texts(mail: "Message[Any, Any]") -> Iterator[tuple[str, str]]:
    """Texts with their kind, in their order. What is attached as a file is none."""
    for count, part in enumerate(mail.walk()):
        if count > MOST_PARTS:
            return
        kind = {"text/plain": TEXT, "text/html": HTML}.get(part.get_content_type())
        if kind and not part.get_filename() and part.get_content_disposition() != "attachment":
            yield decoded(part), kind


def decoded(part: "Message[Any, Any]") -> str:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return ""
    return text_of(octets, str(part.get_content_charset() or "utf-8"))


def limited(text: str, kind: str, more: bool) -> Excerpt:
    kept = "\n".join(line.rstrip() for line in text[:MOST_SHOWN].split("\n")[:MOST_LINES])
    cut = len(text) > MOST_SHOWN or text.count("\n") >= MOST_LINES
    return Excerpt(kept.strip("\n"), kind, cut or more)
