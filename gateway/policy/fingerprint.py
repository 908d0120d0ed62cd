"""What tells one mail from another, read from its data as it streams by (RFC 5322 2.2, RFC 6376 3.4.4, RFC 8601)."""

import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.model import Fingerprint, MessageFacts
from gateway.policy import author

Field = tuple[str, bytes]

MAX_HEAD = 256 * 1024  # bytes of header block that are parsed
MAX_AUTHOR = 320  # characters
MAX_SUBJECT = 200
MAX_LIST_ID = 255
MAX_ADDRESSED = 100  # addresses in To and Cc that are read
MAX_MESSAGE_ID = 998  # an RFC 5322 line; a longer one is no identifier

# Hops add these, or add them anew: a retry that comes through another of the sender's servers, or that a forwarder
# authenticates again, differs in them and is still the same mail.
_TRACE = frozenset({"return-path", "received", "x-received", "delivered-to", "received-spf", "authentication-results"})
_TRACE_PREFIX = "arc-"
_TELLING = ("from", "subject", "date", "message-id")
_LOOKED_INTO = frozenset({*_TELLING, "to", "cc", "list-id"})

_BOUNDARY = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_SPACE = re.compile(rb"[ \t\r\n]+")
_COMMENT_TOKEN = re.compile(r"\\.|[()]|[^()\\]+|\\")
_AUTHSERV_ID = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"(]+))')
_ENCODED_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?)")
# Only these are looked up: Python remembers every codec name that it was ever asked for, known or not.
_CHARSET = re.compile(
    r"utf-?8|(us-)?ascii|iso-8859-\d{1,2}|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis"
    r"|iso-2022-jp|euc-jp|euc-kr|ks_c_5601-1987",
    re.IGNORECASE,
)
_MAX_DECODED = 4096  # characters of a field that are looked at for display


def split_fields(head: bytes) -> list[Field]:
    """The fields of a header block: lower-case name and raw bytes with folds and CRLF, up to the empty line.

    A line that is neither field nor fold (an mbox "From " line too) has the name "".
    """
    fields: list[Field] = []
    start = 0
    while start < len(head) and not head.startswith(b"\r\n", start):
        boundary = _BOUNDARY.search(head, start)
        end = boundary.end() if boundary else len(head)
        raw = head[start:end]
        fields.append((_raw_name(raw).lower(), raw))
        start = end
    return fields


class _Head:
    """Collects the header block with its empty line; all later bytes are body."""

    def __init__(self, limit: int) -> None:
        self.complete = False
        self.truncated = False
        self._limit = limit
        self._collected = bytearray(b"\r\n")  # so that an empty line at the very start is found like any other

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The header block at the moment when it is complete, else b""; and what follows it."""
        if self.complete:
            return b"", data
        searched = max(0, len(self._collected) - 3)
        self._collected += data
        end = self._collected.find(b"\r\n\r\n", searched) + 4
        self.truncated = len(self._collected) - 2 > self._limit and not 4 <= end <= self._limit + 2
        if self.truncated:
            end = self._limit + 2
            end -= self._collected[end - 1] == ord("\r")  # a newline is not torn apart
        return self._close(end) if end >= 4 else (b"", b"")

    def finish(self) -> bytes:
        """The header block of a message that has no empty line."""
        return b"" if self.complete else self._close(len(self._collected))[0]

    def _close(self, end: int) -> tuple[bytes, bytes]:
        head, body = bytes(self._collected[2:end]), bytes(self._collected[end:])
        self.complete, self._collected = True, bytearray()
        return head, body


class _RelaxedBody:
    """SHA-256 of a body in DKIM's relaxed form. Takes CRLF data, cut anywhere.

    What is held back is white space at the end of the data so far, and of it only the number of newlines, whether
    anything else followed the last one, and a CR: neither an endless line nor endless empty lines accumulate.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._newlines = 0
        self._tail = b""
        self._empty = True

    def feed(self, data: bytes) -> None:
        text = self._tail + data
        core = text.rstrip(b" \t\r\n")
        if core:
            self._write_newlines()
            self._digest.update(_relaxed(core))
            self._empty = False
        self._hold(text[len(core) :])

    def hexdigest(self) -> str:
        whole = self._digest.copy()
        whole.update(b"" if self._empty else b"\r\n")
        return whole.hexdigest()

    def _hold(self, white: bytes) -> None:
        self._newlines += white.count(b"\r\n")
        last = white.rpartition(b"\r\n")[2]
        self._tail = (b" " if last.strip(b"\r\n") else b"") + (b"\r" if last.endswith(b"\r") else b"")

    def _write_newlines(self) -> None:
        blocks, single = divmod(self._newlines, 1024)
        for _ in range(blocks):
            self._digest.update(b"\r\n" * 1024)
        self._digest.update(b"\r\n" * single)
        self._newlines = 0


