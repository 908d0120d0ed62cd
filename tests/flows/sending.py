"""A gate that also takes the mail of our people, with a backend and a smarthost of its own beside it."""

import smtplib
import socket
import sqlite3
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gateway.submission.logins import hashed
from tests.gate import Gate, free_port, merged, running, until
from tests.sink import Sink
from tests.smtpd.house import certificate, client_tls
from tests.talk import message

BO, CY, ANN = "bo@example.com", "cy@example.com", "ann@elsewhere.example"
TRUSTED = "127.0.7.7"
PASSWORD = "correct horse battery"
Settings = dict[str, dict[str, Any]]


@cache
def stored() -> str:
    return hashed(PASSWORD)


@dataclass
class Office:
    """`port` is for STARTTLS, `port_tls` for TLS from the first byte."""

    gate: Gate
    sink: Sink
    smarthost: Sink
    port: int = field(default_factory=free_port)
    port_tls: int = field(default_factory=free_port)

    def client(self, user: str | None = "bo", password: str = PASSWORD, source: str = "127.0.0.1") -> smtplib.SMTP:
        """A mail program, logged in unless `user` is None."""
        client = smtplib.SMTP("127.0.0.1", self.port, "laptop.example.com", 60, (source, 0))
        client.starttls(context=insecure())
        if user is not None:
            client.login(user, password)
        return client

    def send(self, to: str | list[str] = ANN, sender: str = BO, user: str | None = "bo", **letter: Any) -> None:
        """One mail, as smtplib sends it; raises its errors."""
        source = "127.0.0.1" if user else TRUSTED
        with self.client(user, source=source) as client:
            client.sendmail(sender, to, message(sender=sender, to=ANN, **letter))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with sqlite3.connect(f"file:{self.gate.folder}/gate.db?mode=ro", uri=True) as conn:
            return conn.execute(query, values).fetchall()

    def known(self) -> list[tuple[Any, ...]]:
        """(recipient, sender, grade, domain) of what was earned by writing."""
        query = "SELECT recipient, sender, grade, value FROM memory WHERE earned = 'wrote' ORDER BY 1, 2, 4"
        return self.rows(query)

    def sent(self) -> int:
        return int(self.rows("SELECT COUNT(*) FROM outbound_message")[0][0])

    def after(self, count: int) -> list[tuple[Any, ...]]:
        """What is known once so many mails of ours are noted: notes are written a moment later."""
        until(lambda: self.sent() >= count)
        return self.known()


def insecure() -> ssl.SSLContext:
    return client_tls()


@contextmanager
def office(
    folder: Path,
    over: Settings | None = None,
    handed_over: Sequence[socket.socket] = (),
    ports: tuple[int, int, int] | None = None,
) -> Iterator[Office]:
    """`ports`: for mail that comes in, for STARTTLS, for TLS; free ones unless given."""
    sink, smarthost = Sink(), Sink()
    inbound, plain, encrypted = ports or (free_port(), free_port(), free_port())
    gate = Gate(folder, sink.url, port=inbound, handed_over=list(handed_over))
    made = Office(gate, sink, smarthost, plain, encrypted)
    users = {
        "bo": stored(),
        "cy": {"password": stored(), "senders": [CY]},
        "wide": {"password": stored(), "senders": ["example.com", "partner.example"]},
    }
    chosen: Settings = {
        "submission": {
            "listen": [f"127.0.0.1:{made.port}"],
            "listen_tls": [f"127.0.0.1:{made.port_tls}"],
            "smarthost": smarthost.url,
            "users": users,
            "trusted": ["127.0.7.0/24"],
            "form_accounts": ["form@example.com"],
        },
        **certificate(folder),
    }
    made.gate.settings = merged(chosen, over or {})
    try:
        with running(made.gate):
            until(lambda: made.gate.log.count("worker ready") >= 2)
            yield made
    finally:
        sink.close()
        smarthost.close()
    assert "Traceback" not in made.gate.log, made.gate.log[-3000:]
