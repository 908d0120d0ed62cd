"""One supervisor, several processes: started, replaced, stopped; and each of them alone."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.gate import PROGRAM, Gate, catches, rest, until
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
OPEN = {"protection": {"overrides": {"example.com": "off"}}}


def test_a_process_that_dies_is_started_again(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    for name in ("smtpd", "courier", "sweep"):
        (old,) = gate.kill(name)
        until(lambda name=name, old=old: [pid for pid in gate.children(name) if pid != old])  # type: ignore[misc]
    assert deliver(gate.port, ANN, [BO], message()).code == 250


def test_sighup_takes_new_settings_and_refuses_nobody(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    with Talk(gate.port) as open_session:
        open_session.envelope(ANN, [])
        gate.settings = OPEN
        gate.configure()
        assert gate.process is not None
        gate.process.send_signal(signal.SIGHUP)
        until(lambda: gate.log.count("worker ready") == 2)
        until(lambda: "reloaded" in gate.log)
        assert deliver(gate.port, ANN, [BO], message("New settings")).code == 250


def test_settings_with_errors_do_not_stop_what_runs(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    gate.config.write_text(gate.config.read_text() + "\n[smtp2]\n")
    assert gate.process is not None
    gate.process.send_signal(signal.SIGHUP)
    until(lambda: "everything goes on as before" in gate.log)
    assert deliver(gate.port, ANN, [BO], message()).code == 250


def test_sigterm_lets_a_mail_in_progress_end(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    sink.slow = 1.5
    with Talk(gate.port) as talk:
        talk.envelope(ANN, [BO])
        talk.say("DATA")
        talk.send(message("Last one") + b".\r\n")
        rest(0.2)
        assert gate.process is not None
        gate.process.send_signal(signal.SIGTERM)
        assert talk.answer().code == 250
    assert gate.stop() == 0
    assert len(sink.mails) == 1


def test_without_its_supervisor_everything_ends_and_can_start_again(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    pids = gate.children()
    assert gate.process is not None
    gate.process.kill()
    gate.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    gate.start()
    assert deliver(gate.port, ANN, [BO], message()).code == 250


def test_each_process_runs_alone(start: Callable[..., Gate], sink: Sink, tmp_path: Path) -> None:
    gate = start(OPEN)
    gate.stop()
    with open(tmp_path / "alone.log", "wb") as log:
        alone = [
            subprocess.Popen([*PROGRAM, name, "--config", str(gate.config)], stdout=log, stderr=log)
            for name in ("smtpd", "courier", "sweep")
        ]
    try:
        until(lambda: "worker ready" in (tmp_path / "alone.log").read_text())
        until(lambda: all(catches(process.pid, signal.SIGTERM) for process in alone))
        assert deliver(gate.port, ANN, [BO], message()).code == 250
    finally:
        for process in alone:
            os.kill(process.pid, signal.SIGTERM)
        assert [process.wait(60) for process in alone] == [0, 0, 0]


def test_a_second_one_on_the_same_port_says_so(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    told = subprocess.run([*PROGRAM, "up", "--config", str(gate.config)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 1
    assert "cannot listen on 127.0.0.1" in told.stderr
    assert "Traceback" not in told.stderr
