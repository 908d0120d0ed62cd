"""What a signature is about: fields and body in DKIM's canonical forms (RFC 6376 3.4), each byte looked at once.

dkimpy has these too, but needs time that grows with the square of a run of white space, and the message several times
in memory. Here a body streams by, whatever it is, and all the forms that are wanted are digested in one pass.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gateway.policy.fingerprint import MAX_HEAD, Field

NEWLINES = b"\r\n" * 512


@dataclass(frozen=True, slots=True)
class BodyForm:
    """One way to digest a body. `length` is that of l= in octets of the canonical form; None: all of it."""

    relaxed: bool
    algorithm: str  # as hashlib calls it
    length: int | None = None


RELAXED_SHA256 = BodyForm(relaxed=True, algorithm="sha256")  # what nearly everybody uses


def opened(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The header block of a message with its empty line, and its body. One that is too big to be read is b""."""
    rest = iter(chunks)
    head = b"\r\n"  # so that an empty line at the very start is found like any other
    for chunk in rest:
        searched = max(0, len(head) - 3)
        head += chunk
        end = head.find(b"\r\n\r\n", searched) + 4
        if end >= 4:
            return (head[2:end], followed(head[end:], rest)) if end <= MAX_HEAD + 2 else (b"", rest)
        if len(head) > MAX_HEAD + 2:
            return b"", rest
    return head[2:], iter(())


def followed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def digested(body: Iterable[bytes], forms: Collection[BodyForm]) -> dict[BodyForm, bytes]:
    """The digests of a body. Takes CRLF data, cut anywhere."""
    streams = [stream for relaxed in (False, True) if (stream := CanonicalBody(relaxed, forms)).digests]
    if streams:
        for chunk in body:
            for stream in streams:
                stream.feed(chunk)
    return {form: digest for stream in streams for form, digest in stream.finish().items()}


class CanonicalBody:
    """A body in its simple or relaxed form, digested as it comes.

    What is held back is what may have to go: newlines at the end so far, of which only the number is kept, and at most
    a space and a CR.
    """

    def __init__(self, relaxed: bool, forms: Iterable[BodyForm]) -> None:
        self.relaxed = relaxed
        self.digests = {form: hashlib.new(form.algorithm) for form in forms if form.relaxed == relaxed}
        self.written = 0
        self.newlines = 0
        self.held = b""

    def feed(self, data: bytes) -> None:
        text = self.held + data
        if self.relaxed:
            text = relaxed(text)
        kept = len(text.rstrip(b"\r"))
        if self.relaxed and text[kept - 1 : kept] == b" ":
            kept -= 1
        kept = max(kept, len(text) - 2)
        self.held = text[kept:]
        core, newlines = without_last_newlines(text[:kept])
        if core:
            self.write_newlines()
            self.write(core)
        self.newlines += newlines

    def finish(self) -> dict[BodyForm, bytes]:
        last = self.held.rstrip(b" ") if self.relaxed else self.held
        if last:
            self.write_newlines()
            self.write(last)
        if self.written or not self.relaxed:
            self.write(b"\r\n")
        return {form: digest.digest() for form, digest in self.digests.items()}

    def write_newlines(self) -> None:
        blocks, single = divmod(self.newlines, 512)
        for _ in range(blocks):
            self.write(NEWLINES)
        self.write(b"\r\n" * single)
        self.newlines = 0

    def write(self, data: bytes) -> None:
        for form, digest in self.digests.items():
            left = len(data) if form.length is None else max(0, form.length - self.written)
            digest.update(data[:left])
        self.written += len(data)


def relaxed(text: bytes) -> bytes:
    """Runs of white space as one space, and none before a newline (RFC 6376 3.4.4 a)."""
    return one_space(text).replace(b" \r\n", b"\r\n")


def one_space(text: bytes) -> bytes:
    """Runs of white space as one space."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:  # each round halves the runs
        text = text.replace(b"  ", b" ")
    return text


def without_last_newlines(text: bytes) -> tuple[bytes, int]:
    """The text without the newlines at its end, and how many these were."""
    end = len(text)
    while text.endswith(NEWLINES, 0, end):
        end -= len(NEWLINES)
    while text.endswith(b"\r\n", 0, end):
        end -= 2
    return text[:end], (len(text) - end) // 2


def canonical_field(raw: bytes, *, is_relaxed: bool) -> bytes:
    """A header field with its newline (RFC 6376 3.4.1, 3.4.2)."""
    if not is_relaxed:
        return raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    name, _, value = raw.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + one_space(value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def signed_fields(fields: Iterable[Field], names: Iterable[str]) -> Iterator[bytes]:
    """The raw fields that h= names: each name takes the lowest of its fields that is left (RFC 6376 5.4.2)."""
    left: dict[str, list[bytes]] = {}
    for name, raw in fields:
        left.setdefault(name, []).append(raw)
    for name in names:
        if left.get(name):
            yield left[name].pop()


def unsigned_form(raw: bytes) -> bytes:
    """A signature field with nothing behind its b= (RFC 6376 3.5)."""
    name, colon, value = raw.partition(b":")
    tags = [tag.partition(b"=") for tag in value.split(b";")]
    blank = [key + equals + (b"" if key.strip() == b"b" else content) for key, equals, content in tags]
    return name + colon + b";".join(blank)
