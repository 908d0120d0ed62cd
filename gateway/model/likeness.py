"""What a name looks like."""

from dataclasses import dataclass
from enum import StrEnum


class Likeness(StrEnum):
    """How a domain resembles another."""

    CONFUSABLE = "confusable"  # it is read as the other: letters of another alphabet, 0 for o, rn for m, a hyphen
    ONE_LETTER = "one_letter"  # one letter more, less, other, or in another order
    EMBEDDED = "embedded"  # the other stands in front of what it really is
    OTHER_SUFFIX = "other_suffix"  # the same name under another ending
    DISPLAYED = "displayed"  # the From field shows an address of the other beside its own
    MIXED_SCRIPTS = "mixed_scripts"  # letters of several alphabets in one label; it may resemble anything


@dataclass(frozen=True, slots=True)
class Mark:
    """A domain of a mail that resembles one that our people know. `ours`: it is one of our own."""

    kind: Likeness
    domain: str
    resembles: str = ""
    ours: bool = False
