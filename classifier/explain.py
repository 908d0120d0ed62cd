"""Why a mail has its score: each part of it with what it adds. The parts add up to the score.

A voice is a curve over a sum; each number's share of what the voice says is its share of that sum.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import bayes
from classifier.features import (
    SEED_DECODED,
    SEED_RAW,
    Features,
    Indices,
    decoded_pieces,
    in_place,
    pair_hashes,
    raw_pieces,
    slot,
    word_hashes,
)
from classifier.mail import Mail
from classifier.score import ACCOUNT, BAYES, DECODED, RAW, SPREAD, WORDS, Score, loudness
from classifier.state import State, own_slots, own_words
from classifier.tokens import BODY, SOURCES, Group, groups, source_of

MOST_WORDS = 12
MOST_SPANS = 5
MOST_FRAGMENTS = 6
NEAR = 3  # bytes between two hits of one fragment
LONGEST = 80  # characters of a fragment

Found = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and what it adds to z, with half of its pairs; `spamicity` from 0 (ham) to 1, 0.5 where it was never seen.

    `spans`: where it stands in the text of the mail (beginning and end, characters), for words of the body.
    """

    text: str
    source: str
    adds: float
    spamicity: float
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a mail whose letters in a row add to z, whatever words they belong to."""

    text: str
    source: str
    adds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`sources`: what each part of the mail adds to z, all of them together z. `origin`: what the model began with."""

    score: Score
    sources: dict[str, float]
    words: tuple[Word, ...]
    fragments: tuple[Fragment, ...]
    origin: str

    def facts(self) -> dict[str, Any]:
        """All of it as plain data, for the log and for programs."""
        return asdict(self)


@dataclass(slots=True)
class Shares:
    """What numbers add to z: of each the share that is left to be given to its first place in the mail."""

    left: dict[int, float]

    def take(self, numbers: Indices) -> Found:
        """What each adds; each number gives its share once, the first time that it is seen."""
        return np.array([self.left.pop(number, 0.0) for number in numbers.tolist()])


def explain(mail: Mail, state: State, account: str = "") -> Explanation:
    """Why `state` scores the mail as it does."""
    features = Features.of(mail)
    score = state.score(features, account)
    sources = dict.fromkeys(SOURCES, 0.0)
    words = merged(of_words(mail, features, state, account, score, sources))
    fragments: list[Fragment] = []
    for view, pieces, seed in ((RAW, raw_pieces(mail), SEED_RAW), (DECODED, decoded_pieces(mail), SEED_DECODED)):
        fragments += of_letters(list(pieces), state.arrays.weights[view], score.voices[view], seed, sources)
    words.sort(key=lambda word: -abs(word.adds))
    fragments.sort(key=lambda fragment: -abs(fragment.adds))
    top = tuple(spanned(word, mail.text) for word in words[:MOST_WORDS] if word.adds)
    return Explanation(score, sources, top, tuple(fragments[:MOST_FRAGMENTS]), state.origin)


def merged(found: Iterable[Word]) -> list[Word]:
    """A word that is in several fields of a name is told once."""
    once: dict[tuple[str, str], Word] = {}
    for word in found:
        before = once.get((word.source, word.text))
        once[word.source, word.text] = replace(word, adds=word.adds + before.adds) if before else word
    return list(once.values())


def shares(indices: Indices, each: Found, says: float, loud: float) -> Shares:
    """Of what a voice says, by what each number adds to its sum."""
    total = float(each.sum())
    factor = says / total if abs(total) > 1e-9 else loud / SPREAD
    return Shares(dict(zip(indices.tolist(), (each * factor).tolist(), strict=True)))


# ---- words -----------------------------------------------------------------------------------------------------------


