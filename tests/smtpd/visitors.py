"""Peers from anywhere: a believed load balancer tells the gate where they come from."""

import contextlib
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from tests.gate import Gate, merged
from tests.smtpd.house import PROXY, House, Houses, Settings
from tests.talk import Answer, Talk, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
# Nobody answers there: what the world's DNS says of addresses for documentation is not to decide anything here.
BEHIND_PROXY: Settings = {
    "smtp": {"proxy_from": [PROXY]},
    "dns": {"servers": ["127.0.0.1:9"], "timeout": "50ms", "within": "100ms"},
}


def watched(houses: Houses, settings: Settings, *, tls: bool = False) -> House:
    """A house whose strangers come through the load balancer."""
    return houses.get(merged(BEHIND_PROXY, settings), tls=tls)


def visit(port: int, address: str, more: bytes = b"", timeout: float = 60.0) -> Talk:
    """A connection from that address; its greeting is not read yet."""
    talk = Talk(port, PROXY, timeout)
    family, ours = ("TCP6", "2001:db8:ffff::1") if ":" in address else ("TCP4", "198.51.100.1")
    talk.send(f"PROXY {family} {address} {ours} 4321 25\r\n".encode() + more)
    return talk


@contextlib.contextmanager
def greeted(port: int, address: str) -> Iterator[Talk]:
    with closing(visit(port, address)) as talk:
        assert talk.answer().code == 220
        yield talk


def mail(port: int, address: str, sender: str = ANN, to: str = BO, data: bytes | None = None) -> Answer:
    """One mail from there: the answer that decided."""
    with greeted(port, address) as talk:
        *_, answer = talk.envelope(sender, [to])
        return talk.data(data or message()) if answer.code == 250 else answer


def has_heard_nothing(talk: Talk) -> bool:
    looks = select.poll()  # select() knows a thousand files and no more
    looks.register(talk.sock, select.POLLIN)
    return not talk.held and not looks.poll(0)


def eventually(holds: Any, within: float = 60.0) -> bool:
    """True as soon as it holds; workers follow changes within about a second."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return bool(holds())


def record(gate: Gate, network: str) -> dict[str, str]:
    """What the database knows of a network; moments that never came are left out."""
    with closing(sqlite3.connect(gate.folder / "gate.db", timeout=60)) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM network WHERE network = ?", (network,))]
    return {name: value for row in rows for name, value in row.items() if not str(value).startswith("1970")}
