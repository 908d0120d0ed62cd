"""What each level would have done to an account's mail of the last days, as the policy says it of what is on record.

A mail counts once, however often its sender tried. Whom a level would have sent away is taken to have come back after
the wait where it was let in at once in truth; where it was sent away and did not come back, it would not have.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.model import Action, DataFacts, Level, Mode, RcptFacts, Sighting
from gateway.policy import draft
from gateway.policy.draft import TAG, Draft
from gateway.policy.hosters import timing_for
from gateway.policy.stored import Unreadable
from gateway.replayed import decided, facts_of
from gateway.store import decisions

SPAN = timedelta(days=7)
MOST = 400  # decisions: to decide about them once more for each level takes about a second

Facts = RcptFacts | DataFacts


class Coming(StrEnum):
    """How a mail comes, or does not."""

    AT_ONCE = "at once"
    LATE = "late"
    HELD = "held"
    JUNK = "junk"
    REFUSED = "refused"
    NEVER = "never"


@dataclass(slots=True)
class Past:
    """One mail, with what was known at each try; `came`: in the end it was not sent away."""

    sender: str
    at: datetime
    tries: list[Facts] = field(default_factory=list)
    came: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Mails with which a level would have done something else than the present one."""

    would: Coming
    instead: Coming
    count: int
    senders: tuple[tuple[str, int], ...]  # with how many of them, the most first


@dataclass(frozen=True, slots=True)
class Told:
    """What a level would have done: how many mails came how, and where that differs from the present level."""

    counts: Mapping[Coming, int]
    differs: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """For one account. `is_cut`: there was more mail since then than was looked at."""

    mails: int
    since: datetime
    is_cut: bool
    present: Level
    levels: Mapping[Level, Told]


def preview(conn: Connection, account: str, present: Level, rules: Draft, now: datetime, most: int = MOST) -> Preview:
    """All levels, by the rules in force, on the latest decisions about the account's mail of the last days."""
    rows = decisions.latest_for(conn, account, now - SPAN, most + 1)
    is_cut = len(rows) > most
    mails = list(mails_of(rows[:most][::-1]))
    ways = {level: [coming(one, under(rules, account, level)) for one in mails] for level in Level}
    since = rows[most - 1]["at"] if is_cut else now - SPAN
    told = {level: Told(Counter(found), differences(mails, found, ways[present])) for level, found in ways.items()}
    return Preview(len(mails), since, is_cut, present, told)


def under(rules: Draft, account: str, level: Level) -> Draft:
    """The rules in force, even while they only watch, with this level for the account."""
    return replace(rules, levels={account: level}, mode=Mode.ENFORCE)


def mails_of(rows: Iterable[Mapping[str, Any]]) -> Iterator[Past]:
    """The mails that decisions are about, oldest first; what the policy did not decide is left out.

    Who was sent away before the data told which mail it is, is the same sender's next one.
    """
    found: dict[tuple[str, str], Past] = {}
    nameless: dict[str, Past] = {}  # by sender: no data were seen yet
    for row in rows:
        try:
            facts = facts_of(row)
        except Unreadable:
            continue
        if (was := decided(row, facts)) is None:
            continue
        sent_away = was.action == Action.DEFER
        sender = row["sender"]
        if isinstance(facts, DataFacts):
            key = (sender, facts.message.fingerprint.whole)
            if key not in found:
                found[key] = nameless.pop(sender) if sender in nameless else Past(sender, row["at"])
            one = found[key]
        elif sent_away:
            one = nameless.setdefault(sender, Past(sender, row["at"]))
        else:
            one = found[(sender, str(row["id"]))] = Past(sender, row["at"])
        one.tries.append(facts)
        one.came = not sent_away
    yield from found.values()
    yield from nameless.values()


def coming(mail: Past, drafted: Draft) -> Coming:
    """How it would have come."""
    for number, facts in enumerate(mail.tries):
        said = draft.decide(facts, drafted).action
        if said not in (Action.DEFER, Action.DISCARD):  # discarded is what came before
            return kind_of(said, later=number > 0)
    if not mail.came:
        return Coming.NEVER
    said = draft.decide(after_the_wait(mail.tries[-1], drafted), drafted).action
    return Coming.LATE if said == Action.DEFER else kind_of(said, later=True)


def kind_of(said: str, *, later: bool) -> Coming:
    if said == Action.HOLD:
        return Coming.HELD
    if said == Action.REJECT:
        return Coming.REFUSED
    if said == TAG:
        return Coming.JUNK
    return Coming.LATE if later else Coming.AT_ONCE


def after_the_wait(facts: Facts, drafted: Draft) -> Facts:
    """The same, had it come back once it had waited."""
    rcpt = facts.rcpt if isinstance(facts, DataFacts) else facts
    tried = facts.now - timing_for(rcpt, drafted.policy).wait
    if not isinstance(facts, DataFacts):
        return replace(facts, sightings=(Sighting(0, rcpt.rungs, tried, tried),))
    content = facts.message.fingerprint
    seen = Sighting(0, rcpt.rungs, tried, tried, body=content.body, message_id=content.message_id)
    return replace(facts, sightings=(seen,), rcpt=replace(rcpt, sightings=(seen,)))


def differences(mails: Sequence[Past], found: Sequence[Coming], present: Sequence[Coming]) -> tuple[Difference, ...]:
    """The most frequent first."""
    senders: dict[tuple[Coming, Coming], Counter[str]] = {}
    for mail, would, instead in zip(mails, found, present, strict=True):
        if would is not instead:
            senders.setdefault((would, instead), Counter())[mail.sender] += 1
    made = [
        Difference(would, instead, counted.total(), tuple(counted.most_common()))
        for (would, instead), counted in senders.items()
    ]
    return tuple(sorted(made, key=lambda one: -one.count))
