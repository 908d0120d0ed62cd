"""The books of a simulated week: every mail to every recipient, what its sender was told, and what became of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model import Level
from gateway.simulate.backend import Arrival
from gateway.simulate.letter import Letter
from gateway.simulate.model import Kind, Model
from gateway.simulate.visit import Told


class End(StrEnum):
    """What the sender knows in the end."""

    TAKEN = "taken"  # it was told 250
    REFUSED = "refused"  # it was told 5xx
    GAVE_UP = "gave up"  # it was told 4xx for as long as it tries


@dataclass(slots=True)
class Story:
    """One mail to one recipient. Times are those of the simulation."""

    model: Model
    level: Level
    reviewed: bool
    began: datetime
    mail: int
    recipient: str
    attempts: list[tuple[datetime, Told]] = field(default_factory=list)
    end: End | None = None
    arrived: list[Arrival] = field(default_factory=list)
    shown: datetime | None = None
    altered: bool = False
    beside: bool = False  # in the company of somebody who knows the sender

    @property
    def name(self) -> str:
        return story_name(self.model, beside=self.beside)

    @property
    def delivered(self) -> datetime | None:
        return self.arrived[0].at if self.arrived else None

    @property
    def answered(self) -> datetime | None:
        """When it had what it came for: a call-out its answer, a mail its recipient."""
        if self.model.kind is not Kind.ASKING:
            return self.delivered
        return next((at for at, told in self.attempts if told.reply.is_positive), None)

    @property
    def delay(self) -> timedelta | None:
        return None if self.answered is None else self.answered - self.began

    @property
    def shown_after(self) -> timedelta | None:
        """From the first attempt until a person could have it or see it; None: never."""
        seen = [moment for moment in (self.answered, self.shown) if moment is not None]
        return min(seen) - self.began if seen else None

    @property
    def undelayed(self) -> bool:
        """Delivered at the first attempt, while the sender was still there."""
        return bool(self.attempts) and self.attempts[0][1].reply.is_positive and self.delay_within(AT_ONCE)

    def delay_within(self, most: timedelta) -> bool:
        return self.delay is not None and self.delay <= most

    @property
    def missing(self) -> bool:
        """Neither delivered nor shown to a person."""
        return self.model.wanted and self.answered is None and self.shown is None

    @property
    def lost(self) -> bool:
        return self.missing and not self.model.is_helpless

    @property
    def lost_by_sender(self) -> bool:
        return self.missing and self.model.is_helpless

    @property
    def doubled(self) -> bool:
        return len(self.arrived) > 1

    @property
    def let_in(self) -> bool:
        """Spam in the inbox: delivered, and not tagged for Junk."""
        return not self.model.wanted and any(not one.junk for one in self.arrived)

    def late_tries(self, wait: timedelta) -> int:
        """Retries after the wait that were still told to come back."""
        return sum(
            1
            for at, told in self.attempts
            if at - self.began >= wait and told.reply.is_transient
        )  # fmt: skip


def story_name(model: Model, *, beside: bool) -> str:
    return f"{model.name}: the stranger" if beside else model.name


AT_ONCE = timedelta(seconds=90)  # a greeting that was waited for, a patient answer, and the backend


@dataclass
class Books:
    """Stories by mail and recipient. `levels` says at which level an account is."""

    levels: dict[str, Level]
    reviewed: bool
    stories: dict[tuple[int, str], Story] = field(default_factory=dict)
    letters: dict[int, Letter] = field(default_factory=dict)

    def open(self, letter: Letter, now: datetime) -> None:
        self.letters[letter.number] = letter
        for recipient in letter.recipients:
            level = self.levels[recipient]
            beside = letter.model.known and recipient != letter.recipients[0]
            story = Story(letter.model, level, self.reviewed, now, letter.number, recipient, beside=beside)
            self.stories[letter.number, recipient] = story

    def told(self, letter: Letter, recipient: str, told: Told, now: datetime) -> None:
        self.stories[letter.number, recipient].attempts.append((now, told))

    def ended(self, letter: Letter, recipients: Iterable[str], end: End) -> None:
        for recipient in recipients:
            self.stories[letter.number, recipient].end = end

    def unseen(self, letter: Letter) -> set[str]:
        """Recipients nobody has shown it to."""
        stories = (self.stories[letter.number, recipient] for recipient in letter.recipients)
        return {story.recipient for story in stories if story.shown is None}

    def shown(self, letter: Letter, recipients: Iterable[str], now: datetime) -> None:
        for recipient in recipients:
            story = self.stories.get((letter.number, recipient))
            if story is not None and story.shown is None:
                story.shown = now

    def close(self, arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
        """Lay the backend's arrivals beside what was sent; what was not sent by anybody is left."""
        for arrival in arrivals:
            story = self.stories.get((arrival.mail, arrival.recipient))
            if story is None:
                yield arrival
                continue
            story.arrived.append(arrival)
            letter = self.letters[arrival.mail]
            if not letter.model.varies and not arrival.data.endswith(letter.data):
                story.altered = True
