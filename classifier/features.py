"""What is learnt from in a mail: three views of it and its words, as small sorted arrays of numbers."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from classifier.mail import Mail
from classifier.tokens import Group, groups, is_foreign

VERSION = 1  # of what a number stands for; models and journals of another one are not understood
BITS = 20
SLOTS = 1 << BITS

MOST_RAW = 3000  # bytes
MOST_FIELDS = 2000  # bytes
MOST_TEXT = 2500  # bytes

Indices = NDArray[np.uint32]
MIX = np.uint32(2654435761)  # Knuth's, 2^32 by the golden ratio
MIX_PAIR = np.uint32(0x85EBCA6B)
DISTANCES = (np.uint32(0x9E3779B1), np.uint32(0x7FEB352D), np.uint32(0x846CA68B), np.uint32(0xC2B2AE35))
SHIFT = np.uint32(32 - BITS)
SEED_RAW = np.uint32(0)
SEED_DECODED = np.uint32(0x27220A95)
BLANKS = re.compile(r"\s+")
FIELD_LINE = re.compile(rb"^([!-9;-~]{1,100}):[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)


class BadFeatures(ValueError):
    """Stored features that cannot be read, or that another version wrote."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Sorted numbers below SLOTS, each once. `raw`, `decoded`: 4-grams of bytes; `words`; `pairs`: of near words.

    `packed`: what they were read from, if they were.
    """

    raw: Indices
    decoded: Indices
    words: Indices
    pairs: Indices
    packed: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, mail: Mail) -> Self:
        words, pairs = hashed(groups(mail))
        return cls(grams(raw_text(mail)), grams(decoded_text(mail), SEED_DECODED), words, pairs)

    def to_bytes(self) -> bytes:
        """Compressed, with the version in front."""
        if self.packed:
            return self.packed
        arrays = (self.raw, self.decoded, self.words, self.pairs)
        sizes = np.array([VERSION, *(len(one) for one in arrays)], "<u4").tobytes()
        gaps = np.concatenate([np.diff(one, prepend=np.uint32(0)) for one in arrays])
        low, high = gaps.astype(np.uint8).tobytes(), (gaps >> 8).astype("<u2").tobytes()
        return sizes + zlib.compress(low + high, 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises BadFeatures."""
        sizes = np.frombuffer(data[:20].ljust(20, b"\0"), "<u4")
        if sizes[0] != VERSION:
            raise BadFeatures(f"features of version {sizes[0]}; this program understands {VERSION}")
        count = int(sizes[1:].sum())
        try:
            flat = zlib.decompress(data[20:])
        except zlib.error as error:
            raise BadFeatures(str(error)) from error
        if len(flat) != 3 * count:
            raise BadFeatures("features that are cut")
        gaps = np.frombuffer(flat, np.uint8, count) | np.frombuffer(flat, "<u2", count, count).astype(np.uint32) << 8
        raw, decoded, words, pairs = (np.cumsum(one, dtype=np.uint32) for one in np.split(gaps, np.cumsum(sizes[1:4])))
        return cls(raw, decoded, words, pairs, data)


def once(numbers: NDArray[Any]) -> Indices:
    """Sorted, each once."""
    if not len(numbers):
        return np.zeros(0, np.uint32)
    ordered = np.sort(numbers)
    keep = np.empty(len(ordered), bool)
    keep[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=keep[1:])
    return ordered[keep]


# ---- 4-grams -------------------------------------------------------------------------------------------------------


def grams(data: bytes, seed: np.uint32 = SEED_RAW) -> Indices:
    return once(in_place(data, seed))


def in_place(data: bytes, seed: np.uint32 = SEED_RAW) -> Indices:
    """A number for each four bytes in a row, in their order."""
    if len(data) < 4:
        return np.zeros(0, np.uint32)
    fours = np.ndarray((len(data) - 3,), "<u4", data, strides=(1,))
    return ((fours ^ seed) * MIX) >> SHIFT


