"""What is in a mail, over the wire: weighed for strangers, files held whoever sends them, and decided without it."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.content.bombs import BOMBS
from tests.content.letters import with_file
from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import Answer, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
FRIEND = "127.0.9.1"  # an allowed network
FOLLOWED = 1.5  # seconds: workers look for changes once a second
ODD = (
    "From: P\u0430yPal <ann@elsewhere.example>\r\nFrom: Ann <ann@elsewhere.example>\r\nTo: bo@example.com\r\n"
    "Subject: V\u200biagra\r\nDate: Mon, 1 Mar 2010 12:00:00 +0000\r\n"
    "Content-Type: multipart/mixed\r\n\r\nHello\r\n"
).encode()


def told(gate: Gate, *answers: Answer) -> list[dict[str, Any]]:
    """The decisions behind these answers: `action`, `code`, the weights of the `reasons`, and the `content`."""
    rows: dict[str, dict[str, Any]] = {}

    def are_there() -> bool:  # a stranger's is on record when it was looked at, which comes after the answer
        rows.update({row["reply_id"]: row for row in gate.why(BO)})
        return all(answer.id in rows for answer in answers)

    until(are_there)
    return [
        {
            "action": row["action"],
            "code": row["code"],
            "reasons": {one["code"]: one["weight"] for one in row["facts"]["reasons"]},
            "content": row["facts"]["facts"].get("content"),
        }
        for row in (rows[answer.id] for answer in answers)
    ]


def reader_of(gate: Gate) -> int:
    """The process that looks at mail for the one worker."""
    (worker,) = gate.children("smtpd")

    def found() -> list[int]:
        pids = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
        return [int(pid) for pid in pids if b"evidence.reader" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    until(found)
    return found()[0]


class Clamd:
    """A scanner that knows one virus."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                with peer, peer.makefile("rb") as asked:
                    asked.read(len(b"zINSTREAM\0"))
                    mail = b""
                    while size := int.from_bytes(asked.read(4), "big"):
                        mail += asked.read(size)
                    peer.sendall(b"stream: Own.Test FOUND\0" if b"a virus" in mail else b"stream: OK\0")


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "clamd.ctl"
    made = Clamd(path)
    yield path
    made.socket.close()


def test_what_is_in_a_mail_decides(start: Callable[..., Gate], sink: Sink, clamd: Path) -> None:
    gate = start({"hold": {"reviewed": True}, "clamav": {"socket": str(clamd)}})
    gate.cli("known", "allow", f"{FRIEND}/32")
    rest(FOLLOWED)

    # An odd mail of a stranger waits like any other, and is held when it comes back.
    assert deliver(gate.port, ANN, [BO], ODD).code == 451
    rest(1.2)
    answers = [
        deliver(gate.port, ANN, [BO], ODD),
        deliver(gate.port, ANN, [BO], message("Words"), FRIEND),
        deliver(gate.port, ANN, [BO], with_file("letter.pdf", b"%PDF-1.7"), FRIEND),
        deliver(gate.port, ANN, [BO], with_file("setup.exe", b"x" * 200_000), FRIEND),
        deliver(gate.port, ANN, [BO], with_file("letter.txt", b"x").replace(b"See", b"a virus: see"), FRIEND),
    ]
    odd, words, letter, program, virus = told(gate, *answers)
    assert odd["action"] == "hold"
    assert {f"structure.{one}" for one in ("doubled", "letters", "date", "fields", "parts")} <= set(odd["reasons"])
    assert "structure.doubled +1.5: because" in gate.cli("queue", "why", answers[0].id)

    # Of an allowed sender it is let in unseen, unless there may be a file in it.
    assert (words["action"], words["content"]) == ("accept", None)
    assert letter["action"] == "accept"
    assert letter["content"] is not None
    assert (program["action"], program["reasons"]["attachment.program"]) == ("hold", 10)
    assert (virus["action"], virus["code"]) == ("hold", "attachment.virus")
    assert sink.subjects() == ["Words", "Hello"]


def test_a_mail_whose_reader_is_killed_is_decided_without_it(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"hold": {"reviewed": True}, "content": {"within": "20s"}, "greylist": {"wait": "1s"}})
    mail = message("In the middle")
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    rest(1.2)
    pid = reader_of(gate)
    os.kill(pid, signal.SIGSTOP)
    answers: list[Answer] = []
    sending = threading.Thread(target=lambda: answers.append(deliver(gate.port, ANN, [BO], mail)))
    sending.start()
    rest(1)
    assert answers == [], "its reader is still at it"
    os.kill(pid, signal.SIGKILL)
    sending.join(60)
    assert (answers[0].code, sink.subjects()) == (250, ["In the middle"]), "and the mail is not lost"
    (decided,) = told(gate, *answers)
    assert (decided["code"], decided["content"]) == ("greylist.passed", None)
    assert "nobody looked at a mail" in gate.log
    assert reader_of(gate) != pid


def test_bombs_are_answered_like_any_mail_and_others_do_not_notice(start: Callable[..., Gate], sink: Sink) -> None:
    """Those that are no mail at all (an endless line or header) are refused long before anybody looks into them."""
    gate = start({"hold": {"reviewed": True}})
    gate.cli("known", "allow", f"{FRIEND}/32")
    rest(FOLLOWED)
    wanted = ("levels_3000", "parts_with_nothing", "divs_100000", "brackets", "archives_wide", "text_of_two_alphabets")
    bombs = [BOMBS[name]() + b"\r\n" for name in wanted] * 3
    codes: list[int] = []
    flood = [
        threading.Thread(target=lambda one=one: codes.append(deliver(gate.port, ANN, [BO], one).code)) for one in bombs
    ]
    for one in flood:
        one.start()
    for number in range(20):
        assert deliver(gate.port, ANN, [BO], message(f"{number}"), FRIEND).code == 250
    for one in flood:
        one.join(120)
    assert len(codes) == len(bombs)
    assert set(codes) <= {451, 550}, "550: bytes that are no mail"
    assert "took too long" not in gate.log
