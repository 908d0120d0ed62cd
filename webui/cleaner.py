"""Reads a mail and takes everything out of it that could act: `python -m webui.cleaner < mail`, killed if that is slow.

A program of its own: what others wrote may cost a parser any time and memory. It says what it found as JSON.
"""

import json
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import nh3

from classifier.charset import text_of
from classifier.markup import rendered
from gateway.marked import N_
from gateway.visible import one_line, visible
from webui import kinds

MEMORY = 512 * 1024 * 1024  # bytes
PROCESSOR = 2  # seconds
MOST_PARTS = 200
MOST_FIELDS = 200
MOST_TEXT, MOST_HTML = 60_000, 300_000  # characters
MOST_TAGS = 6_000  # more take a cleaner long, and no reader anywhere
LONGEST_FIELD = 2_000

TAGS = {
    "abbr",
    "b",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
}
DROPPED = {
    "applet",
    "audio",
    "base",
    "embed",
    "form",
    "frame",
    "frameset",
    "head",
    "iframe",
    "link",
    "math",
    "meta",
    "noframes",
    "noscript",
    "object",
    "script",
    "style",
    "svg",
    "template",
    "title",
    "video",
    "xmp",
}
CELLS = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
LINK = re.compile(r'<a href="([^"]*)">')
UNREADABLE = N_("nobody can read it")
COUNTED = {
    N_("pictures"): re.compile(r"<(?:img|image|picture|v:imagedata)\b|background\s*=|url\s*\(", re.IGNORECASE),
    N_("scripts"): re.compile(r"<script\b|\son\w+\s*=|javascript:", re.IGNORECASE),
    N_("forms"): re.compile(r"<(?:form|input|button|select|textarea)\b", re.IGNORECASE),
    N_("frames"): re.compile(r"<(?:iframe|frame|object|embed|applet)\b", re.IGNORECASE),
}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    sys.setrecursionlimit(600)
    data = sys.stdin.buffer.read()
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(attached(data, int(sys.argv[1])))
    else:
        json.dump(found_in(data), sys.stdout)


def found_in(data: bytes) -> dict[str, Any]:
    try:
        mail = BytesParser(policy=compat32).parsebytes(data)
        parts = list(leaves(mail))
    except (RecursionError, ValueError, LookupError, AssertionError, TypeError, AttributeError, MemoryError):
        return {"text": "", "html": "", "blocked": {}, "files": [], "fields": [], "problem": UNREADABLE}
    html = next((text(part) for part in parts if is_shown(part, "text/html")), "")
    plain = next((text(part) for part in parts if is_shown(part, "text/plain")), "")
    return {
        "text": visible(plain or rendered(html).whole)[:MOST_TEXT],
        "html": cleaned(html),
        "blocked": dict(blocked(html)),
        "files": [described(place, part) for place, part in enumerate(parts) if is_file(part)],
        "fields": [(one_line(name)[:100], field(value)) for name, value in mail.items()[:MOST_FIELDS]],
    }


def leaves(mail: "Message[Any, Any]") -> Iterator["Message[Any, Any]"]:
    for count, part in enumerate(mail.walk()):
        if count > MOST_PARTS:
            return
        if not part.is_multipart():
            yield part


# ---- parts ---------------------------------------------------------------------------------------------------------


def is_file(part: "Message[Any, Any]") -> bool:
    return not (is_shown(part, "text/html") or is_shown(part, "text/plain"))


def is_shown(part: "Message[Any, Any]", kind: str) -> bool:
    return (
        part.get_content_type() == kind and not part.get_filename() and part.get_content_disposition() != "attachment"
    )


def octets(part: "Message[Any, Any]") -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def text(part: "Message[Any, Any]") -> str:
    return text_of(octets(part), str(part.get_content_charset() or "utf-8"))


def attached(data: bytes, place: int) -> bytes:
    """Name and bytes of the part at a place, a line and what follows it; nothing where that is no file."""
    parts = list(leaves(BytesParser(policy=compat32).parsebytes(data)))
    if place >= len(parts) or not is_file(parts[place]):
        return b""
    return json.dumps(name_of(parts[place])).encode() + b"\n" + octets(parts[place])


def described(place: int, part: "Message[Any, Any]") -> dict[str, Any]:
    data = octets(part)
    return {
        "place": place,
        "name": name_of(part),
        "kind": one_line(part.get_content_type())[:100],
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        "real": kinds.kind_of(data),
        "warnings": [one_line(said) for said in kinds.warnings(name_of(part), data)],
        "inside": [one_line(name)[:200] for name in kinds.names_in(data)],
    }


def name_of(part: "Message[Any, Any]") -> str:
    return field(part.get_filename() or "")[:200] or "no name"


def field(value: object) -> str:
    """A header field as people read it, with what cannot be seen written out."""
    said = str(value)
    try:
        pieces = decode_header(said[:LONGEST_FIELD])
        said = "".join(
            piece if isinstance(piece, str) else text_of(piece, charset or "ascii") for piece, charset in pieces
        )
    except (ValueError, LookupError):
        pass
    return one_line(re.sub(r"\r?\n[ \t]+", " ", said))[:LONGEST_FIELD]


# ---- HTML ----------------------------------------------------------------------------------------------------------


def cleaned(html: str) -> str:
    """HTML without anything that acts, loads or leads anywhere; "" where there is none, or too much of it."""
    if not html.strip() or len(html) > MOST_HTML or html.count("<") > MOST_TAGS:
        return ""
    once = nh3.clean(
        html,
        tags=TAGS | {"a"},
        clean_content_tags=DROPPED,
        attributes={"a": {"href"}, **CELLS},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    told = LINK.sub(link, once).replace("</a>", "</u>")
    return nh3.clean(
        visible(told), tags=TAGS, clean_content_tags=DROPPED, attributes={"u": {"title"}, **CELLS}, link_rel=None
    )


def link(found: "re.Match[str]") -> str:
    """A link is underlined text that says where it led."""
    try:
        host = urlsplit(found[1].replace("&amp;", "&")).hostname or ""
    except ValueError:
        host = ""
    shown = f"<small>[{host}]</small> " if HOST.fullmatch(host) else ""
    return f'{shown}<u title="{found[1]}">'


def blocked(html: str) -> Counter[str]:
    found = Counter({name: len(pattern.findall(html[:MOST_HTML])) for name, pattern in COUNTED.items()})
    return +found


if __name__ == "__main__":
    main()
