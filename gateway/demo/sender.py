"""The world's side: SMTP as mail servers and bots speak it, with every reply noted as it was said."""

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.demo.company import Letter, Party

REPLY_WITHIN = 30.0  # seconds
DOT = "the mail itself"  # stands for the data and the final dot in a transcript


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: its code, and its first line as it was said."""

    code: int
    line: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300


@dataclass(slots=True)
class Attempt:
    """One connection of a party. Times are monotonic seconds. `replies` pairs what was said with the answer."""

    party: Party
    letter: Letter
    recipients: tuple[str, ...]
    began: float
    greeted_after: float = 0.0
    replies: list[tuple[str, Answer]] = field(default_factory=list)
    at_rcpt: dict[str, Answer] = field(default_factory=dict)
    at_end: Answer | None = None
    hung_up: bool = False  # the gate closed before we said QUIT
    at_once: bool = False  # all of it was said before anything was heard

    @property
    def answers(self) -> dict[str, Answer]:
        """What it came to for each recipient that got an answer."""
        final = {to: answer for to, answer in self.at_rcpt.items() if not answer.is_positive or self.at_end is None}
        if self.at_end is not None:
            final |= {to: self.at_end for to, answer in self.at_rcpt.items() if answer.is_positive}
        return final

    @property
    def decided(self) -> int:
        """How many decisions about recipients these answers stand for."""
        return sum(1 for answer in self.at_rcpt.values() if self.at_end is not None or not answer.is_positive)


class HungUp(Exception):
    """The other side closed the connection."""


class Line:
    """A connection to the gate that claims, as a load balancer may, to come from a party's address (PROXY v1)."""

    def __init__(self, port: int, party: Party, first: bytes = b"") -> None:
        """`first` follows the header in the same packet."""
        family, here = ("TCP6", "2001:db8::1") if ":" in party.address else ("TCP4", "192.0.2.1")
        self.socket = socket.create_connection(("127.0.0.1", port), REPLY_WITHIN)
        self.held = b""
        self.write(f"PROXY {family} {party.address} {here} 40000 25\r\n".encode() + first)

    def write(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except ConnectionError as error:
            raise HungUp from error

    def answer(self) -> Answer:
        """The next whole reply. Raises HungUp, or TimeoutError."""
        first = ""
        while True:
            while b"\n" not in self.held:
                try:
                    more = self.socket.recv(65536)
                except ConnectionError as error:
                    raise HungUp from error
                if not more:
                    raise HungUp
                self.held += more
            raw, _, self.held = self.held.partition(b"\n")
            line = raw.decode("utf-8", "replace").rstrip("\r")
            first = first or line
            if line[3:4] != "-":
                return Answer(int(line[:3]), first)

    def say(self, command: str) -> Answer:
        self.write(f"{command}\r\n".encode())
        return self.answer()

    def close(self) -> None:
        self.socket.close()


def stuffed(data: bytes) -> bytes:
    """The data as they go over the wire (RFC 5321 4.5.2), with the final dot."""
    return re.sub(rb"^\.", b"..", data, flags=re.MULTILINE) + b".\r\n"


def send(port: int, party: Party, letter: Letter, recipients: Sequence[str]) -> Attempt:
    """Try to deliver a mail to these recipients, as a mail server does."""
    attempt = Attempt(party, letter, tuple(recipients), time.monotonic())
    line = Line(port, party)
    try:
        converse(line, attempt)
    except HungUp:
        attempt.hung_up = True
    finally:
        line.close()
    return attempt


def converse(line: Line, attempt: Attempt) -> None:
    def say(command: str) -> Answer:
        answer = line.say(command)
        attempt.replies.append((command, answer))
        return answer

    greeting = line.answer()
    attempt.greeted_after = time.monotonic() - attempt.began
    attempt.replies.append(("", greeting))
    if not greeting.is_positive or not say(f"EHLO {attempt.party.helo}").is_positive:
        return
    if say(f"MAIL FROM:<{attempt.letter.sender}>").is_positive:
        for recipient in attempt.recipients:
            attempt.at_rcpt[recipient] = say(f"RCPT TO:<{recipient}>")
        if any(answer.is_positive for answer in attempt.at_rcpt.values()) and line.say("DATA").code == 354:
            line.write(stuffed(attempt.letter.data))
            attempt.at_end = line.answer()
            attempt.replies.append((DOT, attempt.at_end))
    line.say("QUIT")


def babble(port: int, party: Party, letter: Letter) -> Attempt:
    """Say everything at once and listen afterwards, as some spam programs do."""
    attempt = Attempt(party, letter, letter.recipients, time.monotonic(), at_once=True)
    spoken = [f"EHLO {party.helo}", f"MAIL FROM:<{letter.sender}>"]
    spoken += [f"RCPT TO:<{one}>" for one in letter.recipients]
    everything = "".join(f"{one}\r\n" for one in (*spoken, "DATA")).encode() + stuffed(letter.data)
    line = Line(port, party, everything)
    try:
        overhear(line, attempt, ["", *spoken, "DATA", DOT])
    except HungUp:
        attempt.hung_up = True
    finally:
        line.close()
    return attempt


def overhear(line: Line, attempt: Attempt, spoken: Sequence[str]) -> None:
    """Match the replies with what was said, as long as there are any."""
    for said in spoken:
        answer = line.answer()
        if not said:
            attempt.greeted_after = time.monotonic() - attempt.began
        if said.startswith("RCPT"):
            attempt.at_rcpt[said.partition("<")[2].rstrip(">")] = answer
        if said == DOT:
            attempt.at_end = answer
        if answer.code != 354:
            attempt.replies.append((said, answer))
        if answer.code == 421 or (said in ("", "DATA") and answer.code >= 400):
            return
    line.say("QUIT")
