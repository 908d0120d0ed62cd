"""greygate demo, as somebody runs it who has just heard of Greygate."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from gateway.cli import demo as command
from gateway.demo import play
from gateway.demo.backend import Backend
from gateway.demo.screen import Screen

DEMO = [sys.executable, "-m", "gateway", "demo", "--fast"]
TOTALS = "sent 12, accepted 8, delivered 8, deferred 2, refused 2, lost 0, doubled 0"


def environment(folder: Path) -> dict[str, str]:
    """Its temporary folders go there; no terminal, whatever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "COLUMNS")}
    return {**clean, "TMPDIR": str(folder), "PYTHONUTF8": "1"}


def processes_in(folder: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def as_at_a_prompt() -> None:
    """Whoever runs the tests in the background of a shell ignores SIGINT, and so would what they start (POSIX 2.11)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(300)
def test_the_day_is_told_and_every_mail_is_accounted_for(tmp_path):
    done = subprocess.run(DEMO, env=environment(tmp_path), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert TOTALS in done.stdout.splitlines()
    assert "UNEXPECTED" not in done.stdout
    assert "\x1b" not in done.stdout
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    for told in ("list.allowed", "greylist.new", "greylist.passed", "recipient.unknown", "level.review_before"):
        assert f"({told})" in re.sub(r"\s+", " ", done.stdout)
    assert len(re.findall(r"\(retry\.delivered\)", done.stdout)) == 1
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing_behind(tmp_path, number):
    process = subprocess.Popen(
        DEMO, env=environment(tmp_path), stdout=subprocess.PIPE, text=True, preexec_fn=as_at_a_prompt
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("08:05"):
            break
    assert processes_in(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == command.STOPPED
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 60
    while processes_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(tmp_path) == []


@pytest.mark.timeout(300)
def test_a_backend_that_refuses_everything_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = io.StringIO()
    screen = Screen(Console(file=told, width=80), 0.0)
    refusing = Backend("554 5.3.0 The cellar is under water")
    with command.stage(screen, command.FAST_MINUTE, timedelta(milliseconds=100), False, refusing) as day:
        assert not play.play(day)
    assert "The cellar is under water" in told.getvalue()
    assert told.getvalue().count("UNEXPECTED") >= 6
    assert "delivered 0" in told.getvalue()
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_read_where_the_terminal_has_only_ascii():
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80)
    screen = Screen(console, 0.0)
    screen.title("08:05  A friend of the house")
    screen.says("He says “later” …")
    screen.command(("queue", "list"), "one · two → three")
    screen.bars([("A mail with a subject that is much too long for its column", "ines", 3.0, "3 min")])
    console.file.flush()
    told = raw.getvalue().decode("ascii")
    assert 'He says "later"' in told
    assert "one - two > three" in told
    assert "#####" in told
