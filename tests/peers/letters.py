"""Mails that mail servers have been known to change, and where in an arrived mail the sender's own bytes begin."""

import re

OURS = re.compile(
    rb"(?:X-Spam-Flag: YES\r\n)?"
    rb"Greygate-Verdict: v=1; [^\r\n]*;\r\n\th=[0-9a-f]{64};\r\n\ts=[0-9a-f]{64}\r\n"
    rb"Authentication-Results: gate\.example\.com;(?:\r\n\t[^\r\n]*)+\r\n"
    rb"Received: from [^\r\n]*\r\n\tby gate\.example\.com with [^\r\n;]*(?:\r\n\tfor <[^\r\n]*>)?;\r\n"
    rb"\t[A-Z][a-z][a-z], [^\r\n]*\r\n"
)


def split(arrived: bytes) -> tuple[bytes, bytes, bytes]:
    """What the backend put on top, our fields, and the sender's bytes. Our fields must be there exactly once."""
    found = list(OURS.finditer(arrived))
    assert len(found) == 1, f"our fields are there {len(found)} times: {arrived[:2000]!r}"
    return arrived[: found[0].start()], found[0][0], arrived[found[0].end() :]


def below(arrived: bytes) -> bytes:
    """The sender's bytes of a mail that arrived behind the gateway."""
    return split(arrived)[2]


def letter(body: bytes | None, *extra: bytes) -> bytes:
    """A mail with usual fields, `extra` ones, and a body; with None not even the empty line before it."""
    fields = (
        b"From: Ann <ann@elsewhere.example>",
        b"To: Bo <bo@example.com>",
        b"Subject: A letter",
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000",
        b"Message-ID: <letter@elsewhere.example>",
        *extra,
    )
    head = b"".join(field + b"\r\n" for field in fields)
    return head if body is None else head + b"\r\n" + body


def binary(lines: int = 200) -> bytes:
    """Every byte but NUL, CR and LF, in lines that begin with each of them once."""
    octets = bytes(set(range(1, 256)) - {10, 13})
    return b"".join(octets[n % 253 :] + octets[: n % 253] + b"\r\n" for n in range(lines))


HTML = b"<table><tr><td>" + b"cell</td><td>" * 4610 + b"</td></tr></table>"  # one line of about 60,000

LETTERS: dict[str, bytes] = {
    "plain": letter(b"Hello Bo.\r\n"),
    "eight bit": letter("Grüße, žluťoučký kůň, 日本語\r\n".encode(), b"Content-Type: text/plain; charset=utf-8"),
    "latin-1": letter("Grüße\r\n".encode("latin-1"), "Subject: Grüße".encode("latin-1")),
    "utf-8 header": letter(b"Hello\r\n", "X-Note: höflich, 日本".encode()),
    "binary": letter(binary(), b"Content-Type: application/octet-stream"),
    "a line of 998": letter(b"x" * 998 + b"\r\n"),
    "a line of 60,000": letter(HTML[:60000] + b"\r\nnext\r\n", b"Content-Type: text/html"),
    "many lines of 2,047 to 2,049": letter(b"".join(b"y" * n + b"\r\n" for n in (2047, 2048, 2049) * 20)),
    "a long field": letter(b"Hello\r\n", b"X-Long: " + b"z" * 5000),
    "a field of many folds": letter(b"Hello\r\n", b"References:" + b"\r\n\t<one-more@elsewhere.example>" * 800),
    "odd folds": letter(b"Hello\r\n", b"X-Odd:\r\n  \t two\r\n   three  ", b"X-Empty:", b"X-Blank: "),
    "a blank before the colon": letter(b"Hello\r\n", b"X-Space : before"),
    "upper and lower case": letter(b"Hello\r\n", b"CONTENT-type: TEXT/plain", b"mIME-version: 1.0"),
    "fields that some drop": letter(
        b"Hello\r\n", b"Bcc: bo@example.com", b"Content-Length: 3", b"Return-Path: <x@elsewhere.example>", b"Status: RO"
    ),
    "traces of others": letter(
        b"Hello\r\n",
        b"Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example; Tue, 14 Nov 2023 22:00:00 +0000",
        b"Authentication-Results: b.example; spf=pass",
        b"Delivered-To: somebody@else.example",
    ),
    "signed": letter(
        b"Hello  \r\n\r\n\r\n", b"DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.example;\r\n\tb=abc=\r\n  def"
    ),
    "lone dots": letter(b".\r\n..\r\n...\r\n.x\r\n. \r\n.\t.\r\n\r\n.\r\n"),
    "a dot first and last": letter(b".first\r\nmiddle\r\n.\r\n"),
    "trailing spaces": letter(b"one \r\ntwo\t\t\r\n   \r\n \r\n"),
    "trailing empty lines": letter(b"one\r\n" + b"\r\n" * 50),
    "leading empty lines": letter(b"\r\n\r\n\r\nlast\r\n"),
    "lines of From": letter(b"From here on\r\n>From there\r\nFrom ann@elsewhere.example Tue Nov 14\r\n"),
    "commands in the text": letter(b"QUIT\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n354 go\r\n"),
    "empty body": letter(b""),
    "one empty line": letter(b"\r\n"),
    "no body": letter(None),
    "mime": letter(
        b"This is MIME.\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"Gr\xc3\xbc\xc3\x9fe\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: inner\r\nBcc: x@elsewhere.example\r\n\r\ninner\r\n--b--\r\n",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="b"',
    ),
    "broken mime": letter(b"--b\r\nno header at all \xff\xfe\r\n", b'Content-Type: multipart/mixed; boundary="b"'),
    "large": letter((b"0123456789abcdef" * 4 + b"\r\n") * 30000),
}

# Postfix' cleanup(8) itself changes these, wherever they come from.
POSTFIX_CHANGES = {"a blank before the colon": (b"X-Space : before", b"X-Space: before")}
