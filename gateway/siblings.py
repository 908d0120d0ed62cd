"""The other mails of a campaign: which a person is offered with one of them, and which were delivered already."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from gateway.model import Action
from gateway.policy.campaign import CampaignTerms
from gateway.store import decisions, messages, sharing
from gateway.store.promotion import pending
from sql.tables import decision

# Events; their detail is what has to be taken back with the decision.
CONFIRMED = "campaign refused"
RELEASED = "campaign released"


@dataclass(frozen=True, slots=True)
class Sibling:
    """A mail that is still here and shares something with another. `shares`: links, and "" for the text."""

    message: str
    sender: str
    subject: str
    recipients: tuple[str, ...]
    shares: tuple[str, ...]


def of(conn: Connection, row: dict[str, Any], terms: CampaignTerms, now: datetime) -> list[Sibling]:
    """The mails that may be decided about together with this one, the oldest first."""
    shared = sharing.mails(conn, sharing.keys_of(conn, row["whole"]), terms, now)
    others = [(number, whole) for number, whole in pending(conn, shared) if number != row["id"]]
    return [described(conn, number, tuple(shared[whole])) for number, whole in others]


def described(conn: Connection, number: str, shares: tuple[str, ...]) -> Sibling:
    row = messages.load(conn, number)
    assert row is not None  # it was found in this transaction
    recipients = tuple(sorted({recipient for recipient, _ in messages.states(conn, number)}))
    return Sibling(number, row["sender"], row["subject"], recipients, shares)


def reach_back(
    conn: Connection, row: dict[str, Any], terms: CampaignTerms, together: list[str], who: str, now: datetime
) -> None:
    """What was delivered of the campaigns of this mail is listed; `together`: the mails refused with this one."""
    shared = sharing.mails(conn, sharing.keys_of(conn, row["whole"]), terms, now)
    refused_as_one(conn, row["id"], together, shared, who, now)


def refused_as_one(
    conn: Connection, number: str, together: Collection[str], wholes: Collection[str], who: str, now: datetime
) -> int:
    """Put what was delivered of these mails on the list for review; of how many mails that is.

    With the first of those that were refused it is on record what is to be taken back with it.
    """
    replies = sharing.replies(conn, wholes)
    # What is listed is sorted out here: asked for it as well, SQLite would read all that is not.
    asked = select(decision.c.id, decision.c.reply_id, decision.c.action, decision.c.review)
    found = conn.execute(asked.where(decision.c.reply_id.in_(replies))).all() if replies else []
    delivered = {one.id: one.reply_id for one in found if one.action == str(Action.ACCEPT) and not one.review}
    listed = list(dict.fromkeys(delivered.values()))
    if delivered:
        conn.execute(update(decision).where(decision.c.id.in_(list(delivered))).values(review=True))
    if listed or together:
        decisions.happened(conn, CONFIRMED, now, message=number, who=who, delivered=listed, together=list(together))
    return len(listed)


def take_back(conn: Connection, number: str) -> list[str]:
    """Undo `refused_as_one`; the mails that were refused together with this one."""
    told = [event["detail"] for event in decisions.timeline(conn, number) if event["kind"] == CONFIRMED]
    if not told:
        return []
    mine = decision.c.reply_id.in_(told[-1]["delivered"]) & (decision.c.action == str(Action.ACCEPT))
    conn.execute(update(decision).where(mine).values(review=False))
    return list(told[-1]["together"])


def released_as_one(conn: Connection, number: str, together: Collection[str], who: str, now: datetime) -> None:
    """With the first of several mails it is on record which others were released with it."""
    if together:
        decisions.happened(conn, RELEASED, now, message=number, who=who, together=list(together))


def released_with(conn: Connection, number: str) -> list[str]:
    told = [event["detail"] for event in decisions.timeline(conn, number) if event["kind"] == RELEASED]
    return list(told[-1]["together"]) if told else []
