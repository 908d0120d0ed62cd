"""What a worker and its readers of mail say to each other, over a socket that nobody else has.

A request is a number, how the mail comes (its bytes, or a path where they are), whether all that it shows is wanted
or only what it may share with others, the mail, and whose it is. An answer is the number and what was found, as JSON.
The first answer has the number 0: the reader is ready.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from gateway.model import ContentFacts
from gateway.policy import stored

REQUEST = struct.Struct(">Qc?II")
ANSWER = struct.Struct(">QI")
BYTES, PATH = b"b", b"p"
READY = 0


class NoOpinion(Exception):
    """The reader could not look at a mail; says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """A mail to look at: `data` is it, or the path of the file that it is in. `wants_all` False asks for less."""

    number: int
    kind: bytes
    wants_all: bool
    data: bytes
    accounts: tuple[str, ...]


def request(number: int, kind: bytes, data: bytes, accounts: Sequence[str], *, wants_all: bool = True) -> bytes:
    whose = json.dumps(accounts).encode()
    return b"".join((REQUEST.pack(number, kind, wants_all, len(data), len(whose)), data, whose))


def requested(there: IO[bytes]) -> Iterator[Request]:
    """What is asked, until nobody asks any more."""
    while len(head := there.read(REQUEST.size)) == REQUEST.size:
        number, kind, wants_all, size, names = REQUEST.unpack(head)
        data = there.read(size)
        yield Request(number, kind, wants_all, data, tuple(json.loads(there.read(names))))


def answer(number: int, told: dict[str, object]) -> bytes:
    data = json.dumps(told).encode()
    return ANSWER.pack(number, len(data)) + data


def found(facts: ContentFacts) -> dict[str, object]:
    """What was found, as it is told."""
    return {"found": stored.noun(ContentFacts).write(facts)}


def problem(data: bytes) -> str:
    """What a reader that is ready says about the model that it should use; "" where all is well."""
    return str(json.loads(data).get("problem", ""))


def facts(data: bytes) -> ContentFacts:
    """What a reader found. Raises NoOpinion."""
    told = json.loads(data)
    if "found" not in told:
        raise NoOpinion(str(told.get("failed", "")))
    facts = stored.noun(ContentFacts).read(told["found"])
    assert isinstance(facts, ContentFacts)
    return facts


class Answers:
    """Answers, cut from what comes out of the socket."""

    def __init__(self) -> None:
        self.held = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self.held += data
        while len(self.held) >= ANSWER.size:
            number, size = ANSWER.unpack_from(self.held)
            if len(self.held) < ANSWER.size + size:
                return
            told = bytes(self.held[ANSWER.size : ANSWER.size + size])
            del self.held[: ANSWER.size + size]
            yield number, told
