"""Bytes as text, whatever they claim to be. Nothing here raises for what others wrote."""

import binascii
import re
from collections.abc import Iterator

# Python remembers every codec name that it was ever asked for: only these are looked up.
KNOWN = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-(?:[1-9]|1[013-6])|(?:windows-|cp)125[0-8]|koi8-[ru]|macintosh|cp437|cp85[02]"
    r"|gb2312|gbk|gb18030|big5|shift_jis|euc-jp|iso-2022-jp|euc-kr|ks_c_5601-1987"
)
UTF8 = "utf-8"

ENCODED = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?([^?]*)\?=")
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NOT_BASE64 = bytes(set(range(256)) - set(BASE64))


def is_known(charset: str) -> bool:
    return KNOWN.fullmatch(charset) is not None


def text_of(octets: bytes, charset: str = UTF8) -> str:
    """By the charset that was named if it fits, else UTF-8, else each byte as a letter."""
    for name in (charset if is_known(charset) else UTF8, UTF8):
        try:
            return octets.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return octets.decode("latin-1")


def from_base64(octets: bytes) -> bytes:
    """What can be decoded; a broken end is left out."""
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        letters = octets.translate(None, NOT_BASE64)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def from_quoted(octets: bytes, *, header: bool = False) -> bytes:
    return binascii.a2b_qp(octets, header=header)


# ---- encoded words of RFC 2047 -------------------------------------------------------------------------------------


def words_decoded(value: str) -> str:
    """A field's value with its encoded words decoded; those that stand side by side are one."""
    return "".join(pieces(value)) if "=?" in value else value


def pieces(value: str) -> Iterator[str]:
    held, charset, place = b"", UTF8, 0
    for found in ENCODED.finditer(value):
        between = value[place : found.start()]
        named = found[1].lower()
        if (between and not between.isspace()) or named != charset:
            yield text_of(held, charset)
            held = b""
            yield "" if place and (not between or between.isspace()) else between
        held += unpacked(found[2], found[3])
        charset, place = named, found.end()
    yield text_of(held, charset)
    yield value[place:]


def unpacked(kind: str, payload: str) -> bytes:
    octets = payload.encode("utf-8", "replace")
    return from_base64(octets) if kind in "bB" else from_quoted(octets, header=True)
