"""All that was learnt: the weights and counts of the voices, and how to learn one label more."""

import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from classifier import bayes, logistic
from classifier.bayes import Labels
from classifier.features import MIX, SLOTS, Features, Indices
from classifier.logistic import Weights, log_odds
from classifier.score import ACCOUNT, BAYES, DECODED, RAW, WORDS, Calibration, Score, heard

ACCOUNT_BITS = 19
RATES = {RAW: 0.01, DECODED: 0.01, WORDS: 0.02, ACCOUNT: 0.05}
VIEWS = (RAW, DECODED, WORDS)

REPLAYED = 3  # old labels that are looked at again for each new one
REMEMBERED = 2000  # the latest labels, which those are taken from
MARGIN = 2.5  # mean log-odds; what is further on its side is not learnt again
FORGET_EVERY = timedelta(days=90)  # what was learnt before counts half as much against new steps

Views = tuple[Indices, Indices, Indices]


@dataclass(frozen=True, slots=True)
class Entry:
    """A person's label of a mail. `id` is unique, `at` is aware; `account` is whose mail it was ("": nobody's)."""

    id: str
    is_spam: bool
    features: Features
    at: datetime
    account: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """What is thought of a mail: the score, and for a step the views with the log-odds of each and of the account."""

    score: Score
    seen: Views
    odds: list[float]
    own: float


@dataclass(frozen=True, slots=True)
class Arrays:
    """Weights and squared steps of each view and of the accounts, and the counts of words."""

    weights: dict[str, Weights]
    squares: dict[str, Weights]
    spam: bayes.Counts
    ham: bayes.Counts

    @classmethod
    def empty(cls) -> "Arrays":
        sizes = dict.fromkeys(VIEWS, SLOTS) | {ACCOUNT: 1 << ACCOUNT_BITS}
        weights, squares = ({name: np.zeros(size, np.float32) for name, size in sizes.items()} for _ in range(2))
        return cls(weights, squares, np.zeros(SLOTS, np.int32), np.zeros(SLOTS, np.int32))

    def named(self, *, all_of_them: bool) -> dict[str, NDArray[np.generic]]:
        """By the names that they are stored under; who only reads needs no squares."""
        found: dict[str, NDArray[np.generic]] = {f"weights-{name}": one for name, one in self.weights.items()}
        found |= {"spam": self.spam, "ham": self.ham}
        return found | ({f"squares-{name}": one for name, one in self.squares.items()} if all_of_them else {})

    @classmethod
    def from_named(cls, found: "dict[str, NDArray[np.generic]]") -> "Arrays":
        """Raises KeyError where a name is missing."""
        names = (*VIEWS, ACCOUNT)
        squares = {name: found[f"squares-{name}"] for name in names if f"squares-{name}" in found}
        weights = {name: found[f"weights-{name}"] for name in names}
        return cls(weights, squares, found["spam"], found["ham"])  # type: ignore[arg-type]


