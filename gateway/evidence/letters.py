"""Letters that are not what they seem, in text that somebody reads. Each letter is looked at once."""

import re
from collections.abc import Iterator
from itertools import islice

from gateway.model import Finding

MOST_READ = 20_000  # characters of a text
FEW = 3  # such places in a text are a slip, or a word of mathematics; in a subject or a name one is enough

# Letters of alphabets in which nothing of no width belongs; in others it does, and between emoji too.
PLAIN = "A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
INVISIBLE = re.compile(f"[{PLAIN}][\u200b\u200c\u200d\u2060\ufeff\u180e]+(?=[{PLAIN}])")
TURNED = re.compile("[\u202d\u202e]")
# Cyrillic beside Latin, and the Greek letters that are drawn like Latin ones between these.
GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυ"  # noqa: RUF001
CONFUSABLE = re.compile(f"[A-Za-z](?=[\u0400-\u04ff])|[\u0400-\u04ff](?=[A-Za-z])|[A-Za-z][{GREEK}](?=[A-Za-z])")

RULES = ((Finding.INVISIBLE, INVISIBLE), (Finding.TURNED, TURNED), (Finding.CONFUSABLE, CONFUSABLE))


def odd_in(text: str, places: int) -> Iterator[Finding]:
    """What is odd in a text in so many places at least."""
    if text.isascii():
        return
    read = text[:MOST_READ]
    for finding, rule in RULES:
        if len(list(islice(rule.finditer(read), places))) == places:
            yield finding


def odd_letters(shown: tuple[str, ...], text: str) -> set[Finding]:
    """`shown`: what a list of mails shows, such as subject and author; `text`: what the mail says."""
    return {*odd_in("\n".join(shown), 1), *odd_in(text, FEW)}
