"""English that looks foreign and takes more room: what stays plain on a page, or is cut off, was forgotten."""

import re
from gettext import NullTranslations

BEGINS, ENDS = "⟦", "⟧"
# What is filled in, tags and entities stay as they are.
KEPT = re.compile(r"%\([a-z_A-Z]+\)[sd]|%%|%[sd]|\{[a-z_]*\}|<[^<>]*>|&[a-z]+;|&#\d+;")
FOREIGN = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ",
)
LONGER = 3  # a word in so many is said twice: German and Arabic take a third more


def foreign(text: str) -> str:
    """The text as the pseudo-locale says it; twice is once."""
    if not text.strip() or BEGINS in text:
        return text
    parts, place = [], 0
    for kept in KEPT.finditer(text):
        parts += [text[place : kept.start()].translate(FOREIGN), kept.group()]
        place = kept.end()
    parts.append(text[place:].translate(FOREIGN))
    words = len(text.split())
    return f"{BEGINS}{''.join(parts)}{' ~~~~' * -(-words // LONGER)}{ENDS}"


class Pseudo(NullTranslations):
    def gettext(self, message: str) -> str:
        return foreign(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return foreign(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return foreign(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return foreign(msgid1 if n == 1 else msgid2)
