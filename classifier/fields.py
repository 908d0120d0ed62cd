"""The header of a mail or of one of its parts, and what it says about the content."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from classifier.charset import UTF8, text_of, words_decoded

MOST_HEADER = 100 * 1024  # bytes
MOST_FIELDS = 1000
MOST_VALUE = 4096  # characters of a value in which parameters are looked for
MOST_PARAMETERS = 100

NAME = re.compile(rb"^[!-9;-~]{1,100}[ \t]{0,9}:")
KIND = re.compile(r"^[a-z0-9.+_-]{1,60}/[a-z0-9.+_-]{1,80}")
NUMBERED = re.compile(r"^([^*]{1,60})\*([0-9]{1,4})?(\*)?")


@dataclass(frozen=True, slots=True)
class Header:
    """`end`: where the content begins."""

    fields: tuple[tuple[str, str], ...]
    end: int
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a header says about what follows it; `boundary` as it stands in the separating lines."""

    kind: str = "text/plain"
    charset: str = ""
    encoding: str = ""
    name: str = ""
    is_attachment: bool = False
    boundary: bytes = b""


def header(data: bytes, start: int) -> Header:
    """The fields that begin at `start`. A line that is no field ends them, as an empty one does."""
    place, limit = start, start + MOST_HEADER
    if data.startswith((b"From ", b">From "), start):
        place = line_end(data, start)
    found: list[list[bytes]] = []
    while place < len(data):
        end = line_end(data, place)
        line = data[place : min(end, limit)].rstrip(b"\r\n")
        if not line:
            return Header(decoded(found), end)
        if line[:1] in b" \t" and found:
            found[-1].append(line)
        elif NAME.match(line) and not line.startswith(b"--"):  # two dashes separate parts
            found.append([line])
        else:
            return Header(decoded(found), place, ("header",) if found else ())
        place = end
        if place > limit or len(found) > MOST_FIELDS:
            return Header(decoded(found[:MOST_FIELDS]), place, ("header", "size"))
    return Header(decoded(found), len(data))


def line_end(data: bytes, place: int) -> int:
    found = data.find(b"\n", place)
    return len(data) if found < 0 else found + 1


def decoded(found: list[list[bytes]]) -> tuple[tuple[str, str], ...]:
    fields = []
    for lines in found:
        name, _, value = b"".join(lines).partition(b":")
        fields.append((name.strip().lower().decode("ascii"), words_decoded(text_of(value).strip())))
    return tuple(fields)


def content(fields: tuple[tuple[str, str], ...]) -> Content:
    """What the fields say about the content; plain text where they say nothing that can be read."""
    named: dict[str, str] = {}
    for name, value in fields:
        if name.startswith("content-"):
            named.setdefault(name, value)
    kind, given = parameters(named.get("content-type", ""))
    disposition, more = parameters(named.get("content-disposition", ""))
    name = more.get("filename") or given.get("name", "")
    return Content(
        kind=kind if KIND.fullmatch(kind) else "text/plain",
        charset=given.get("charset", "").lower()[:60],
        encoding=named.get("content-transfer-encoding", "").partition(";")[0].strip().lower()[:60],
        name=name[:500],
        is_attachment=disposition == "attachment" or bool(name),
        boundary=given.get("boundary", "").encode("utf-8", "replace").rstrip()[:250],
    )


# ---- parameters ----------------------------------------------------------------------------------------------------


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """A structured value and its parameters, in lower case but for what they say; RFC 2231 put together."""
    main, _, rest = value[:MOST_VALUE].partition(";")
    plain: dict[str, str] = {}
    numbered: dict[str, list[tuple[int, str, bool]]] = {}
    for count, (name, said) in enumerate(pairs(rest)):
        if count >= MOST_PARAMETERS:
            break
        match = NUMBERED.fullmatch(name)
        if match is None:
            plain.setdefault(name, words_decoded(said))
        else:
            numbered.setdefault(match[1], []).append((int(match[2] or 0), said, bool(match[3]) or not match[2]))
    for name, pieces in numbered.items():
        plain[name] = joined(sorted(pieces))
    return main.strip().lower(), plain


def pairs(rest: str) -> Iterator[tuple[str, str]]:
    """Names (lower case) and values of parameters; each letter is looked at once."""
    place = 0
    while place < len(rest):
        equals, end = rest.find("=", place), rest.find(";", place)
        end = len(rest) if end < 0 else end
        if equals < 0:
            return
        if end < equals:
            place = end + 1
            continue
        name = rest[place:equals].strip().lower()
        begin = equals + 1 + len(rest[equals + 1 :]) - len(rest[equals + 1 :].lstrip())
        if rest[begin : begin + 1] == '"':
            said, place = quoted(rest, begin + 1)
            place = rest.find(";", place) + 1 or len(rest)
        else:
            said, place = rest[begin : max(end, begin)].strip(), end + 1
        yield name, said


def quoted(text: str, place: int) -> tuple[str, int]:
    """What stands in quotes that were opened before `place`, and where it ends."""
    taken = []
    while place < len(text) and text[place] != '"':
        place += text[place] == "\\"
        taken.append(text[place : place + 1])
        place += 1
    return "".join(taken), place + 1


def joined(pieces: list[tuple[int, str, bool]]) -> str:
    """The pieces of a value, percent-encoded where they say so; the first names the charset."""
    charset = UTF8
    octets = b""
    for number, said, is_encoded in pieces:
        if is_encoded and number == 0 and said.count("'") >= 2:
            charset, _, said = said.split("'", 2)
        octets += unquote_to_bytes(said) if is_encoded else said.encode("utf-8", "replace")
    return text_of(octets, charset.lower())
