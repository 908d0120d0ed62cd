"""Where is it? Decisions found by what people know of a mail: an address, an id, a Message-ID, words of its subject."""

from sqlalchemy import ColumnElement, Connection, or_, select, true

from gateway.store import decisions
from gateway.store.keys import text_key
from gateway.store.shelves import Found, Place, Row, Shelf, View, Way, by_address, share
from sql.tables import decision, message

MOST_OF_ONE = 50  # kept mails with the same Message-ID
RECORD = Shelf(decision, decision.c.at)


def by_message_id(conn: Connection, said: str) -> list[Row]:
    """The decisions about kept mail with this Message-ID, the newest first."""
    bare = said.strip().strip("<>")
    digests = [text_key(f"<{bare}>"), text_key(bare)]
    query = select(message.c.id).where(message.c.message_id.in_(digests)).limit(MOST_OF_ONE)
    return decisions.of_replies(conn, list(conn.execute(query).scalars()))[::-1]


def by_subject(conn: Connection, view: View, words: str, most: int, before: Place | None = None) -> Found:
    """The decisions about kept mail with these words in its subject, the newest first, and where the look ended."""
    mine = ways(view)
    parts = [part(conn, way, seen, words, most, before, share(mine)) for way, seen in mine]
    further = max((one.further for one in parts if one.further is not None), default=None)
    rows = [row for one in parts for row in one.rows if further is None or RECORD.place(row) >= further]
    rows.sort(key=RECORD.place, reverse=True)
    return Found(rows[:most], further if len(rows) < most else None)


def ways(view: View) -> list[tuple[Way, ColumnElement[bool]]]:
    """What an index has in the order of the record, and what of it somebody sees."""
    everything: ColumnElement[bool] = true()
    if view.is_all:
        return [(Way(everything), everything)]
    found = [(way, everything) for way in by_address(decision.c.recipient, view.others)]
    if view.domains:
        theirs = (decision.c.recipient.endswith(f"@{domain}", autoescape=True) for domain in sorted(view.domains))
        found.append((Way(everything), or_(*theirs)))
    return found


def part(
    conn: Connection, way: Way, seen: ColumnElement[bool], words: str, most: int, before: Place | None, looked: int
) -> Found:
    end = RECORD.end(conn, way, before, looked)
    query = select(decision).join_from(decision, message, message.c.id == decision.c.reply_id).where(seen)
    query = query.where(message.c.subject.icontains(words, autoescape=True)).limit(most)
    return Found([dict(row) for row in conn.execute(RECORD.newest(query, way, before, end)).mappings()], end)
