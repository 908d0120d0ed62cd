"""Links and public suffixes as others expect them: the part of `tests.suites` that needs no name server.

`spamassassin_text.txt` is SpamAssassin's list of texts with patterns that must, or with ! must not, be among the links
found; `test_psl.txt` is the public suffix list's own test.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gateway.evidence.urls.canonical import canonical
from gateway.evidence.urls.finding import in_text
from gateway.evidence.urls.hosts import ascii_name, registrable

CHECK = re.compile(r"checkPublicSuffix\((null|'[^']*'), (null|'[^']*')\)")


def found_in(text: str) -> list[str]:
    """All links of a text, as they were written and in their one form."""
    written = in_text(text)
    return [*written, *(str(url) for one in written if (url := canonical(one)) is not None)]


def run_links(file: Path) -> Iterator[tuple[str, bool]]:
    """(text and pattern, whether it is as expected)."""
    for line in file.read_text(encoding="utf-8").splitlines():
        text, _, patterns = line.partition("\t")
        found = found_in(text.replace("{ESC}", "\x1b"))
        for pattern in patterns.split():
            unwanted, wanted = pattern.startswith("!"), pattern.removeprefix("!")
            yield f"{text} {pattern}", any(re.search(wanted, one) for one in found) != unwanted


def run_suffixes(file: Path) -> Iterator[tuple[str, bool]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := CHECK.match(line):
            name, expected = (None if one == "null" else one.strip("'") for one in match.groups())
            found = registrable(ascii_name(name.lower()) or "") if name else None
            yield line, found == (ascii_name(expected) if expected else None)
