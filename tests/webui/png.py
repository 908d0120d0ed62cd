"""Pictures of pages with few colours, which is a third of their bytes: text needs no more."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

Pixels = np.ndarray[Any, Any]
MAGIC = b"\x89PNG\r\n\x1a\n"
COLOURS = 48


def shrink(path: Path) -> None:
    """Write a browser's picture (8 bits a channel, not interlaced) anew with a palette."""
    pixels = decoded(path.read_bytes())
    packed = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    colours, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    kept = np.argsort(-counts)[:COLOURS]
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], 1).astype(np.int32)
    far = ((channels[:, None, :] - channels[kept][None, :, :]) ** 2).sum(2)
    path.write_bytes(encoded(far.argmin(1)[place].reshape(packed.shape).astype(np.uint8), channels[kept]))


def chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    place = len(MAGIC)
    while place < len(data):
        size, kind = struct.unpack_from(">L4s", data, place)
        found[kind] = found.get(kind, b"") + data[place + 8 : place + 8 + size]
        place += size + 12
    return found


def decoded(data: bytes) -> Pixels:
    """Rows of pixels of red, green, blue."""
    found = chunks(data)
    width, height, depth, kind, *_ = struct.unpack(">LLBBBBB", found[b"IHDR"])
    size = {2: 3, 6: 4}[kind]
    assert depth == 8
    raw = zlib.decompress(found[b"IDAT"])
    long = 1 + width * size
    above, rows = bytearray(long - 1 + size), []
    for number in range(height):
        line = raw[number * long : (number + 1) * long]
        above = unfiltered(line[0], line[1:], above, size)
        rows.append(above[size:])
    return np.frombuffer(b"".join(rows), np.uint8).reshape(height, width, size)[:, :, :3]


def unfiltered(kind: int, line: bytes, above: bytearray, size: int) -> bytearray:
    """A row with a pixel of nothing before it (PNG 9.2)."""
    row = bytearray(size)
    for place, value in enumerate(line):
        left, up, corner = row[place], above[place + size], above[place]
        if kind == 4:
            guess = left + up - corner
            a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
            before = left if a <= b and a <= c else up if b <= c else corner
        else:
            before = (0, left, up, (left + up) >> 1)[kind]
        row.append((value + before) & 255)
    return row


def encoded(places: Pixels, palette: Pixels) -> bytes:
    height, width = places.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = places
    head = struct.pack(">LLBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
    )
    return MAGIC + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        for kind, data in (*parts, (b"IEND", b""))
    )
