"""SIGHUP, and SIGTERM to one worker: another one takes its place first; nobody is refused and no session is cut."""

import os
import signal
import socket
from collections.abc import Callable

import pytest

from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
OPEN = {"protection": {"overrides": {"example.com": "off"}}}


def hang_up(gate: Gate) -> None:
    assert gate.process is not None
    gate.process.send_signal(signal.SIGHUP)


def new_worker(gate: Gate, old: int) -> int:
    """The worker that took the place of the old one."""
    until(lambda: gate.log.count("worker ready") >= 2)
    (new,) = [pid for pid in gate.children("smtpd") if pid != old]
    return new


@pytest.mark.parametrize("how", ["SIGHUP", "SIGTERM to the worker"])
def test_sessions_of_the_old_worker_go_on_while_another_one_accepts(
    start: Callable[..., Gate], sink: Sink, how: str
) -> None:
    gate = start(OPEN)
    (old,) = gate.children("smtpd")
    with Talk(gate.port) as between_mails, Talk(gate.port) as within_a_mail:
        between_mails.say("EHLO peer.example.net")
        within_a_mail.envelope(ANN, [BO])
        within_a_mail.say("DATA")
        within_a_mail.send(message("Half a mail")[:40])
        if how == "SIGHUP":
            hang_up(gate)
            until(lambda: "event=reloaded" in gate.log)
        else:
            os.kill(old, signal.SIGTERM)
        new_worker(gate, old)
        assert deliver(gate.port, ANN, [BO], message("To the new one")).code == 250
        assert old in gate.children("smtpd")
        assert [one.code for one in between_mails.envelope(ANN, [BO])] == [250, 250]
        assert between_mails.data(message("To the old one")).code == 250
        within_a_mail.send(message("Half a mail")[40:] + b".\r\n")
        assert within_a_mail.answer().code == 250
        assert within_a_mail.say("QUIT").code == between_mails.say("QUIT").code == 221
    until(lambda: old not in gate.children("smtpd"))
    assert "a process ended" not in gate.log
    assert len(sink.mails) == 3


def test_a_connection_that_nobody_accepted_yet_is_left_to_the_new_worker(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start(OPEN)
    (old,) = gate.children("smtpd")
    os.kill(old, signal.SIGSTOP)
    try:
        with socket.create_connection(("127.0.0.1", gate.port), 60) as waiting:
            hang_up(gate)
            until(lambda: "event=reloaded" in gate.log)
            assert waiting.recv(100).startswith(b"220 ")
    finally:
        os.kill(old, signal.SIGCONT)
    until(lambda: old not in gate.children("smtpd"))


def test_a_worker_that_cannot_start_leaves_the_old_one_in_its_place(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    (old,) = gate.children("smtpd")
    key = gate.folder / "storage" / "verdict.key"
    key.rename(key.with_suffix(".away"))
    key.mkdir()
    hang_up(gate)
    until(lambda: "not reloaded" in gate.log)
    assert "the_old_goes_on=True" in gate.log
    for failed in (2, 3):  # somebody who tries again must not take the old one away either
        os.kill(old, signal.SIGTERM)
        until(lambda failed=failed: gate.log.count("a process did not start") == failed)  # type: ignore[misc]
        assert deliver(gate.port, ANN, [BO], message(f"Still here {failed}")).code == 250
    key.rmdir()
    key.with_suffix(".away").rename(key)
    hang_up(gate)
    until(lambda: "event=reloaded" in gate.log)
    until(lambda: old not in gate.children("smtpd"))
    assert deliver(gate.port, ANN, [BO], message("To the new one")).code == 250


def test_hanging_up_during_a_reload_makes_one_more(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    hang_up(gate)
    until(lambda: "event=reloading" in gate.log)
    for _ in range(3):
        hang_up(gate)
    until(lambda: gate.log.count("event=reloaded") == 2)
    assert gate.stop() == 0
    assert gate.log.count("event=reloading") == 2


def test_the_others_are_looked_after_while_an_old_worker_leaves(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    (old,) = gate.children("smtpd")
    with Talk(gate.port) as talk:
        talk.envelope(ANN, [BO])
        hang_up(gate)
        until(lambda: "event=reloaded" in gate.log)
        until(lambda: len(gate.children("sweep")) == 1)
        (sweep,) = gate.kill("sweep")
        until(lambda: [pid for pid in gate.children("sweep") if pid != sweep])
        assert old in gate.children("smtpd")
        assert gate.stop() == 0, "the old one is told to hurry, and its session may end its mail"


def test_what_sighup_cannot_change_is_named(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    gate.settings = {**OPEN, "smtp": {"workers": 2}}
    gate.configure()
    hang_up(gate)
    until(lambda: "a setting changed that takes a restart" in gate.log)
    until(lambda: "event=reloaded" in gate.log)
    assert len(gate.children("smtpd")) == 1
