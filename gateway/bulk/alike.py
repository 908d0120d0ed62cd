"""What is like a mail and may be decided about together with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.policy.campaign import CampaignTerms
from gateway.policy.shared import FREEMAIL, above
from gateway.store import groups, sharing
from gateway.store.promotion import pending
from gateway.store.shelves import View

ALIKE = "with the same link or text"
FROM = "from "


class Kind(StrEnum):
    """What its mails have in common."""

    DOMAIN = "domain"  # of their senders
    CONTENT = "content"  # a link, or their text


@dataclass(frozen=True, slots=True)
class Group:
    """Mails that wait, with the one that was asked about; `more`: than anybody wanted to count."""

    kind: Kind
    words: str  # as they are stored with a decision; the pages have sentences of their own
    mails: tuple[str, ...]
    more: bool

    @property
    def domain(self) -> str:
        """Of their senders, where they have that in common."""
        return self.words.removeprefix(FROM) if self.kind is Kind.DOMAIN else ""

    @property
    def count(self) -> str:
        return f"{len(self.mails)}{'+' if self.more else ''}"


def alike(
    conn: Connection, row: dict[str, Any], view: View, terms: CampaignTerms, now: datetime, most: int
) -> tuple[Group, ...]:
    """The groups of a mail that have more than itself, of what waits for those in view."""
    domain = row["sender_key"].rpartition("@")[2]
    found = []
    if domain and FREEMAIL.isdisjoint(above(domain)):  # whoever writes from a freemailer has nothing in common
        mails = groups.of_domain(conn, view, domain, most + 1)
        found.append(Group(Kind.DOMAIN, FROM + domain, tuple(mails[:most]), len(mails) > most))
    shared = sharing.mails(conn, sharing.keys_of(conn, row["whole"]), terms, now)
    numbers = [number for number, _ in pending(conn, shared)] if shared else []
    mails = list(dict.fromkeys(one.message for one in groups.among(conn, view, numbers)))
    found.append(Group(Kind.CONTENT, ALIKE, tuple(mails[:most]), len(mails) > most))
    return tuple(one for one in found if set(one.mails) - {row["id"]})
