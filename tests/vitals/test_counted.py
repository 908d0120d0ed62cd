"""Which processes run and how many ended, as real processes leave it behind; and what is asked in the background."""

import subprocess
import sys
import threading
from pathlib import Path

from gateway import metrics
from gateway.vitals.asked import Asked

COUNT = """
import sys
from pathlib import Path
from gateway import metrics
metrics.begin(Path(sys.argv[1]), sys.argv[2])
metrics.late(0.1)
print("there", flush=True)
sys.stdin.read()
"""


def process(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", COUNT, str(folder), name]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert made.stdout is not None
    assert made.stdout.readline() == b"there\n"
    return made


def test_what_ended_is_known_by_its_name_until_the_next_start(tmp_path: Path) -> None:
    running = [process(tmp_path, name) for name in ("smtpd", "smtpd", "courier")]
    assert metrics.ended(tmp_path) == {}
    for one in running[1:]:
        one.kill()
        one.communicate()
    assert metrics.ended(tmp_path) == {"smtpd": 1, "courier": 1}
    running[0].communicate()
    assert metrics.ended(tmp_path) == {"smtpd": 2, "courier": 1}
    metrics.forget(tmp_path)
    assert metrics.ended(tmp_path) == {}


def test_many_who_ask_at_once_ask_once_and_nobody_waits_for_longer_than_they_want_to() -> None:
    may_answer, times = threading.Event(), []

    def ask() -> str:
        times.append(1)
        may_answer.wait(60)
        return "answer"

    asked = Asked(ask, every=60.0)
    found: list[str | None] = []
    people = [threading.Thread(target=lambda: found.append(asked.answer(0.01))) for _ in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert found == [None] * 8
    may_answer.set()
    assert asked.answer(60.0) == "answer"
    assert asked.answer(60.0) == "answer"
    assert len(times) == 1
