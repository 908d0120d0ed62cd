"""QR codes in pictures, where the extra `greygate[qr]` is installed: what they say."""

import struct
import zlib
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from typing import Any

MOST_PIXELS = 12_000_000  # of one picture: a photograph of a telephone
MOST_CODES = 5  # of one picture
SIDE = 1600  # pixels to which a larger picture is made smaller: a code that people can scan is still there
# What the readers of the formats raise for pictures that are none. Whatever else there is, is the mail's trouble alone.
BROKEN = (OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, struct.error, zlib.error)
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")


@cache
def is_installed() -> bool:
    return find_spec("zxingcpp") is not None and find_spec("PIL") is not None


def texts_in(octets: bytes) -> list[str]:
    """What the codes in a picture say; nothing where it is none, or nobody can tell. Never raises for what it is."""
    if not octets.startswith(PICTURES) or not is_installed():
        return []
    import zxingcpp  # here: who has no pictures to open need not load it

    picture = opened(octets)
    if picture is None:
        return []
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return [str(one.text) for one in found[:MOST_CODES]]


def opened(octets: bytes) -> Any:
    """The picture in shades of grey, no larger than needed; None for what cannot be read."""
    from PIL import Image

    try:
        picture = Image.open(BytesIO(octets), formats=("PNG", "JPEG", "GIF", "BMP", "WEBP"))
        if picture.width * picture.height > MOST_PIXELS:
            return None
        picture.draft("L", (SIDE, SIDE))
        grey = picture.convert("L")
        grey.thumbnail((SIDE, SIDE))
    except BROKEN:
        return None
    return grey
