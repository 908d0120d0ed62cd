"""The shape of a path: what differs between the mails of one mailing is taken out of it."""

import re
from itertools import pairwise

from gateway.evidence.urls.canonical import Url
from gateway.policy.neutral import HOSTED

MOST_SEGMENTS = 8
LONGEST = 200  # characters
RUNS = re.compile(r"[a-z0-9_=+~-]+", re.IGNORECASE)
LONG = 16  # letters and digits mixed; of hexadecimal digits alone HEX are enough
HEX = 8
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
DIGITS = re.compile(r"\d+")


def page_of(url: Url) -> str:
    """Host and path in small letters, with X for what looks coded and 0 for numbers; at most LONGEST characters."""
    if (many := HOSTED.get(url.host)) is not None:  # what looks coded there is the page's name
        return f"{url.host}/{'/'.join(url.path.split('/')[1 : many + 1])}"[:LONGEST]
    segments = [skeleton(segment) for segment in url.path.split("/")[1 : MOST_SEGMENTS + 1]]
    return f"{url.host}/{'/'.join(segments)}"[:LONGEST]


def skeleton(segment: str) -> str:
    return RUNS.sub(shape, segment[:LONGEST]).lower().replace("x\0", "X")


def shape(run: re.Match[str]) -> str:
    return "x\0" if is_coded(run[0]) else DIGITS.sub("0", run[0])


def is_coded(run: str) -> bool:
    """True for a number in base 16, for base64, and for whatever else nobody wrote by hand."""
    if len(run) < HEX or run.isdigit():
        return False
    has_digit = any(map(str.isdigit, run))
    if has_digit and ((len(run) >= LONG and "-" not in run) or set(run) <= HEX_DIGITS):
        return True
    letters = [letter.islower() for letter in run if letter.isalpha()]
    turns = sum(one != other for one, other in pairwise(letters))
    return len(run) >= LONG and turns * 4 >= len(run)
