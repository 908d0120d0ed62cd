"""What of a page is in English alone, where its reader asked for the pseudo-locale."""

import re
from html.parser import HTMLParser

TECHNICAL = {"bdi", "code", "kbd", "pre", "script", "style", "textarea", "title"}
VOID = {"br", "hr", "img", "input", "link", "meta", "line", "rect", "path"}
SAID = ("aria-label", "title", "alt", "placeholder")
INNERMOST = re.compile("⟦[^⟦⟧]*⟧")
UNITS = re.compile(r"\b(UTC|ms|KiB|MiB|GiB|TiB|Greygate|CSV)\b")


class Said(HTMLParser):
    """The words that people read or hear, but for what is technical or others wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.within: list[tuple[str, bool]] = []
        self.found: list[str] = []

    @property
    def is_kept(self) -> bool:
        return any(kept for _, kept in self.within)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if not self.is_kept:
            self.found += [given[name] or "" for name in SAID if name in given]
        if tag not in VOID:
            self.within.append((tag, tag in TECHNICAL or given.get("translate") == "no"))

    def handle_endtag(self, tag: str) -> None:
        while self.within and tag not in VOID and self.within.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        # What is within a sentence is counted as a part of it, so that its brackets fit.
        self.found.append(re.sub(r"[^\W\d_]", "", data) if self.is_kept else data)


def unsaid(page: str, among: str = "") -> list[str]:
    """Words that stand in English. `among`: only in this element and what is in it."""
    if among:
        page = page[page.index(f"<{among}") : page.rindex(f"</{among}>")]
    said = Said()
    said.feed(page)
    text, before = " ".join(said.found), ""
    while text != before:
        text, before = INNERMOST.sub(" ", text), text
    return re.findall(r"[^\W\d_]{2,}", UNITS.sub("", text))
