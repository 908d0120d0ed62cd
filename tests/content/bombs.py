"""Mails that are made to cost whoever reads them: each by code, none of it kept. Sizes are such that all are quick."""

import base64
import random
import struct
from collections.abc import Callable

from tests.content.letters import HEAD, multipart, page, plain, with_file, zipped

K, M = 1000, 1_000_000
BOMBS: dict[str, Callable[[], bytes]] = {}


def bomb(make: Callable[[], bytes]) -> Callable[[], bytes]:
    BOMBS[make.__name__] = make
    return make


def several(**made: Callable[[], bytes]) -> None:
    BOMBS.update(made)


def nested(levels: int, *, ends: bool = True) -> bytes:
    inner = b"Content-Type: text/plain\r\n\r\nx"
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level) for level in range(levels)
    )
    closed = b"".join(b"\r\n--%d--" % level for level in range(levels - 1, -1, -1)) if ends else b""
    return HEAD + opened + inner + closed


def bounded(body: bytes, boundary: bytes = b"b") -> bytes:
    return HEAD + b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n' + body


def field(name: bytes, value: bytes) -> bytes:
    return HEAD + name + b": " + value + b"\r\n\r\nHello"


# ---- parts ---------------------------------------------------------------------------------------------------------

several(
    levels_500=lambda: nested(500),
    levels_3000=lambda: nested(3000),
    levels_20000=lambda: nested(20_000),
    levels_never_closed=lambda: nested(5000, ends=False),
    parts_100000=lambda: bounded(b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n"),
    parts_with_nothing=lambda: bounded(b"--b\r\n" * 300_000),
    parts_of_one_line=lambda: bounded(b"--b\n" * 300_000),
    lines_of_dashes=lambda: bounded(b"--c\r\n" * 400_000),
    dashes_alone=lambda: bounded(b"-" * 2 * M),
    boundary_of_nothing=lambda: bounded(b"--\r\n" * 200_000, b""),
    boundary_almost=lambda: bounded((b"--" + b"b" * 199 + b"c\r\n") * 20_000, b"b" * 200),
    boundary_within_boundary=lambda: (
        HEAD
        + b"".join(
            b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n' % (b"b" * (n + 1), b"b" * (n + 1))
            for n in range(60)
        )
        + b"".join(b"--" + b"b" * (n % 70) + b"\r\n\r\n" for n in range(50_000))
    ),
    one_boundary_for_all=lambda: HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' * 20_000,
    mails_in_mails=lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 20_000 + b"Subject: x\r\n\r\ny",
    mails_in_packed_mails=lambda: packed_mails(12),
)


def packed_mails(levels: int) -> bytes:
    octets = plain()
    for _ in range(levels):
        octets = (
            HEAD
            + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(octets)
        )
    return octets


# ---- fields --------------------------------------------------------------------------------------------------------

several(
    recipients_10000=lambda: field(b"To", b", ".join(b"Ann %d <a%d@b.example>" % (n, n) for n in range(10_000))),
    recipients_folded=lambda: field(b"To", b",\r\n ".join(b"a%d@b.example" % n for n in range(50_000))),
    comments_in_comments=lambda: field(b"To", b"(" * 900),
    comments_100000=lambda: field(b"To", b"(" * 100_000 + b")" * 100_000),
    quotes_never_closed=lambda: field(b"Content-Type", b'text/plain; name="' + b"\\" * 200_000),
    parameters_50000=lambda: field(b"Content-Type", b"text/plain" + b";a=b" * 50_000),
    parameters_numbered=lambda: field(
        b"Content-Type", b"text/plain" + b"".join(b";\r\n name*%d=x" % n for n in range(5000))
    ),
    parameters_backwards=lambda: field(
        b"Content-Disposition", b"attachment" + b"".join(b"; filename*%d*=%%41" % n for n in range(9999, 0, -1))
    ),
    semicolons=lambda: field(b"Content-Type", b";" * 500_000),
    words_20000=lambda: field(b"X-Words", b" ".join([b"=?utf-8?q?=41?="] * 20_000)),
    words_never_closed=lambda: field(b"X-Words", b"=?" * 200_000),
    words_of_odd_charsets=lambda: field(b"X-Words", b" ".join(b"=?x%d?b?QQ?=" % n for n in range(20_000))),
    subject_of_a_megabyte=lambda: field(b"X-Subject", b"x" * M),
    subject_that_turns=lambda: field(b"Subject", "\u202e".encode() * 30_000),
    header_without_end=lambda: b"X: " + b"y" * 5 * M,
    fields_300000=lambda: b"a: b\r\n" * 300_000 + b"\r\nHello",
    folds_300000=lambda: b"Subject: x\r\n" + b" y\r\n" * 300_000 + b"\r\nHello",
    received_20000=lambda: b"Received: from a by b; Sun, 1 Mar 2026 12:00:00 +0000\r\n" * 20_000 + HEAD + b"\r\nHello",
    date_of_blanks=lambda: field(b"X-Date", b" " * M).replace(b"X-Date", b"Date"),
    date_of_digits=lambda: b"Date: " + b"9" * 90_000 + b"\r\n\r\nHello",
    colons=lambda: b":" * M,
)

# ---- encodings -----------------------------------------------------------------------------------------------------


def encoded(encoding: bytes, body: bytes, kind: bytes = b"text/plain") -> bytes:
    return HEAD + b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


several(
    base64_of_10_megabytes=lambda: encoded(b"base64", base64.encodebytes(bytes(10 * M)), b"application/x"),
    base64_and_junk=lambda: encoded(b"base64", b"QUJD!*(" * 400_000),
    base64_that_ends_early=lambda: encoded(b"base64", b"A" * (2 * M + 1)),
    base64_of_padding=lambda: encoded(b"base64", b"=" * 2 * M),
    quoted_soft_ends=lambda: encoded(b"quoted-printable", b"=\r\n" * 700_000),
    quoted_blanks=lambda: encoded(b"quoted-printable", b" " * 2 * M),
    quoted_equals=lambda: encoded(b"quoted-printable", b"=" * 2 * M),
    line_without_end=lambda: HEAD + b"\r\n" + b"x" * 8 * M,
    lines_of_nothing=lambda: HEAD + b"\r\n" * 3 * M,
    zeros=lambda: HEAD + b"\r\n" + bytes(8 * M),
    random_bytes=lambda: random.Random(5).randbytes(M),
    charset_that_switches=lambda: encoded(b"8bit", b"\x1b$B\x1b(B" * 200_000, b"text/plain; charset=iso-2022-jp"),
    charset_of_pairs=lambda: encoded(b"8bit", b"\x81\x30\x81\x30" * 400_000, b"text/plain; charset=gb18030"),
)

# ---- text and HTML -------------------------------------------------------------------------------------------------

several(
    text_of_no_width=lambda: plain("a\u200b" * 500_000),
    text_of_two_alphabets=lambda: plain("a\u0430" * 500_000),
    text_that_begins_files=lambda: plain("begin 644 x\r\n" * 100_000),
    divs_100000=lambda: page("<div>" * 100_000),
    divs_that_hide=lambda: page('<div style="display:none">' * 50_000 + "x" + "</div>" * 50_000),
    attributes_50000=lambda: page("<a " + " ".join(f"a{n}=1" for n in range(50_000)) + ">x"),
    attribute_of_a_megabyte=lambda: page('<a style="' + "color:" * 160_000 + '">x'),
    tags_never_closed=lambda: page("<a" * 300_000),
    brackets=lambda: page("<" * M),
    comments_never_closed=lambda: page("<!--" * 250_000),
    scripts_never_closed=lambda: page("<script>" * 100_000),
    styles_and_scripts=lambda: page("<style><script>" * 60_000),
    entities=lambda: page("&#x41;&amp;&lt" * 70_000),
    entity_of_a_megabyte=lambda: page("&#" + "9" * M + ";"),
    ampersands=lambda: page("&" * M),
    tables=lambda: page("<table><tr><td>" * 60_000),
)

# ---- files ---------------------------------------------------------------------------------------------------------


def archives_in_archives(levels: int, width: int) -> bytes:
    octets = zipped({"zeros": bytes(100 * K)})
    for _ in range(levels):
        octets = zipped({f"{n}.zip": octets for n in range(width)})
    return octets


@bomb
def archive_of_one_thing_a_thousand_times() -> bytes:
    """All entries of the directory lead to the same bytes."""
    octets = zipped({"a.docx": zipped({"[Content_Types].xml": bytes(6 * M)})})
    place, end = octets.find(b"PK\x01\x02"), octets.rfind(b"PK\x05\x06")
    directory = octets[place:end] * 1000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, len(directory), place, 0)
    return with_file("a.zip", octets[:place] + directory + tail)


