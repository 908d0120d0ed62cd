"""One decision about all open mails of a campaign, as far as they are somebody's to decide about.

Of many mails the oldest are taken first, as many as a request has time for. Each such part is taken back as one, with
the first of its mails.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gateway import campaigns, desk, siblings
from gateway.bodies import Bodies
from gateway.campaigns import Campaign
from gateway.desk import Done, Person, Teach, Terms, teach_nobody
from gateway.store.shelves import View

AT_ONCE = 50  # mails


@dataclass(frozen=True, slots=True)
class Decided:
    """What one decision did. `first`: the mail with which all of it is taken back, "" where nothing happened; `mails`:
    how many were decided about; `left`: how many are open still; `listed`: how many had been delivered before and are
    listed for a look now."""

    first: str
    mails: int
    left: int
    done: tuple[Done, ...]
    listed: int = 0


def refuse(
    conn: Connection, key: str, view: View, person: Person, terms: Terms, now: datetime, teach: Teach = teach_nobody
) -> Decided:
    """Refuse what is open of a campaign; `view`: for whom somebody decides. Raises NoSuchCampaign."""
    one = campaigns.named(conn, key, view, terms.campaigns, now)

    def act(number: str, recipients: list[str]) -> list[Done]:
        return desk.refuse_one(conn, number, recipients, person, terms, now, teach=teach)

    numbers, done = decide(one, act)
    listed = siblings.refused_as_one(conn, numbers[0], numbers[1:], one.wholes, person.name, now) if numbers else 0
    return decided(one, numbers, done, listed)


def release(
    conn: Connection,
    bodies: Bodies,
    key: str,
    view: View,
    person: Person,
    terms: Terms,
    now: datetime,
    teach: Teach = teach_nobody,
    due: datetime | None = None,
) -> Decided:
    """It is wanted: deliver what is open of it. That clears what its mails share, for everybody; their senders stay
    strangers, for nobody looked at each of them. Raises NoSuchCampaign."""
    one = campaigns.named(conn, key, view, terms.campaigns, now)

    def act(number: str, recipients: list[str]) -> list[Done]:
        return desk.release(conn, bodies, number, recipients, person, terms, now, trust=False, teach=teach, due=due)

    numbers, done = decide(one, act)
    if numbers:
        siblings.released_as_one(conn, numbers[0], numbers[1:], person.name, now)
    return decided(one, numbers, done)


def decide(one: Campaign, act: Callable[[str, list[str]], list[Done]]) -> tuple[list[str], list[Done]]:
    """Those of the mails about which something was decided, and what came of it."""
    mine: dict[str, list[str]] = {}
    for part in one.open:
        mine.setdefault(part.message, []).append(part.recipient)
    numbers: list[str] = []
    done: list[Done] = []
    for number in one.mails[:AT_ONCE]:
        told = act(number, mine[number])
        done += told
        if has_happened(told):
            numbers.append(number)
    return numbers, done


def has_happened(done: Iterable[Done]) -> bool:
    return any(one.happened for one in done)


def decided(one: Campaign, numbers: list[str], done: list[Done], listed: int = 0) -> Decided:
    return Decided(next(iter(numbers), ""), len(numbers), len(one.mails) - len(numbers), tuple(done), listed)
