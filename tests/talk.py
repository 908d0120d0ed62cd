"""SMTP as a peer speaks it, byte by byte: nothing between the test and the socket."""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

REPLY_WITHIN = 60.0


@dataclass(frozen=True)
class Answer:
    code: int
    text: str

    @property
    def id(self) -> str:
        """The id in brackets at the end of our 4xx and 5xx."""
        found = re.search(r"\[([0-9a-z]{13})\]", self.text)
        assert found, f"no id in {self.text!r}"
        return found[1]

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Closed(Exception):
    """The other side closed."""


@dataclass
class Talk:
    """One connection. `source` binds the address to come from, such as 127.0.1.5."""

    port: int
    source: str = "127.0.0.1"
    timeout: float = REPLY_WITHIN
    held: bytes = b""
    sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), self.timeout, (self.source, 0))
        self.sock.settimeout(self.timeout)

    def __enter__(self) -> "Talk":
        self.greeting = self.answer()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self) -> Answer:
        """The next whole reply. Raises Closed."""
        lines = []
        while True:
            while b"\n" not in self.held:
                try:
                    more = self.sock.recv(65536)
                except ConnectionError as error:
                    raise Closed from error
                if not more:
                    raise Closed
                self.held += more
            line, _, self.held = self.held.partition(b"\n")
            text = line.decode("utf-8", "replace").rstrip("\r")
            lines.append(text[4:])
            if text[3:4] != "-":
                return Answer(int(text[:3]), "\n".join(lines))

    def say(self, line: str | bytes) -> Answer:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.answer()

    def starttls(self) -> Answer:
        answer = self.say("STARTTLS")
        if answer.code == 220:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
        return answer

    def envelope(self, sender: str, recipients: Sequence[str], hello: str = "peer.example.net") -> list[Answer]:
        """EHLO, MAIL and RCPTs; all answers but EHLO's."""
        self.say(f"EHLO {hello}")
        return [self.say(f"MAIL FROM:<{sender}>"), *(self.say(f"RCPT TO:<{one}>") for one in recipients)]

    def data(self, message: bytes) -> Answer:
        """DATA with dot-stuffing and the final dot."""
        go = self.say("DATA")
        if go.code != 354:
            return go
        stuffed = re.sub(rb"^\.", b"..", message, flags=re.MULTILINE)
        self.send(stuffed + b".\r\n")
        return self.answer()


def message(
    subject: str = "Hello",
    *,
    sender: str = "ann@elsewhere.example",
    to: str = "bo@example.com",
    number: str | None = None,
    body: str = "A few words.\r\n",
    date: str | None = None,
    extra: str = "",
) -> bytes:
    """A mail with the four fields that make it one of a kind; `number` makes its Message-ID."""
    number = number or f"{time.time_ns()}"
    fields = (
        f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
        f"Date: {date or formatdate(1700000000)}\r\nMessage-ID: <{number}@elsewhere.example>\r\n{extra}"
    )
    return (fields + "\r\n" + body).encode()


def deliver(
    port: int,
    sender: str,
    recipients: Sequence[str],
    mail: bytes,
    source: str = "127.0.0.1",
) -> Answer:
    """One mail in one connection: the answer that decided (a RCPT's when no recipient was taken)."""
    with Talk(port, source) as talk:
        answers = talk.envelope(sender, recipients)
        if not any(answer.code == 250 for answer in answers[1:]):
            return answers[-1]
        return talk.data(mail)