several(
    archive_of_zeros=lambda: with_file("a.zip", zipped({"zeros": bytes(30 * M)})),
    archive_of_65000_names=lambda: with_file("a.zip", b"PK\x03\x04" + zipped({"x": b""})[4:] + names(65_000)),
    archives_deep=lambda: with_file("a.zip", archives_in_archives(30, 1)),
    archives_wide=lambda: with_file("a.zip", archives_in_archives(2, 40)),
    documents_of_zeros=lambda: with_file("a.zip", zipped({f"{n}.docx": bytes(M) for n in range(40)})),
    archive_without_directory=lambda: with_file("a.zip", b"PK\x03\x04" + bytes(26) + b"PK\x03\x04" * 300_000),
    archive_of_directories=lambda: with_file("a.zip", b"PK\x01\x02" * 300_000 + zipped({"x": b""})),
    document_of_the_old_kind=lambda: with_file(
        "a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"_\0V\0B\0A\0" * 500_000
    ),
    files_5000=lambda: multipart(
        *[b'Content-Disposition: attachment; filename="%d.exe"\r\n\r\nMZ' % n for n in range(5000)]
    ),
    name_of_a_megabyte=lambda: with_file("." * M + "exe", b"x"),
)


def names(count: int) -> bytes:
    """A directory of so many names, with its end."""
    made = zipped({"x.exe": b""})
    one = made[made.find(b"PK\x01\x02") : made.rfind(b"PK\x05\x06")]
    return one * count + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(one) * count, 0, 0)
