"""What an entry of the lists would have changed lately, before somebody adds it.

Nothing is counted through: of many decisions some are looked at, and the words say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.i18n import _, ngettext
from gateway.model import Action, DataFacts, ListEntry, ListVerb, RcptFacts
from gateway.policy import stored
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.authentication import signing_rungs
from gateway.policy.lists import Listed, in_scope, matching
from gateway.policy.stored import Unreadable
from gateway.store import decisions

DAYS = 30
MOST = 500  # decisions that are looked at
STOPPED = frozenset({Action.REJECT, Action.DISCARD})


@dataclass(slots=True)
class Impact:
    """How many of the decisions in its scope that were looked at would have been others."""

    changed: int = 0
    looked_at: int = 0
    picked: bool = False  # they were picked from many
    cut: bool = False  # they are the latest of more

    @property
    def words(self) -> str:
        if not self.looked_at:
            return _("nothing to compare it with in the last %(days)d days") % {"days": DAYS}
        if self.picked:
            said = ngettext(
                "would have changed %(count)d of %(all)d decisions picked from the last %(days)d days",
                "would have changed %(count)d of %(all)d decisions picked from the last %(days)d days",
                self.changed,
            )
        elif self.cut:
            said = ngettext(
                "would have changed at least %(count)d: of the latest %(all)d decisions",
                "would have changed at least %(count)d: of the latest %(all)d decisions",
                self.changed,
            )
        else:
            said = ngettext(
                "would have changed %(count)d of %(all)d decisions of the last %(days)d days",
                "would have changed %(count)d of %(all)d decisions of the last %(days)d days",
                self.changed,
            )
        return said % {"count": self.changed, "all": self.looked_at, "days": DAYS}


def of(conn: Connection, entries: Sequence[ListEntry], now: datetime) -> list[Impact]:
    """One for each entry, in their order."""
    numbered = [replace(entry, id=place, expires=None) for place, entry in enumerate(entries)]
    found = [Impact() for __ in entries]
    since = now - timedelta(days=DAYS)
    accounts = {one.scope for one in numbered if one.scope and "@" in one.scope}
    for account in accounts:
        rows = decisions.latest_for(conn, account, since, MOST)
        mine = [one for one in numbered if one.scope == account]
        weigh(rows, mine, found, now)
        for one in mine:
            found[one.id].cut = len(rows) == MOST
    if wide := [one for one in numbered if one.scope not in accounts]:
        rows, is_all = decisions.picked(conn, since, MOST)
        weigh(rows, wide, found, now)
        for one in wide:
            found[one.id].picked = not is_all
    return found


def weigh(
    rows: Iterable[Mapping[str, Any]], entries: Sequence[ListEntry], found: Sequence[Impact], now: datetime
) -> None:
    listed = Listed(entries)
    for row in rows:
        try:
            facts = stored.from_json(row["facts"]["facts"], row["facts"].get("v", 1))
        except Unreadable:
            continue
        rcpt = facts.rcpt if isinstance(facts, DataFacts) else facts
        for one in entries:
            found[one.id].looked_at += in_scope(one, rcpt.recipient)
        for one in meant(listed, facts, rcpt, now):
            found[one.id].changed += would_change(one, row["action"])


def meant(listed: Listed, facts: DataFacts | RcptFacts, rcpt: RcptFacts, now: datetime) -> tuple[ListEntry, ...]:
    """The entries that hold for what was decided about, by the function that the door asks."""
    try:
        sender = parse_address(rcpt.sender) if rcpt.sender else None
    except BadAddress:
        return ()
    rungs, authors = rcpt.rungs, None
    if isinstance(facts, DataFacts):
        rungs, authors = rungs | signing_rungs(facts.authentication), facts.message.authors
    address = None if rcpt.relayed is not None else rcpt.peer.address
    return matching(listed, address, sender, rcpt.recipient, now, rungs=rungs, authors=authors)


def would_change(entry: ListEntry, action: str) -> bool:
    return action != Action.ACCEPT if entry.verb is ListVerb.ALLOW else action not in STOPPED