def of_words(
    mail: Mail, features: Features, state: State, account: str, score: Score, sources: dict[str, float]
) -> Iterator[Word]:
    """Words with what they add in all voices that look at words, each with its neighbours."""
    weights = state.arrays.weights
    both = np.concatenate((features.words, features.pairs))
    view = shares(both, weights[WORDS][both].astype(float), score.voices[WORDS], loudness(WORDS, score.labels))
    found = bayes.opinions(state.arrays.spam, state.arrays.ham, features.words, state.labels)
    counted = shares(features.words, found, score.voices[BAYES], loudness(BAYES, score.labels))
    own = Shares({})
    if account:
        mine = own_words(features, account)
        own = shares(mine, weights[ACCOUNT][mine].astype(float), score.voices[ACCOUNT], loudness(ACCOUNT, score.labels))
    listed = [(group, slot(word_hashes(group))) for group in groups(mail)]
    added = [
        view.take(numbers) + counted.take(numbers) + own.take(own_slots(numbers, account)) for _, numbers in listed
    ]
    for (group, numbers), adds in zip(listed, added, strict=True):  # pairs after all words: a number counts once
        if group.in_pairs:
            with_neighbours(adds, [view.take(slot(pairs)) for pairs in pair_hashes(word_hashes(group))])
        sources[group.source] += float(adds.sum())
        yield from told(group, numbers, adds, state)


def with_neighbours(adds: Found, pairs: list[Found]) -> None:
    """Of what a pair adds, each of its words has half. `pairs`: an array for each distance, the next words first."""
    for gap, found in enumerate(pairs, 1):
        adds[:-gap] += found / 2
        adds[gap:] += found / 2


def told(group: Group, numbers: Indices, adds: Found, state: State) -> Iterator[Word]:
    """Each word once, with what it adds in all its places."""
    spamicity = bayes.spamicity(state.arrays.spam[numbers], state.arrays.ham[numbers], state.labels)
    found: dict[str, list[float]] = {}
    for word, add, spam in zip(group.words, adds.tolist(), spamicity.tolist(), strict=True):
        found.setdefault(word, [0.0, spam])[0] += add
    readable = ((word, said) for word, said in found.items() if sum(map(str.isalnum, word)) > 1 or len(word) > 3)
    for word, (add, spam) in readable:  # the others count for their source, and would tell a person nothing
        yield Word(f"{group.prefix}:{word}" if group.prefix else word, group.source, add, spam)


def spanned(word: Word, text: str) -> Word:
    """With the places where a word of the body stands in the text."""
    if word.source != BODY or ":" in word.text:
        return word
    lower = text.lower()
    places: list[tuple[int, int]] = []
    start = lower.find(word.text)
    while start >= 0 and len(places) < MOST_SPANS and len(lower) == len(text):
        end = start + len(word.text)
        if not lower[start - 1 : start].isalnum() and not lower[end : end + 1].isalnum():
            places.append((start, end))
        start = lower.find(word.text, end)
    return Word(word.text, word.source, word.adds, word.spamicity, tuple(places))


# ---- letters in a row ------------------------------------------------------------------------------------------------


def of_letters(
    pieces: Sequence[tuple[str, bytes]],
    weights: NDArray[np.float32],
    says: float,
    seed: np.uint32,
    sources: dict[str, float],
) -> Iterator[Fragment]:
    """Fragments of one view; each four letters count where they first begin."""
    data = b"".join(octets for _, octets in pieces)
    numbers = in_place(data, seed)
    once = np.unique(numbers)
    adds = shares(once, weights[once].astype(float), says, 1.0).take(numbers)
    start = 0
    for name, octets in pieces:
        source = source_of(name) if name else BODY
        here = adds[start : start + len(octets)]
        sources[source] += float(here.sum())
        yield from runs(octets, here, source)
        start += len(octets)


def runs(octets: bytes, adds: Found, source: str) -> Iterator[Fragment]:
    """Hits that stand near each other and speak for the same side, as one piece of text."""
    if not len(adds):
        return
    strong = np.flatnonzero(np.abs(adds) > 3 * np.abs(adds).mean())
    breaks = np.flatnonzero((np.diff(strong) > NEAR) | (np.diff(np.sign(adds[strong])) != 0)) + 1
    for run in np.split(strong, breaks):
        if len(run):
            text = octets[run[0] : run[-1] + 4].decode("utf-8", "replace")
            yield Fragment(text[:LONGEST], source, float(adds[run].sum()))
