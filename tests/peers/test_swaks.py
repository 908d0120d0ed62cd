"""What `greygate up` prints is what a newcomer types: it has to work as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import need
from tests.gate import Gate, rest, running
from tests.peers.letters import below

BO = "bo@example.com"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate before Maildirs, started by its name, as `greygate init` suggests for a first look."""
    program = Path(sys.executable).parent / "greygate"
    need(program.exists(), "the greygate command (make setup)")
    folder = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.gate.PROGRAM", [str(program)])
        with running(Gate(folder, f"maildir://{folder}/mail")) as gate:
            yield gate
    assert "Traceback" not in gate.log, gate.log


def printed(gate: Gate, program: str) -> str:
    """The command line with that program that the greeting shows."""
    found = re.search(rf"^  (\S*{program} .*)$", gate.log, re.MULTILINE)
    assert found, gate.log
    return found[1]


def shell(line: str) -> tuple[int, str]:
    """What a shell makes of it, with the greygate of this Python in the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": path, "COLUMNS": "240", "NO_COLOR": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def arrived(gate: Gate, recipient: str = BO) -> list[bytes]:
    return [path.read_bytes() for path in (Path(gate.backend.removeprefix("maildir://")) / recipient / "new").glob("*")]


def test_the_printed_swaks_line_is_greylisted_shown_and_then_delivered(gate: Gate) -> None:
    need(shutil.which("swaks") is not None, "swaks (apt-get install swaks)")
    line = printed(gate, "swaks")
    status, talk = shell(line)
    assert "<** 451 4.7.0 Greylisted" in talk, talk
    assert status != 0
    assert arrived(gate) == []
    rest(1.2)
    status, told = shell(printed(gate, "greygate queue list"))
    assert (status, "ann@elsewhere.example" in told, BO in told) == (0, True, True), told
    status, talk = shell(line)
    assert (status, "<-  250 2.0.0" in talk) == (0, True), talk
    (mail,) = arrived(gate)
    assert mail.startswith(b"Return-Path: <ann@elsewhere.example>\r\n")
    assert b"This is a test mailing" in below(mail)


def test_pipelined_commands_and_a_lone_dot_of_swaks_go_through(gate: Gate) -> None:
    need(shutil.which("swaks") is not None, "swaks (apt-get install swaks)")
    line = f"swaks --server 127.0.0.1:{gate.port} --from ann@elsewhere.example --pipeline"
    line += " --to di@example.com,cy@example.com"
    line += " --header 'Message-Id: <second@elsewhere.example>' --h-Date 'Tue, 14 Nov 2023 22:13:20 +0000'"
    line += " --body 'lone\\n.\\ndot'"
    assert "<** 451 4.7.0 Greylisted" in shell(line)[1]
    rest(1.2)
    status, talk = shell(line)
    assert status == 0, talk
    assert [
        b"lone\r\n.\r\ndot" in below(mail) for mail in arrived(gate, "di@example.com") + arrived(gate, "cy@example.com")
    ] == [True] * 2


def test_the_printed_try_line_tells_the_whole_story(gate: Gate) -> None:
    status, told = shell(printed(gate, "greygate try"))
    assert status == 0, told
    assert "451 4.7.0 Greylisted" in told
    assert "Delivered: it was patient." in told
    (mail,) = arrived(gate, "someone@example.com")
    assert b"the stranger was patient" in below(mail)
