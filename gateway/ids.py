"""Ids for people to read to each other: sortable by time, no letters that look alike."""

import random
from datetime import datetime
from hashlib import sha256

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
LENGTH = 13
SHIFTS = range(5 * (LENGTH - 1), -1, -5)  # of five bits each, the highest first


def new_id(now: datetime) -> str:
    """13 characters: 40 bits of time (milliseconds, wrapping after 34 years) and 25 random bits. No secret."""
    return written(now, random.getrandbits(25))


def id_for(when: datetime, what: str) -> str:
    """The same id each time for the same thing, for work that may have to be done again."""
    return written(when, int.from_bytes(sha256(what.encode()).digest()[:4]) >> 7)


def written(when: datetime, low: int) -> str:
    number = ((int(when.timestamp() * 1000) & (1 << 40) - 1) << 25) | low
    return "".join([ALPHABET[number >> shift & 31] for shift in SHIFTS])