def _relaxed(text: bytes) -> bytes:
    """Runs of white space as one space, and none before a newline (RFC 6376 3.4.4 a)."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:  # each round halves the runs
        text = text.replace(b"  ", b" ")
    return text.replace(b" \r\n", b"\r\n")


class Fingerprinter:
    """Reads facts off a message as it streams by; holds the header block, never the body.

    `head_too_big`: no end of the header within `max_head` bytes. What follows counts as body, nothing in it is
    recognised, and the fingerprint can match no other strongly; the message should be refused.
    """

    def __init__(self, authserv_id: str, verdict_field: str, *, max_head: int = MAX_HEAD) -> None:
        self._ours = _OurName(authserv_id.lower(), verdict_field.lower())
        self._head = _Head(max_head)
        self._fields: list[Field] = []
        self._values: dict[str, list[bytes]] = {}  # of the fields that are looked into
        self._whole = hashlib.sha256()
        self._body = _RelaxedBody()
        self._size = 0

    @property
    def head_too_big(self) -> bool:
        return self._head.truncated

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        head, body = self._head.feed(data)
        self._read_head(head)
        self._whole.update(body)
        self._body.feed(body)

    def finish(self) -> MessageFacts:
        self._read_head(self._head.finish())
        is_signed = any(name == "dkim-signature" or name.startswith(_TRACE_PREFIX) for name, _ in self._fields)
        return MessageFacts(
            fingerprint=self._fingerprint(),
            size=self._size,
            author=_display(self._first("from"), MAX_AUTHOR),
            authors=author.addresses(self._texts("from"), author.MOST),
            list_id=_display(self._first("list-id"), MAX_LIST_ID),
            is_signed=is_signed,
            addressed=self._addressed() if is_signed else (),
            subject=_display(self._first("subject"), MAX_SUBJECT),
            received_count=sum(name == "received" for name, _ in self._fields),
            forged_fields=self._ours.forged_names(self._fields),
        )

    def _addressed(self) -> tuple[str, ...]:
        return author.addresses([*self._texts("to"), *self._texts("cc")], MAX_ADDRESSED)

    def received_fields(self) -> tuple[str, ...]:
        """The values of the Received fields, unfolded, the topmost first; all of them once the mail has ended."""
        return tuple(_value(raw).decode("latin-1") for name, raw in self._fields if name == "received")

    def _read_head(self, head: bytes) -> None:
        if not head:
            return
        self._fields = split_fields(head)
        for name, raw in self._fields:
            if name in _LOOKED_INTO:
                self._values.setdefault(name, []).append(_value(raw))
        self._whole.update(b"".join(raw for name, raw in self._fields if not _is_trace(name)))
        self._whole.update(head[sum(len(raw) for _, raw in self._fields) :])

    def _fingerprint(self) -> Fingerprint:
        telling = {name: self._only(name) for name in _TELLING}
        message_id = telling["message-id"].decode("utf-8", "backslashreplace")
        return Fingerprint(
            whole=self._whole.hexdigest(),
            body=self._body.hexdigest(),
            headers=_headers_digest(telling) if all(telling.values()) else None,
            message_id=message_id if 0 < len(message_id) <= MAX_MESSAGE_ID else None,
        )

    def _texts(self, name: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in self._values.get(name, ())]

    def _first(self, name: str) -> bytes:
        return next(iter(self._values.get(name, ())), b"")

    def _only(self, name: str) -> bytes:
        """The value of a field that is there exactly once, else b""."""
        values = self._values.get(name, ())
        return values[0] if len(values) == 1 and not self.head_too_big else b""


class FieldRemover:
    """Passes a message on without the fields that forge our name, every other byte as it came.

    `removed` holds their raw names. Of a head that is too big (see Fingerprinter) only the beginning is cleaned.
    """

    def __init__(self, authserv_id: str, verdict_field: str, *, max_head: int = MAX_HEAD) -> None:
        self.removed: tuple[str, ...] = ()
        self._ours = _OurName(authserv_id.lower(), verdict_field.lower())
        self._head = _Head(max_head)

    def feed(self, data: bytes) -> bytes:
        head, body = self._head.feed(data)
        return self._cleaned(head) + body

    def finish(self) -> bytes:
        """What was still held back."""
        return self._cleaned(self._head.finish())

    def _cleaned(self, head: bytes) -> bytes:
        fields = split_fields(head)
        self.removed += self._ours.forged_names(fields)
        rest = head[sum(len(raw) for _, raw in fields) :]
        return b"".join(raw for name, raw in fields if not self._ours.is_forged_by(name, raw)) + rest


@dataclass(frozen=True, slots=True)
class _OurName:
    """What only we may write; both in lower case."""

    authserv_id: str
    verdict_field: str

    def is_forged_by(self, name: str, raw: bytes) -> bool:
        return name == self.verdict_field or (
            name == "authentication-results" and _authserv_id(_value(raw)) == self.authserv_id
        )

    def forged_names(self, fields: Iterable[Field]) -> tuple[str, ...]:
        """As the sender wrote them, each spelling once."""
        return tuple(dict.fromkeys(_raw_name(raw) for name, raw in fields if self.is_forged_by(name, raw)))


def _is_trace(name: str) -> bool:
    return name in _TRACE or name.startswith(_TRACE_PREFIX)


def _raw_name(raw: bytes) -> str:
    found = _NAME.match(raw)
    return found[1].decode("ascii") if found else ""


def _value(raw: bytes) -> bytes:
    """What follows the colon, unfolded, every run of white space as one space."""
    return _SPACE.sub(b" ", raw.partition(b":")[2]).strip(b" ")


def _headers_digest(telling: Mapping[str, bytes]) -> str:
    # Values hold no newline any more, so no two sets of them are written alike.
    return hashlib.sha256(b"".join(telling[name] + b"\n" for name in _TELLING)).hexdigest()


def _authserv_id(value: bytes) -> str:
    """The lower-case authserv-id of an Authentication-Results value (RFC 8601 2.2)."""
    text = value.decode("latin-1")
    found = _AUTHSERV_ID.match(text, _after_comments(text))
    if not found:
        return ""
    return (found[2] or re.sub(r"\\(.)", r"\1", found[1] or "")).lower()


def _after_comments(text: str) -> int:
    """Where the first word begins that is not in a comment (RFC 5322 3.2.2)."""
    depth = 0
    for token in _COMMENT_TOKEN.finditer(text):
        if depth == 0 and token[0] != "(" and token[0].strip():
            return token.start()
        depth += {"(": 1, ")": -1}.get(token[0], 0)
    return len(text)


def _display(value: bytes, limit: int) -> str:
    """A field for people to read: encoded words decoded as far as possible (RFC 2047), nothing invisible in it."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    joined = _BETWEEN_WORDS.sub(r"\1", text[:_MAX_DECODED])
    decoded = _ENCODED_WORD.sub(_decoded_word, joined)
    return "".join(filter(str.isprintable, decoded)).strip()[:limit]


def _decoded_word(word: re.Match[str]) -> str:
    charset, encoding, content = word[1], word[2].lower(), word[3].encode()
    if not _CHARSET.fullmatch(charset):
        return word[0]
    try:
        octets = binascii.a2b_base64(content + b"==") if encoding == "b" else binascii.a2b_qp(content, header=True)
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):
        return word[0]
