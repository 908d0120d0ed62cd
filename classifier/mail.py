"""One look at a mail: its fields and parts, for all who judge it.

The standard library's parser takes more than linear time for many parts, deep nesting, long headers and numbered
parameters. Here each byte is looked at a bounded number of times; what is too much is left out and named in `flaws`.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from classifier.charset import UTF8, from_base64, from_quoted, is_known, text_of
from classifier.fields import Content, content, header
from classifier.markup import Rendered, rendered

MOST_READ = 64 * 1024 * 1024  # bytes of a mail that are looked at
MOST_RAW = 64 * 1024  # bytes that are kept as they came
MOST_PARTS = 1000
MOST_DEPTH = 50
MOST_LINES = 20_000  # lines that begin with "--" and separate nothing
MOST_TEXT = 256 * 1024  # characters of one part
MOST_TEXTS = 1024 * 1024  # characters of all parts
BEGINNING = 512  # bytes of each part that are kept for sniffing


@dataclass(frozen=True, slots=True)
class Part:
    """`size`: bytes decoded. `text`: of text/* only. `digest`: SHA-256 in hex of what is no text, "" elsewhere.

    `kind` and `charset` and `encoding` are in lower case, as they were claimed; `name` is a file's name or "".
    """

    kind: str
    charset: str
    encoding: str
    name: str
    size: int
    text: str
    is_attachment: bool
    beginning: bytes
    digest: str

    @property
    def is_shown(self) -> bool:
        """Whether a reader sees it in place: text that is no file."""
        return self.kind.startswith("text/") and not self.is_attachment


@dataclass(frozen=True)
class Mail:
    """`fields`: of the top header in their order, names in lower case, values unfolded and decoded.

    `raw`: its first 64 KiB as they came. `flaws`: what was left out or could not be read: "header", "parts", "depth",
    "size", "encoding", "boundary", "unparseable"; each once.
    """

    fields: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    raw: bytes
    flaws: tuple[str, ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Values of the fields of that name (lower case)."""
        return tuple(value for one, value in self.fields if one == name)

    def first(self, name: str) -> str:
        """The first such field's value, or ""."""
        return next((value for one, value in self.fields if one == name), "")

    @cached_property
    def html(self) -> tuple[str, ...]:
        """The sources of its HTML."""
        return tuple(part.text for part in self.parts if part.is_shown and part.kind == "text/html")

    @cached_property
    def pages(self) -> tuple[Rendered, ...]:
        """Its HTML as text, in the order of `html`."""
        return tuple(rendered(source) for source in self.html)

    @cached_property
    def text(self) -> str:
        """All that a reader sees: plain parts, and HTML as text."""
        pages = iter(self.pages)
        shown = [part for part in self.parts if part.is_shown]
        return "\n".join(next(pages).text if part.kind == "text/html" else part.text for part in shown)

    @cached_property
    def hidden(self) -> str:
        """What HTML says and its style keeps from the reader."""
        return "\n".join(page.hidden for page in self.pages if page.hidden)


def parse(data: bytes, opened: "Opened | None" = None) -> Mail:
    """Read a mail. It never raises for what others wrote: what it cannot read is in `flaws`.

    `opened` is given each part with its bytes, which are not kept.
    """
    walk = Walk(data[:MOST_READ], opened)
    if len(data) > MOST_READ:
        walk.flaws.add("size")
    try:
        parts = tuple(walk.parts())
    except (ValueError, LookupError, RecursionError, OverflowError):
        walk.flaws.add("unparseable")  # none is known; a mail that finds one must not stop the mails behind it
        parts = ()
    return Mail(walk.fields, parts, data[:MOST_RAW], tuple(sorted(walk.flaws)))


Opened = Callable[[Part, bytes], None]


class Walk:
    """Goes through a mail once, from one line that separates parts to the next."""

    def __init__(self, data: bytes, opened: Opened | None = None) -> None:
        self.data = data
        self.opened = opened
        self.flaws: set[str] = set()
        self.open: list[bytes] = []  # separators of the parts that we are in, the innermost last
        self.start = 0  # where the content of the innermost begins
        top = header(data, 0)
        self.flaws.update(top.flaws)
        self.fields = top.fields
        self.leaf = self.entered(content(top.fields), top.end)
        self.count = 0
        self.letters = 0

    def parts(self) -> Iterator[Part]:
        for begin, end, level, is_last in self.separators():
            if self.leaf is not None:
                yield self.part(*self.leaf, begin)
            self.leaf = None
            del self.open[level + (not is_last) :]
            if is_last:
                continue
            self.count += 1
            if self.count > MOST_PARTS:
                self.flaws.add("parts")
                return
            inner = header(self.data, end)
            self.flaws.update(inner.flaws)
            self.leaf = self.entered(content(inner.fields), inner.end)
        if self.leaf is not None:
            yield self.part(*self.leaf, len(self.data))

    def entered(self, found: Content, body: int) -> tuple[Content, int] | None:
        """The part that begins here, down to the first that holds no others; None before the first separator."""
        while found.kind == "message/rfc822" and found.encoding not in ("base64", "quoted-printable"):
            if len(self.open) + 1 > MOST_DEPTH:
                break
            inner = header(self.data, body)
            if inner.end <= body:
                break
            found, body = content(inner.fields), inner.end
        if not found.kind.startswith("multipart/"):
            return found, body
        if len(self.open) >= MOST_DEPTH:
            self.flaws.add("depth")
            return found, body
        if not found.boundary:
            self.flaws.add("boundary")
            return Content(), body
        self.open.append(found.boundary)
        self.start = body
        return None

    def separators(self) -> Iterator[tuple[int, int, int, bool]]:
        """Lines that separate parts: (where the line break before it begins, its end, its level, whether it closes)."""
        place = 0
        others = 0
        while self.open:
            place = max(place, self.start - 1)
            begin = self.data.find(b"\n--", place)
            if begin < 0:
                return
            end = self.data.find(b"\n", begin + 3)
            end = len(self.data) if end < 0 else end + 1
            place = end - 1
            level, is_last = self.level(self.data[begin + 3 : min(end, begin + 300)].rstrip())
            if level < 0:
                others += 1
                if others > MOST_LINES:
                    self.flaws.add("parts")
                    return
                continue
            yield begin - (self.data[begin - 1 : begin] == b"\r"), end, level, is_last

    def level(self, line: bytes) -> tuple[int, bool]:
        """Whose separator a line is, -1 for nobody's, and whether it is the last of them."""
        for index in range(len(self.open) - 1, -1, -1):
            if line == self.open[index]:
                return index, False
            if line == self.open[index] + b"--":
                return index, True
        return -1, False

    def part(self, found: Content, begin: int, end: int) -> Part:
        octets = self.decoded(found, self.data[begin : max(begin, end)])
        is_text = found.kind.startswith("text/")
        text = self.text(found, octets) if is_text else ""
        made = Part(
            kind=found.kind,
            charset=found.charset,
            encoding=found.encoding,
            name=found.name,
            size=len(octets),
            text=text,
            is_attachment=found.is_attachment or not is_text,
            beginning=octets[:BEGINNING],
            digest="" if is_text else hashlib.sha256(octets).hexdigest(),
        )
        if self.opened is not None:
            self.opened(made, octets)
        return made

    def decoded(self, found: Content, octets: bytes) -> bytes:
        if found.encoding == "base64":
            return from_base64(octets)
        if found.encoding == "quoted-printable":
            return from_quoted(octets)
        if found.encoding not in ("", "7bit", "8bit", "binary"):
            self.flaws.add("encoding")
        return octets

    def text(self, found: Content, octets: bytes) -> str:
        """As many characters as are looked at; line ends are single newlines."""
        room = max(min(MOST_TEXT, MOST_TEXTS - self.letters), 0)
        if found.charset and not is_known(found.charset):
            self.flaws.add("encoding")
        if len(octets) > 4 * room:
            self.flaws.add("size")
            octets = octets[: 4 * room].rpartition(b"\n")[0]  # not within a letter
        text = text_of(octets, found.charset or UTF8).replace("\r\n", "\n")
        if len(text) > room:
            self.flaws.add("size")
        self.letters += min(len(text), room)
        return text[:room]