def raw_text(mail: Mail) -> bytes:
    """The beginning of the mail as it came, without what filters before us wrote."""
    head = mail.raw[: 4 * MOST_RAW].replace(b"\r\n", b"\n")
    if head.startswith(b"From "):  # a mailbox wrote that line
        head = head[head.find(b"\n") + 1 :]
    kept = FIELD_LINE.sub(lambda field: b"" if is_foreign(field_name(field)) else field[0], head)
    return kept[:MOST_RAW]


def raw_pieces(mail: Mail) -> Iterator[tuple[str, bytes]]:
    """What raw_text is made of, with the names of fields ("" for what is behind them)."""
    text = raw_text(mail)
    place = 0
    while found := FIELD_LINE.match(text, place):
        yield field_name(found), found[0]
        place = found.end()
    yield "", text[place:]


def field_name(found: "re.Match[bytes]") -> str:
    return found[1].decode("latin-1").lower()


def decoded_text(mail: Mail) -> bytes:
    """Fields and text as a reader sees them."""
    return b"".join(octets for _, octets in decoded_pieces(mail))


def decoded_pieces(mail: Mail) -> Iterator[tuple[str, bytes]]:
    """What decoded_text is made of, with the names of fields ("" for the text)."""
    room = MOST_FIELDS
    for name, value in mail.fields:
        if is_foreign(name) or room <= 0:
            continue
        line = f"{name}:{BLANKS.sub(' ', value[:room])}\n".encode("utf-8", "replace")[:room]
        room -= len(line)
        yield name, line
    text = mail.text
    begun = spaced(text[: MOST_TEXT + 500])
    yield "", (begun if len(begun) >= MOST_TEXT else spaced(text[: 4 * MOST_TEXT]))[:MOST_TEXT]


def spaced(text: str) -> bytes:
    """With single blanks."""
    return BLANKS.sub(" ", text).encode("utf-8", "replace")


# ---- words and pairs -----------------------------------------------------------------------------------------------


def hashed(found: Iterable[Group]) -> tuple[Indices, Indices]:
    """Numbers of words and of pairs of near words, of all groups in one go."""
    every: list[int] = []
    paired: list[int] = []
    whose: list[int] = []  # the group of each of those
    for count, group in enumerate(found):
        numbers = word_numbers(group)
        every += numbers
        if group.in_pairs:
            paired += numbers
            whose += [count] * len(numbers)
    alone = once(slot(np.array(every, np.uint32)))
    return alone, without(once(slot(near(np.array(paired, np.uint32), np.array(whose, np.uint32)))), alone)


def near(numbers: NDArray[np.uint32], whose: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Pairs of words of the same group."""
    pairs = pair_hashes(numbers)
    same = [one[whose[: len(one)] == whose[-len(one) :]] for one in pairs]
    return np.concatenate(same) if same else numbers[:0]


def without(numbers: Indices, others: Indices) -> Indices:
    """Those that are not among the others, both sorted: a view has each number once."""
    if not len(numbers):
        return numbers
    places = np.minimum(np.searchsorted(numbers, others), len(numbers) - 1)
    return np.delete(numbers, places[numbers[places] == others])


def word_hashes(group: Group) -> NDArray[np.uint32]:
    return np.array(word_numbers(group), np.uint32)


def word_numbers(group: Group) -> list[int]:
    start = zlib.crc32(group.prefix.encode("utf-8", "replace") + b"\0")
    octets = "\0".join(group.words).encode("utf-8", "replace").split(b"\0")  # one call for all, unless one has a NUL
    if len(octets) != len(group.words):
        octets = [word.encode("utf-8", "replace") for word in group.words]
    return [zlib.crc32(word, start) for word in octets]


def pair_hashes(numbers: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
    """Of each word and each of the four behind it, one array for each distance."""
    mixed = numbers * MIX_PAIR
    return [mixed[:-gap] ^ (numbers[gap:] * DISTANCES[gap - 1]) for gap in (1, 2, 3, 4) if len(numbers) > gap]


def slot(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return (numbers * MIX) >> SHIFT
