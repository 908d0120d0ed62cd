"""The online protocol: each mail is judged, then its label is told. Nothing is seen ahead of time."""

import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from classifier.features import Features
from classifier.mail import parse
from classifier.prior import beginning
from classifier.rival import bogofilter
from classifier.score import doubts
from classifier.state import Entry, Memory

BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
EACH = timedelta(minutes=1)
KINDS = {"spam": True, "ham": False}


class BadIndex(ValueError):
    """An index that cannot be read; says which line."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """`noise`: the share of labels that are told wrong; `prompt`: doubted labels are asked for again, and told right;
    `delay`: how many mails later a label comes; `prior`: begin with the prior; `rival`: bogofilter beside it."""

    noise: float = 0.0
    prompt: bool = False
    delay: int = 0
    prior: bool = False
    rival: bool = False


@dataclass(slots=True)
class Run:
    """What was said of each mail, in the order of the index; `judging` and `learning` in seconds."""

    truth: list[bool] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    rival: list[float] = field(default_factory=list)
    judging: list[float] = field(default_factory=list)
    learning: list[float] = field(default_factory=list)
    rival_judging: list[float] = field(default_factory=list)
    flipped: int = 0
    prompts: int = 0


def index(path: Path) -> list[tuple[bool, Path]]:
    """The lines of an index: `spam FILE` or `ham FILE`, files relative to it. Raises BadIndex or OSError."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(), 1):
        kind, _, name = line.strip().partition(" ")
        if not kind:
            continue
        if kind.lower() not in KINDS or not name.strip():
            raise BadIndex(f"{path}, line {number}: neither `spam FILE` nor `ham FILE`")
        found.append((KINDS[kind.lower()], path.parent / name.strip()))
    return found


def evaluate(listed: list[tuple[bool, Path]], protocol: Protocol, advance: Callable[[], object]) -> Run:
    """Go through the mails once; `advance` is called for each."""
    run = Run()
    state, memory = beginning(cold=not protocol.prior), Memory()
    chance = random.Random(0)  # noqa: S311 - which labels are told wrong, the same in each run
    waiting: deque[tuple[Entry, bytes]] = deque()
    with ExitStack() as stack:
        rival = stack.enter_context(bogofilter()) if protocol.rival else None
        for number, (is_spam, path) in enumerate(listed):
            data = path.read_bytes()
            began = time.perf_counter()
            features = Features.of(parse(data))
            score = state.score(features)
            run.judging.append(time.perf_counter() - began)
            run.truth.append(is_spam)
            run.scores.append(score.z)
            run.chances.append(score.p)
            if rival is not None:
                run.rival.append(rival.score(data))
            label = is_spam ^ (chance.random() < protocol.noise)
            run.flipped += label is not is_spam
            if protocol.prompt and doubts(score, label):
                run.prompts += 1
                label = is_spam
            waiting.append((Entry(str(number), label, features, BEGAN + number * EACH), data))
            if len(waiting) > protocol.delay:
                entry, octets = waiting.popleft()
                began = time.perf_counter()
                state.learn(entry, memory)
                run.learning.append(time.perf_counter() - began)
                if rival is not None:
                    rival.learn(octets, is_spam=entry.is_spam)
            advance()
        run.rival_judging = rival.took if rival is not None else []
    return run
