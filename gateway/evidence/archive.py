"""The names in a zip archive, read from its directory without unpacking anything but archives in it, and those in part.

Too much of anything is Overfull: who stops looking has not found that all is well.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MOST_ENTRIES = 5000
MOST_LEVELS = 3
MOST_RATIO = 100  # of all that is in it to the archive itself, where that is more than ENOUGH
ENOUGH = 10 * 1024 * 1024  # bytes
MOST_INNER = 8 * 1024 * 1024  # bytes of an archive in an archive
MOST_NAME = 1000  # bytes

BEGIN = b"PK\x03\x04"
DIRECTORY = b"PK\x01\x02"
END = b"PK\x05\x06"
END_WITHIN = 65_535 + 22  # the comment behind it is no longer
HEADER = struct.Struct("<4s6H3L5H2L")  # of an entry in the directory
LOCAL = struct.Struct("<4s5H3L2H")  # of an entry before its data
LOCKED = 1  # bit of the flags
STORED, DEFLATED = 0, 8


class NotAnArchive(Exception):
    """It is something else."""


class Overfull(Exception):
    """More than is looked into."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`packed` and `size` in bytes, as the archive claims; `offset`: where it begins."""

    name: str
    method: int
    packed: int
    size: int
    offset: int
    is_locked: bool


def entries(octets: bytes) -> list[Entry]:
    """What is in it. Raises NotAnArchive, or Overfull."""
    end = octets.rfind(END, max(0, len(octets) - END_WITHIN))
    if end < 0 and not octets.startswith(BEGIN):
        raise NotAnArchive
    found = list(directory(octets, end)) if 0 <= end <= len(octets) - 22 else []
    if not found and octets.startswith(BEGIN):  # some programs open what has no directory
        found = list(without_directory(octets))
    total = sum(one.size for one in found)
    if total > ENOUGH and total > MOST_RATIO * len(octets):
        raise Overfull
    return found


def directory(octets: bytes, end: int) -> Iterator[Entry]:
    size = int.from_bytes(octets[end + 12 : end + 16], "little")
    place = max(0, end - size)  # also where something stands before the archive
    for _ in range(MOST_ENTRIES):
        if not octets.startswith(DIRECTORY, place) or place + HEADER.size > len(octets):
            return
        _, _, _, flags, method, _, _, _, packed, full, named, extra, comment, _, _, _, offset = HEADER.unpack_from(
            octets, place
        )
        begin = place + HEADER.size
        yield Entry(read(octets[begin : begin + named]), method, packed, full, offset, bool(flags & LOCKED))
        place = begin + named + extra + comment
    if octets.startswith(DIRECTORY, place):
        raise Overfull


def without_directory(octets: bytes) -> Iterator[Entry]:
    place = 0
    for _ in range(MOST_ENTRIES):
        if place < 0 or place + LOCAL.size > len(octets):
            return
        _, _, flags, method, _, _, _, packed, full, named, _ = LOCAL.unpack_from(octets, place)
        begin = place + LOCAL.size
        yield Entry(read(octets[begin : begin + named]), method, packed, full, place, bool(flags & LOCKED))
        place = octets.find(BEGIN, begin)
    if place >= 0:
        raise Overfull


def read(name: bytes) -> str:
    try:
        return name[:MOST_NAME].decode("utf-8")
    except UnicodeDecodeError:
        return name[:MOST_NAME].decode("cp437")


def unpacked(octets: bytes, entry: Entry, most: int) -> bytes:
    """The first `most` bytes of an entry; b"" for what cannot be unpacked."""
    if entry.is_locked or entry.offset + LOCAL.size > len(octets) or not octets.startswith(BEGIN, entry.offset):
        return b""
    *_, named, extra = LOCAL.unpack_from(octets, entry.offset)
    begin = entry.offset + LOCAL.size + named + extra
    data = octets[begin : begin + entry.packed]
    if entry.method == STORED:
        return data[:most]
    if entry.method != DEFLATED:
        return b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, max(1, most))
    except zlib.error:
        return b""


# ---- office documents ----------------------------------------------------------------------------------------------


def is_office(found: list[Entry]) -> bool:
    """A document of several files: what is in it is no file of its own."""
    names = {one.name.lower() for one in found[:200]}
    return "[content_types].xml" in names or ("mimetype" in names and "meta-inf/manifest.xml" in names)


def has_macros(found: list[Entry]) -> bool:
    names = [one.name.lower() for one in found]
    return any(
        name.endswith("vbaproject.bin") or name.startswith(("xl/macrosheets/", "basic/script")) for name in names
    )
