"""The one who learns: takes what people say, can take it back, and publishes what came of it."""

import fcntl
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from classifier import model, stored
from classifier.gate import Quality, closes, quality
from classifier.journal import Journal, Person, Placed
from classifier.prior import beginning
from classifier.score import CONFIDENT, Score
from classifier.state import REMEMBERED, Entry, Memory, State, Thought, views

EVERY = 500  # entries between two checkpoints
MOST_CHECKPOINTS = 3
MOST_HELD = 300  # entries that a model is tried on before it is published
FOUND_GOOD_EVERY = 100  # entries
CHECKPOINT, GOOD = "checkpoint-", "good"


class Busy(RuntimeError):
    """Another process learns in this folder."""


@dataclass(frozen=True, slots=True)
class Published:
    """Whether others see it now, and how it did on held entries beside the one before."""

    done: bool
    now: Quality
    before: Quality


class Learner:
    """Learns in a folder: `journal.db` (what people said), checkpoints, and the published model."""

    def __init__(self, folder: Path, *, cold: bool = False) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.cold = cold
        self.lock = locked(folder / "lock")
        self.journal = Journal(folder / "journal.db")
        self.state = beginning(cold=cold)
        self.memory = Memory()
        self.rebuild()

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, cold: bool = False) -> "Learner":
        """`cold`: without the prior. Raises Busy, OSError, or BadFeatures where the journal is damaged.

        What was taught under another version of Features does not count: nobody can tell what its numbers stand for.
        """
        return cls(Path(folder), cold=cold)

    def close(self) -> None:
        """What was not published is learnt again from the journal."""
        self.journal.close()
        os.close(self.lock)

    # ---- learning ----------------------------------------------------------------------------------------------------

    def learn(self, entry: Entry) -> Score | None:
        """What was thought of the mail before; None where the entry is known, so that it may be told twice."""
        if self.journal.knows(entry.id):
            return None
        thought = self.state.thought(entry.features, entry.account)
        return self.follow(Placed(self.journal.add(entry, thought.score.z), entry), thought)

    def follow(self, placed: Placed, before: Thought | None = None) -> Score:
        score = self.state.learn(placed.entry, self.memory, before)
        self.state.position = placed.position
        if (self.state.labels.spam + self.state.labels.ham) % EVERY == 0:
            self.keep()
        return score

    def strike(self, *keys: str) -> bool:
        """As if those entries had never been told; False where none of them counts."""
        positions = [position for key in keys if (position := self.journal.position(key)) is not None]
        if not positions:
            return False
        # the checkpoints first: whoever opens this folder after a crash must not begin with one that knows them
        self.forget(min(positions))
        for position in positions:
            self.journal.strike(position)
        self.rebuild()
        return True

    def drop_accounts(self, is_meant: Callable[[str], bool]) -> None:
        """What was told of their mail counts for all alike from now on; nothing here names them any more."""
        if self.journal.drop_accounts(is_meant):
            self.forget(0)  # the checkpoints have what these accounts thought
            self.rebuild()

    # ---- publishing --------------------------------------------------------------------------------------------------

    def publish(self, *, anyway: bool = False) -> Published:
        """Let others see it, at once, unless it does worse on old labels than the last model that was found good.

        That one is some labels old, so that damage is noticed even where each publication does little of it.
        """
        good = read_if_there(self.folder / GOOD)
        held = [placed.entry for placed in self.journal.held(good.position, MOST_HELD)] if good else []
        now = quality(self.state, held)
        before = quality(good, held) if good else now
        if closes(now, before) and not anyway:
            return Published(False, now, before)
        stored.write(self.folder / model.FILE, self.state, all_of_it=False)
        if good is None or anyway or self.state.position >= good.position + FOUND_GOOD_EVERY:
            self.find_good()
        return Published(True, now, before)

    def find_good(self) -> None:
        """What is published now is what the next ones are measured by."""
        link = self.folder / f"{GOOD}.new"
        link.unlink(missing_ok=True)
        os.link(self.folder / model.FILE, link)
        link.replace(self.folder / GOOD)

    def roll_back(self) -> list[str]:
        """Strike all that was told since the model was published; returns the ids of what counts no more."""
        seen = read_if_there(self.folder / model.FILE)
        keys = [placed.entry.id for placed in self.journal.after(seen.position if seen else 0)]
        self.strike(*keys)
        return keys

    def people(self) -> list[Person]:
        """Who told how much, and how often against a confident model."""
        return self.journal.people(CONFIDENT)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """From the last checkpoint and what the journal has behind it."""
        self.forget(self.journal.last() + 1)  # one that knows more than the journal: there was a power failure
        self.state = beginning(cold=self.cold)
        for _, path in reversed(self.checkpoints()):
            try:
                self.state = stored.read(path, check=True, own=True)
                break
            except stored.BadModel:
                path.unlink()  # the journal has it all
        self.memory = Memory()
        self.remember(self.journal.latest(self.state.position, REMEMBERED))
        for placed in self.journal.after(self.state.position):
            self.follow(placed)

    def forget(self, start: int) -> None:
        """Remove the checkpoints from a position on."""
        for position, path in self.checkpoints():
            if position >= start:
                path.unlink()

    def remember(self, found: Iterable[Placed]) -> None:
        for placed in found:
            self.memory.add(views(placed.entry.features), placed.entry.is_spam)

    def keep(self) -> None:
        stored.write(self.folder / f"{CHECKPOINT}{self.state.position}", self.state, all_of_it=True)
        for _, path in self.checkpoints()[:-MOST_CHECKPOINTS]:
            path.unlink()

    def checkpoints(self) -> list[tuple[int, Path]]:
        """With their positions, the oldest first."""
        found = self.folder.glob(f"{CHECKPOINT}*")
        return sorted((int(path.name.removeprefix(CHECKPOINT)), path) for path in found if path.suffix != ".new")


def read_if_there(path: Path) -> State | None:
    """A published model; None where there is none that can be read."""
    try:
        return stored.read(path)
    except (FileNotFoundError, stored.BadModel):
        return None


def locked(path: Path) -> int:
    """The open lock; raises Busy."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(number)
        raise Busy(f"another process learns in {path.parent}") from error
    return number
