"""Ids for people to read to each other: sortable by time, no letters that look alike."""

import random
from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
LENGTH = 13


def new_id(now: datetime) -> str:
    """13 characters: 40 bits of time (milliseconds, wrapping after 34 years) and 25 random bits. No secret."""
    number = ((int(now.timestamp() * 1000) & (1 << 40) - 1) << 25) | random.getrandbits(25)
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, 32)
        letters.append(ALPHABET[index])
    return "".join(reversed(letters))
