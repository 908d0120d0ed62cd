"""Links in files: in PDF, in office documents, and in pictures of a QR code where a reader of these is installed.

Nothing is drawn or run: a document says where its links lead in a few places, and only these are read.
"""

import re
import zlib
from collections.abc import Iterator
from html import unescape
from itertools import islice

from gateway.evidence import archive, qr
from gateway.evidence.archive import NotAnArchive, Overfull

MOST_LINKS = 30  # of one file
MOST_STREAMS = 300  # of one PDF
MOST_UNPACKED = 8 * 1024 * 1024  # bytes, of one file
MOST_PIECE = 2 * 1024 * 1024  # bytes of one stream or entry
MOST_LINK = 2000  # characters

PDF = b"%PDF-"
PDF_WITHIN = 1024  # bytes before it are junk that programs pass over
STREAM = re.compile(rb"stream\r?\n")
URI = re.compile(
    rb"/URI[ \t\r\n]*(?:\(((?:[^\\()]|\\.|\([^()]{0,500}\)){0,2000})\)|<([0-9A-Fa-f \t\r\n]{0,4000})>)", re.DOTALL
)
ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|\r\n|(.))", re.DOTALL)
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b""}

# A relationship that leads out of an office document (ISO/IEC 29500-2 6.5); XML gives no order of attributes.
RELATION = re.compile(r"<(?:\w{1,20}:)?Relationship\s[^<>]{1,4000}>")
OUTSIDE = re.compile(r"""\bTargetMode\s*=\s*["']External["']""")
TARGET = re.compile(r"""\bTarget\s*=\s*(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})')""")
HREF = re.compile(r"""\bxlink:href\s*=\s*(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})')""")


def links_in(octets: bytes) -> list[str]:
    """Where a file leads, as it is written there, each once. Never raises for what others wrote."""
    if PDF in octets[:PDF_WITHIN]:
        found = of_pdf(octets)
    elif octets.startswith(archive.BEGIN):
        found = of_office(octets)
    else:
        found = iter(qr.texts_in(octets))
    return list(dict.fromkeys(islice((one for one in found if is_link(one)), MOST_LINKS)))


def is_link(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://")) and len(text) <= MOST_LINK


# ---- PDF -----------------------------------------------------------------------------------------------------------


def of_pdf(octets: bytes) -> Iterator[str]:
    """The targets of its URI actions (ISO 32000-1 12.6.4.7), in its objects and in those that are compressed."""
    yield from uris(octets)
    left = MOST_UNPACKED
    for number, begin in enumerate(STREAM.finditer(octets)):
        if number >= MOST_STREAMS or left <= 0:
            return
        data = octets[begin.end() : begin.end() + MOST_PIECE]
        if data[:1] not in (b"\x78", b"\x48", b"\x58", b"\x68"):  # zlib (RFC 1950 2.2); pictures begin otherwise
            continue
        unpacked = inflated(data, min(left, MOST_PIECE))
        left -= len(unpacked)
        yield from uris(unpacked)


def inflated(data: bytes, most: int) -> bytes:
    """As much of it as can be read: its end is not where the stream's is."""
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return b""


def uris(octets: bytes) -> Iterator[str]:
    for found in URI.finditer(octets):
        if found[2] is not None:
            digits = re.sub(rb"\s", b"", found[2])
            yield bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()).decode("latin-1")
        else:
            yield ESCAPED.sub(letter, found[1]).decode("latin-1")


def letter(found: "re.Match[bytes]") -> bytes:
    """A character that is written with a backslash (ISO 32000-1 7.3.4.2)."""
    if found[1] is not None:
        return bytes([int(found[1], 8) & 0xFF])
    return b"" if found[2] is None else LETTERS.get(found[2], found[2])


# ---- office documents ----------------------------------------------------------------------------------------------


def of_office(octets: bytes) -> Iterator[str]:
    """Targets outside of it: of OOXML in its relationships, of OpenDocument in its content."""
    try:
        entries = archive.entries(octets)
    except (NotAnArchive, Overfull):
        return
    if not archive.is_office(entries):
        return
    left = MOST_UNPACKED
    for one in entries:
        name = one.name.lower()
        if not (name.endswith(".rels") or name == "content.xml") or left <= 0:
            continue
        text = archive.unpacked(octets, one, min(left, MOST_PIECE)).decode("utf-8", "replace")
        left -= len(text)
        yield from hrefs(text) if name == "content.xml" else outside(text)


def outside(text: str) -> Iterator[str]:
    for relation in RELATION.finditer(text):
        target = TARGET.search(relation[0])
        if target is not None and OUTSIDE.search(relation[0]):
            yield unescape(target[1] or target[2])


def hrefs(text: str) -> Iterator[str]:
    for found in HREF.finditer(text):
        yield unescape(found[1] or found[2])
