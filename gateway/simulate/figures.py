"""The sums of all simulated weeks: one line for each level and sender, and the hours of the week."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.model import Level
from gateway.policy.hold import HOLDING_LEVELS
from gateway.simulate.books import End, Story, story_name
from gateway.simulate.loop import BEGIN
from gateway.simulate.model import Kind, Model
from gateway.simulate.week import Week

HOURS = 7 * 24
CODE_LIVES = timedelta(minutes=10)
REVIEWED = (Level.GREYLIST, Level.REVIEW_AFTER)  # levels at which it matters whether somebody looks at what is kept

FIRST, AGAIN, ARRIVED = "first attempts", "told to come back", "delivered"


COUNTED = (
    "model", "wanted", "mails", "undelayed", "shown", "bounced", "lost", "lost_by_sender", "doubled", "altered",
    "let_in", "late_tries", "in_time",
)  # fmt: skip


@dataclass
class Line:
    """One kind of sender at one level. Delays are in minutes from the first attempt to the mailbox."""

    model: str
    wanted: bool = True
    mails: int = 0
    undelayed: int = 0
    shown: int = 0  # not delivered, but somebody could see it
    bounced: int = 0  # the sender gave up, or was refused
    lost: int = 0
    lost_by_sender: int = 0
    doubled: int = 0
    altered: int = 0
    let_in: int = 0
    late_tries: int = 0  # the most that a mail was sent away after the wait
    in_time: int | None = None  # of one-time codes
    delays: list[float] = field(default_factory=list)
    seen_after: list[float] = field(default_factory=list)

    def add(self, story: Story, wait: timedelta) -> None:
        self.mails += 1
        self.undelayed += story.undelayed
        self.shown += story.answered is None and story.shown is not None
        self.bounced += story.end in (End.GAVE_UP, End.REFUSED)
        self.lost += story.lost
        self.lost_by_sender += story.lost_by_sender
        self.doubled += story.doubled
        self.altered += story.altered
        self.let_in += story.let_in
        self.late_tries = max(self.late_tries, story.late_tries(wait))
        if story.model.kind is Kind.CODE:
            self.in_time = (self.in_time or 0) + story.delay_within(CODE_LIVES)
        if story.delay is not None:
            self.delays.append(story.delay.total_seconds() / 60)
        if story.shown_after is not None:
            self.seen_after.append(story.shown_after.total_seconds() / 60)

    @property
    def delivered(self) -> int:
        return len(self.delays)

    @property
    def never_delayed(self) -> float:
        """Per cent."""
        return 100 * self.undelayed / self.mails if self.mails else 0.0

    def delay(self, share: float) -> float | None:
        """The delay that this share of what was delivered did not exceed."""
        return quantile(self.delays, share)

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in COUNTED}
        told |= {"delivered": self.delivered, "never_delayed_percent": round(self.never_delayed, 2)}
        told["delay_minutes"] = {name: rounded(self.delay(share)) for name, share in SHARES.items()}
        told["seen_after_minutes"] = {name: rounded(quantile(self.seen_after, one)) for name, one in SHARES.items()}
        return told


SHARES = {"p50": 0.5, "p95": 0.95, "max": 1.0}


@dataclass
class Figures:
    """Lines by level and sender; both are put in order when a week is added. `models`: in which order senders stand."""

    wait: timedelta
    models: Sequence[Model]
    levels: dict[str, dict[str, Line]] = field(default_factory=dict)
    hours: dict[str, dict[str, Counter[int]]] = field(default_factory=dict)
    weeks: int = 0
    trouble: list[str] = field(default_factory=list)
    stray: int = 0

    def add(self, week: Week) -> None:
        self.weeks += 1
        self.trouble += week.trouble
        self.stray += week.stray
        for story in week.stories:
            level = named(story)
            lines = self.levels.setdefault(level, {})
            lines.setdefault(story.name, Line(story.name, story.model.wanted)).add(story, self.wait)
            self.count_hours(self.hours.setdefault(level, {}), story)
        order = [story_name(model, beside=beside) for model in self.models for beside in (False, True)]
        self.levels = {
            level: {name: self.levels[level][name] for name in order if name in self.levels[level]}
            for level in sorted(self.levels, key=place)
        }

    def count_hours(self, kinds: dict[str, Counter[int]], story: Story) -> None:
        for number, (at, told) in enumerate(story.attempts):
            if number == 0:
                count(kinds, FIRST, at - BEGIN)
            if told.reply.is_transient:
                count(kinds, AGAIN, at - BEGIN)
        for arrival in story.arrived:
            count(kinds, ARRIVED, arrival.at - BEGIN)

    def sum(self, name: str, lines: Iterable[Line] | None = None) -> int:
        """A count over all lines, or over these."""
        chosen = self.lines() if lines is None else lines
        return sum(int(getattr(line, name)) for line in chosen)

    def lines(self) -> list[Line]:
        return [line for level in self.levels.values() for line in level.values()]

    @property
    def is_good(self) -> bool:
        """Nothing lost, doubled, changed, out of nowhere, and no complaint of the gate."""
        bad = [self.sum(name) for name in ("lost", "doubled", "altered")]
        return not any((*bad, self.stray, self.trouble))

    def as_json(self) -> dict[str, Any]:
        levels = {name: [line.as_json() for line in lines.values()] for name, lines in self.levels.items()}
        sums = {name: self.sum(name) for name in ("mails", "lost", "lost_by_sender", "doubled", "altered", "let_in")}
        return {"weeks": self.weeks, "sums": sums, "stray": self.stray, "trouble": self.trouble, "levels": levels}


def place(level: str) -> tuple[int, str]:
    """Where a level stands among the others."""
    return list(Level).index(Level(level.partition(",")[0])), level


def named(story: Story) -> str:
    """The level, and whether somebody looks at all that is kept where that makes a difference."""
    if story.level in HOLDING_LEVELS or story.level not in REVIEWED or not story.reviewed:
        return str(story.level)
    return f"{story.level}, reviewed"


def count(kinds: dict[str, Counter[int]], kind: str, since: timedelta) -> None:
    hour = int(since.total_seconds() // 3600)
    if hour < HOURS:
        kinds.setdefault(kind, Counter())[hour] += 1


def quantile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def minutes(value: float | None) -> str:
    """A delay for people."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 60:.0f} s"
    if value < 120:
        return f"{value:.1f} min" if value < 10 else f"{value:.0f} min"
    return f"{value / 60:.1f} h" if value < 48 * 60 else f"{value / 1440:.1f} d"
