"""HTML as text, in one pass: each letter is looked at once. Nothing raises for what others wrote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

MOST_HTML = 256 * 1024  # characters that are looked at
MOST_TAG = 2000  # characters of a tag in which a style is looked for

UNSEEN = ("script", "style", "head", "title", "template", "noscript")
VOID = ("br", "img", "hr", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr")
BREAKS = re.compile(r"/?(?:p|div|br|tr|li|ul|ol|table|h[1-6]|hr|blockquote|section|article|header|footer)\b", re.I)
OPENS = re.compile(r"<[a-z/!?]", re.IGNORECASE)
NAME = re.compile(r"[a-z][a-z0-9]{0,20}", re.I)
CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in UNSEEN}
BLANKS = re.compile(r"[^\S\n]+")
EMPTY_LINES = re.compile(r"\n{3,}")
LONG_NUMBER = re.compile(r"&#[0-9]{8,}|&#x[0-9a-f]{7,}", re.IGNORECASE)  # no letter, and int() refuses long ones

HIDES = re.compile(
    r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|font-size\s{0,9}:\s{0,9}[01](?:px|pt|em|%)?\s{0,9}(?![0-9.a-z])"
    r"|opacity\s{0,9}:\s{0,9}0(?![0-9.])|mso-hide\s{0,9}:\s{0,9}all",
    re.IGNORECASE,
)
WHITE = re.compile(r"(?<![-a-z])color\s{0,9}[:=]\s{0,9}[\"']?(?:#fff(?:fff)?\b|white\b)", re.IGNORECASE)
BACKGROUND = re.compile(r"background|bgcolor", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What HTML says. `hidden` is text that its style keeps from the reader; it is not in `text`. `tags`: how many."""

    text: str
    hidden: str
    tags: int

    @property
    def whole(self) -> str:
        """What it says and, below it, what its style hides: who looks should see it."""
        return self.text if not self.hidden else f"{self.text}\n\n(hidden by its style)\n{self.hidden}"


@dataclass(slots=True)
class Hiding:
    """The element that hides what is in it, until as many of its name are closed as were opened."""

    name: str = ""
    depth: int = 0

    def opened(self, name: str) -> None:
        self.depth += name == self.name

    def closed(self, name: str) -> None:
        self.depth -= name == self.name
        if self.depth <= 0:
            self.name = ""


def rendered(html: str) -> Rendered:
    """The text of HTML without tags; it never raises. Most that is looked at: MOST_HTML characters."""
    source = html[:MOST_HTML]
    seen: list[str] = []
    hidden: list[str] = []
    hiding = Hiding()
    white_hides = not BACKGROUND.search(source)
    tags = 0
    for piece, tag in pieces(source):
        (hidden if hiding.name else seen).append(piece)
        if tag:
            tags += 1
            followed(tag, hiding, white_hides)
            if BREAKS.match(tag):
                (hidden if hiding.name else seen).append("\n")
    return Rendered(tidy("".join(seen)), tidy("".join(hidden)), tags)


def followed(tag: str, hiding: Hiding, white_hides: bool) -> None:
    """What a tag does to the hiding of text."""
    name = NAME.match(tag, tag.startswith("/"))
    if name is None:
        return
    word = name[0].lower()
    if tag.startswith("/"):
        hiding.closed(word)
    elif hiding.name:
        hiding.opened(word)
    elif word not in VOID and hides(tag[:MOST_TAG], white_hides):
        hiding.name, hiding.depth = word, 1


def hides(tag: str, white_hides: bool) -> bool:
    if "=" not in tag:
        return False
    return HIDES.search(tag) is not None or (white_hides and WHITE.search(tag) is not None)


def pieces(html: str) -> Iterator[tuple[str, str]]:
    """Text between tags, each with the tag that ends it ("" where none does)."""
    place = 0
    while (begin := html.find("<", place)) >= 0:
        text = spaced(html[place:begin])
        if not OPENS.match(html, begin):
            yield text + "<", ""
            place = begin + 1
            continue
        if html.startswith("<!--", begin):
            yield text, ""
            place = after(html, "-->", begin + 2)
            continue
        place = after(html, ">", begin)
        tag = html[begin + 1 : place - 1]
        yield text, tag
        place = behind_unseen(html, tag, place)
    yield spaced(html[place:]), ""


def behind_unseen(html: str, tag: str, place: int) -> int:
    """Where to go on: before the closing tag of an element whose content nobody sees."""
    name = NAME.match(tag)
    closing = CLOSING.get(name[0].lower()) if name else None
    if closing is None:
        return place
    found = closing.search(html, place)
    return found.start() if found else len(html)


def after(text: str, mark: str, start: int) -> int:
    """Behind the next mark; the end where there is none."""
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def spaced(text: str) -> str:
    return BLANKS.sub(" ", text.replace("\n", " ")) if text else ""


def tidy(text: str) -> str:
    """Entities as letters, single spaces, no more than one empty line in a row."""
    letters = unescape(LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text
    lines = map(str.strip, BLANKS.sub(" ", letters).split("\n"))
    return EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()
