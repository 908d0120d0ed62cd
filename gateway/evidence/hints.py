"""Whether a mail may have a file in it, told from its bytes without taking it apart: for those who are let in anyway.

It errs on one side only: a mail that it lets go past has text alone, as far as its own fields say.
"""

import re

FIELD = re.compile(rb"\ncontent-(?:type|disposition)[ \t]*:")  # begins with letters: so it is looked for quickly
MOST_VALUE = 400  # bytes of a field that are looked at
TEXT = re.compile(rb"[ \t\r\n]*(?:text/(?:plain|html|calendar)|multipart/[a-z-]+)[ \t]*(?:;|\r?\n|$)")
END = re.compile(rb"\r?\n(?![ \t])")
MOST_FIELDS = 200
UUENCODED = b"\nbegin "


def may_carry_files(data: bytes) -> bool:
    """False for a mail of plain and HTML text whose parts have no names."""
    low = b"\n" + data.lower()
    if UUENCODED in low:
        return True
    for count, field in enumerate(FIELD.finditer(low)):
        value = low[field.end() : field.end() + MOST_VALUE]
        end = END.search(value)
        value = value[: end.start()] if end else value
        if b"disposition" in field[0]:
            if b"inline" not in value or b"name" in value:
                return True
        elif not TEXT.match(value) or b"name" in value or end is None or count >= MOST_FIELDS:
            return True
    return False
