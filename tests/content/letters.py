"""Mails and archives, made as tests need them."""

import base64
import io
import zipfile
from collections.abc import Mapping

HEAD = (
    b"From: Ann <ann@elsewhere.example>\r\nTo: bo@example.com\r\nSubject: Hello\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <1@elsewhere.example>\r\n"
)
BOUNDARY = b"==cut=="


def plain(text: str = "Hello.\r\n", head: bytes = HEAD) -> bytes:
    return head + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()


def page(html: str) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()


def with_file(name: str, octets: bytes, kind: str = "application/octet-stream") -> bytes:
    """A mail with one file."""
    attached = (
        f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return multipart(b"Content-Type: text/plain\r\n\r\nSee the file.", attached)


def multipart(*parts: bytes, kind: str = "mixed") -> bytes:
    head = HEAD + f'MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="'.encode() + BOUNDARY + b'"\r\n\r\n'
    return head + b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"


DATED = (2026, 3, 1, 12, 0, 0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            # of a fixed time: pytest names tests after such bytes, and every process has to find the same names
            archive.writestr(zipfile.ZipInfo(name, DATED), octets, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def locked(files: Mapping[str, bytes]) -> bytes:
    """The same, as if it needed a password: the flag is all that anybody reads."""
    made = bytearray(zipped(files))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        found = made.find(mark)
        while found >= 0:
            made[found + place] |= 1
            found = made.find(mark, found + 1)
    return bytes(made)
