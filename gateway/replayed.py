"""Stored decisions under other settings: what would differ, mail by mail, and why the rest cannot be told."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.marked import N_
from gateway.model import DataFacts, RcptFacts, Reason, ReasonCode
from gateway.policy import draft, stored
from gateway.policy.draft import Draft, Said
from gateway.policy.stored import Unreadable

NOT_POLICY = N_("the policy did not decide it: other recipients, a defect, or a fault of ours did")


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that would be another."""

    at: datetime
    id: str
    stage: str
    sender: str
    recipient: str
    was: Said
    would: Said

    @property
    def kind(self) -> str:
        return f"{self.was.action} → {self.would.action}"

    @property
    def is_of_action(self) -> bool:
        """True when the sender would notice, or whoever reads the mail; else only the reason is another."""
        return self.was.action != self.would.action


@dataclass(slots=True)
class Tally:
    """How many decisions were read, and what became of them."""

    read: int = 0
    same: int = 0
    other_reason: int = 0
    changed: Counter[str] = field(default_factory=Counter)  # by kind
    not_replayed: Counter[str] = field(default_factory=Counter)  # by why

    @property
    def replayed(self) -> int:
        return self.read - sum(self.not_replayed.values())

    def count_same(self, number: int) -> None:
        """So many more that need not be read to know that nothing would change."""
        self.read += number
        self.same += number

    def count(self, change: Change | None) -> None:
        if change is None:
            self.same += 1
        elif change.is_of_action:
            self.changed[change.kind] += 1
        else:
            self.other_reason += 1


def changes(rows: Iterable[Mapping[str, Any]], drafted: Draft, tally: Tally) -> Iterator[Change]:
    """The decisions of these rows that would be others under the draft."""
    for row in rows:
        tally.read += 1
        try:
            facts = facts_of(row)
        except Unreadable as error:
            tally.not_replayed[str(error).partition(" (")[0]] += 1
            continue
        if (was := decided(row, facts)) is None:
            tally.not_replayed[NOT_POLICY] += 1
            continue
        yield from counted(row, was, draft.decide(facts, drafted), tally)


def noted(rows: Iterable[Mapping[str, Any]], tally: Tally) -> Iterator[Change]:
    """What a draft was seen to change while it decided beside the settings in force."""
    for row in rows:
        tally.read += 1
        would = row["facts"].get("shadow")
        if would is None:
            tally.same += 1
        elif (was := decided(row, facts_of(row))) is not None:
            yield from counted(row, was, Said(*would), tally)


def counted(row: Mapping[str, Any], was: Said, would: Said, tally: Tally) -> Iterator[Change]:
    if was == would:
        return tally.count(None)
    change = Change(row["at"], row["reply_id"], row["stage"], row["sender"], row["recipient"], was, would)
    tally.count(change)
    yield change
    return None


def facts_of(row: Mapping[str, Any]) -> RcptFacts | DataFacts:
    """Raises Unreadable."""
    return stored.from_json(row["facts"]["facts"], row["facts"].get("v", 1))


def decided(row: Mapping[str, Any], facts: RcptFacts | DataFacts) -> Said | None:
    """What the policy said then; None where something else decided."""
    reasons = [Reason(ReasonCode(one["code"]), one["evidence"], one["weight"]) for one in row["facts"]["reasons"]]
    if row["stage"] == "data" and isinstance(facts, RcptFacts):  # its data were not taken, so nothing was asked
        return None
    return draft.by_policy(row["action"], reasons, facts, junk=bool(row["facts"].get("junk")))
