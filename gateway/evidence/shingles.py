"""Texts that are nearly the same: a few numbers of each, of which two like texts have most in common.

One hash for each run of three words; the least of those that fall into one of SLOTS slots stands for it
(one-permutation MinHash), and several slots together make a band. Of two texts that share a part J of their runs, each
band agrees with a probability of J to the power of ROWS; whoever shares NEEDED of the BANDS bands is alike.
"""

import re
from hashlib import blake2b
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BANDS = 8
ROWS = 4
SLOTS = BANDS * ROWS
NEEDED = 2
SHORTEST = 64  # words; shorter texts are alike by chance: thanks, receipts, codes
MOST = 3000  # words that are looked at
MOST_TEXT = 64 * 1024  # characters
WORD = re.compile(r"[^\W\d_]{2,40}")
ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads what CRC-32 leaves in order


def bands(text: str) -> tuple[int, ...]:
    """The text's bands, numbers below 2**63; none where it is too short to say anything."""
    words = WORD.findall(text[:MOST_TEXT].lower())[:MOST]
    if len(words) < SHORTEST:
        return ()
    least = filled(slots(words))
    return tuple(band(place, least[place : place + ROWS]) for place in range(0, SLOTS, ROWS))


def band(place: int, values: list[int]) -> int:
    coded = b"".join(value.to_bytes(8, "big") for value in (place, *values))
    return int.from_bytes(blake2b(coded, digest_size=8).digest(), "big") >> 1


def slots(words: list[str]) -> list[int | None]:
    """The least hash of the runs that fall into each slot; None where none did."""
    codes = {word: crc32(word.encode("utf-8", "replace")) for word in set(words)}
    coded = np.array([codes[word] for word in words], np.uint64)
    values = np.sort(spread((coded[:-2] * ODD + coded[1:-1]) * ODD + coded[2:]))  # modulo 2**64
    fallen, first = np.unique(values % np.uint64(SLOTS), return_index=True)
    least: list[int | None] = [None] * SLOTS
    for slot, value in zip(fallen.tolist(), values[first].tolist(), strict=True):
        least[slot] = value
    return least


def filled(least: list[int | None]) -> list[int]:
    """What an empty slot borrows from the next one that is not (densification), so that like texts stay alike."""
    return [
        next(value for step in range(SLOTS) if (value := least[(place + step) % SLOTS]) is not None)
        for place in range(SLOTS)
    ]


def spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = values * ODD
    return mixed ^ (mixed >> np.uint64(29))