@dataclass(slots=True)
class State:
    """What was learnt up to `position` of the journal. `origin` says what it began with."""

    arrays: Arrays
    labels: Labels = field(default_factory=Labels)
    calibration: Calibration = field(default_factory=Calibration)
    position: int = 0
    halved_at: datetime | None = None
    origin: str = ""

    def score(self, features: Features, account: str = "") -> Score:
        return self.thought(features, account).score

    def own(self, features: Features, account: str) -> float:
        """What an account's voice adds to the score."""
        return heard(ACCOUNT, log_odds(self.arrays.weights[ACCOUNT], own_words(features, account)), self.labels)

    def thought(self, features: Features, account: str = "") -> Thought:
        seen = views(features)
        odds = [log_odds(self.arrays.weights[name], indices) for name, indices in zip(VIEWS, seen, strict=True)]
        found = bayes.opinions(self.arrays.spam, self.arrays.ham, features.words, self.labels)
        own = log_odds(self.arrays.weights[ACCOUNT], own_words(features, account)) if account else 0.0
        evidence = dict(zip(VIEWS, odds, strict=True)) | {BAYES: bayes.evidence(found)}
        if account:
            evidence[ACCOUNT] = own
        voices = {name: heard(name, value, self.labels) for name, value in evidence.items()}
        z = sum(voices.values())
        score = Score(self.calibration.chance(z), z, voices, self.labels, bayes.indicator(found))
        return Thought(score, seen, odds, own)

    def learn(self, entry: Entry, memory: "Memory", before: Thought | None = None) -> Score:
        """Learn a label, and some old ones once more; returns what was thought before, which may be known already."""
        self.fade(entry.at)
        thought = self.thought(entry.features, entry.account) if before is None else before
        seen, odds = thought.seen, thought.odds
        self.calibration.learn(thought.score.z, entry.is_spam)
        self.step(seen, odds, entry.is_spam)
        if entry.account:
            words, squares = own_words(entry.features, entry.account), self.arrays.squares[ACCOUNT]
            start = sum(odds) / len(odds) + thought.own  # what all think; an account learns only where it differs
            logistic.learn(self.arrays.weights[ACCOUNT], squares, words, start, entry.is_spam, RATES[ACCOUNT])
        self.count(entry.features, entry.is_spam)
        memory.add(seen, entry.is_spam)
        for old, was_spam in memory.some(entry.id):
            self.look_again(old, was_spam)
        return thought.score

    def step(self, seen: Views, odds: list[float], is_spam: bool) -> None:
        for name, indices, thought in zip(VIEWS, seen, odds, strict=True):
            weights, squares = self.arrays.weights[name], self.arrays.squares[name]
            logistic.learn(weights, squares, indices, thought, is_spam, RATES[name])

    def look_again(self, seen: Views, is_spam: bool) -> None:
        odds = [log_odds(self.arrays.weights[name], indices) for name, indices in zip(VIEWS, seen, strict=True)]
        if sum(odds) / len(odds) * (1 if is_spam else -1) < MARGIN:
            self.step(seen, odds, is_spam)

    def count(self, features: Features, is_spam: bool) -> None:
        (self.arrays.spam if is_spam else self.arrays.ham)[features.words] += 1
        self.labels = Labels(self.labels.spam + is_spam, self.labels.ham + (not is_spam))

    def fade(self, now: datetime) -> None:
        """Mail changes: every quarter of a year the rates grow again."""
        if self.halved_at is None:
            self.halved_at = now
        times = (now - self.halved_at) // FORGET_EVERY
        if times > 0:
            self.halved_at += times * FORGET_EVERY
            for squares in self.arrays.squares.values():
                squares *= np.float32(0.5 ** min(times, 20))


class Memory:
    """The latest labels with what they were about; which are looked at again derives from the id of the new one."""

    def __init__(self) -> None:
        self.held: deque[tuple[Views, bool]] = deque(maxlen=REMEMBERED)

    def add(self, seen: Views, is_spam: bool) -> None:
        self.held.append((seen, is_spam))

    def some(self, key: str) -> list[tuple[Views, bool]]:
        octets = key.encode("utf-8", "replace")
        return [self.held[zlib.crc32(octets, turn + 1) % len(self.held)] for turn in range(REPLAYED)]


def views(features: Features) -> Views:
    return features.raw, features.decoded, np.concatenate((features.words, features.pairs))


def own_words(features: Features, account: str) -> Indices:
    """Words as one account uses them, each once."""
    return np.unique(own_slots(features.words, account))


def own_slots(words: Indices, account: str) -> Indices:
    """Their places in a table that all accounts share."""
    seed = np.uint32(zlib.crc32(account.encode("utf-8", "replace")) | 1)
    return ((words ^ seed) * MIX) >> np.uint32(32 - ACCOUNT_BITS)
