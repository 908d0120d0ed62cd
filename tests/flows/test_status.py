"""greygate status before a real gate: what runs, what does not, and a live view that ends well."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gate import PROGRAM, Gate, free_port
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO, BOSS = "ann@elsewhere.example", "bo@example.com", "boss@example.com"
SETTINGS = {"smtp": {"workers": 2}, "protection": {"overrides": {BOSS: "review-before"}}}


def ran(gate: Gate, *words: str) -> tuple[int, str]:
    """Exit status and output of greygate status."""
    done = subprocess.run(
        [*PROGRAM, "status", *words, "--config", str(gate.config)], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def status(gate: Gate, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The JSON, once something is true of it."""
    deadline = time.monotonic() + 60
    while True:
        code, out = ran(gate, "--json")
        found: dict[str, Any] = json.loads(out)
        assert code == (0 if found["running"] else 1)
        if true(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def test_everything_is_told(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(SETTINGS)
    deliver(gate.port, ANN, [BO], message("Waits"))
    deliver(gate.port, ANN, [BOSS], message("Held"))
    gate.cli("bypass", "1h")

    def is_all_there(found: dict[str, Any]) -> bool:
        counted = found["sessions"]["open"] == 1 and sum(found["decisions"].values()) == 2
        kept = (found["queue"]["held"], found["queue"]["sender_held"]) == (1, 1)
        return counted and kept and all(one["answers"] for one in found["backends"])

    with Talk(gate.port):
        found = status(gate, lambda found: is_all_there(found))
    assert (found["running"], found["mode"], list(found["switches"])) == (True, "enforce", ["bypass"])
    assert sorted(one["process"] for one in found["processes"]) == ["courier", "pupil", "smtpd", "smtpd", "sweep"]
    assert all(one["resident_bytes"] > 0 for one in found["processes"])
    assert (found["sessions"], found["decisions"]) == ({"open": 1, "total": 3, "tarpitted": 0}, {"defer": 1, "hold": 1})
    assert found["reasons"] == {"greylist.new": 1, "level.review_before": 1}
    assert sum(found["decisions_per_minute"]["defer"]) == 1
    assert len(found["decisions_per_minute"]["hold"]) == 60
    assert (found["queue"]["held"], found["queue"]["sender_held"]) == (1, 1)
    assert found["queue_oldest_seconds"]["held"] > 0
    assert [(one["url"], one["answers"]) for one in found["backends"]] == [(sink.url, True)]
    assert found["database"]["trouble"] is None
    assert found["disk_free_bytes"] > 0
    assert [one for one in found["troubles"] if "name server" not in one] == []
    code, told = ran(gate, "--once")
    assert code == 0
    for part in (
        "in force",
        "bypass until",
        "2 smtpd, 1 courier, 1 pupil, 1 sweep",
        "1 held (oldest",
        "answered",
        sink.url,
    ):
        assert part in told
    assert max(map(len, told.splitlines())) <= 120


def test_a_gate_that_does_not_run_is_told(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    assert ran(gate, "--once")[0] == 0
    gate.stop()
    code, told = ran(gate, "--once")
    assert code == 1
    assert "no SMTP worker runs on this machine: greygate up" in told
    found = json.loads(ran(gate, "--json")[1])
    assert found["processes"] == []
    assert found["troubles"][0].startswith("No SMTP worker runs on this machine")


def test_what_was_killed_does_not_count_as_running(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    gate.stop(signal.SIGKILL)
    deadline = time.monotonic() + 60  # the others see by their channel that their parent is gone
    while ran(gate, "--once")[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ran(gate, "--once")[0] == 1


def test_a_database_and_a_backend_that_are_away_are_told_and_the_rest_is_there(start: Callable[..., Gate]) -> None:
    gate = start(backend=f"smtp://127.0.0.1:{free_port()}")
    Path(gate.folder / "gate.db").rename(gate.folder / "away.db")
    code, told = ran(gate, "--once")
    assert code == 0
    assert "greygate db upgrade" in told, "it is not there, or made anew and empty"
    assert "cannot be reached" in told
    assert "things need you" in told
    assert "1 smtpd, 1 courier, 1 pupil, 1 sweep" in told
    assert "Connect call failed" not in told, "nothing is written beside the view"
    Path(gate.folder / "away.db").rename(gate.folder / "gate.db")


@pytest.mark.parametrize("size", [(24, 80), (40, 120)], ids=["80x24", "120x40"])
def test_the_live_view_fits_its_terminal_and_ends_well(start: Callable[..., Gate], size: tuple[int, int]) -> None:
    gate = start(backend=f"smtp://127.0.0.1:{free_port()}")
    lines, columns = size
    mine, theirs = pty.openpty()
    command = [*PROGRAM, "status", "--every", "300ms", "--config", str(gate.config)]
    environment = {**os.environ, "LINES": str(lines), "COLUMNS": str(columns), "TERM": "xterm-256color"}
    live = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    while seen.count(b"in force") < 2 and time.monotonic() < deadline:
        if select.select([mine], [], [], 1)[0]:
            seen += os.read(mine, 65536)
    live.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # reading as long as it writes: a terminal that is full would hold it up
        if select.select([mine], [], [], 0.2)[0]:
            try:
                seen += os.read(mine, 65536)
            except OSError:
                break
        elif live.poll() is not None:
            break
    assert live.wait(60) == 0
    assert seen.count(b"in force") >= 2, "it looked again"
    assert b"Traceback" not in seen
    assert b"courier" in seen
    assert b"\x1b[?1049l" in seen, "the terminal is as before"
