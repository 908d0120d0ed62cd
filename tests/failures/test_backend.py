"""The backend is down, slow, rude or of two minds: its words reach the sender, and every mail arrives once."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.failures.books import hurry, queue, reason, state_of, until_empty
from tests.gate import Gate, free_port, rest
from tests.sink import Sink
from tests.talk import Answer, Talk, deliver, message

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
DI = "di@two.example"
OPEN: dict[str, dict[str, Any]] = {"protection": {"level": "off"}}


def send(gate: Gate, mail: bytes, *recipients: str) -> Answer:
    return deliver(gate.port, ANN, recipients or [BO], mail)


def first_then(first: bytes, usual: bytes) -> Callable[[str], bytes]:
    """One answer at the first time, another ever after."""
    answers = [first]
    return lambda argument: answers.pop() if answers else usual


# ---- down ----------------------------------------------------------------------------------------------------------


def test_a_mail_waits_at_its_sender_while_the_backend_is_down(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    mail = message("Is anybody there?")
    sink.close()
    down = send(gate, mail)
    assert (down.code, down.text[:5]) == (451, "4.4.1")
    assert reason(gate, down) == "backend.down"
    assert f'level=warning process=smtpd event="a backend failed" backend={sink.url} ' in gate.log
    back = Sink(port=sink.port)
    assert send(gate, mail).code == 250
    rest(0.5)
    assert [one.below() for one in back.mails] == [mail]
    back.close()


def test_a_patient_stranger_does_not_wait_anew_because_the_backend_was_down(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start()
    mail = message("Patient")
    assert send(gate, mail).code == 451
    rest(1.1)
    sink.close()
    assert send(gate, mail).text.startswith("4.4.1")
    assert state_of(gate, BO, "sender_held")["message"], "the copy is with its sender again"
    back = Sink(port=sink.port)
    assert send(gate, mail).code == 250
    assert [one.below() for one in back.mails] == [mail]
    assert queue(gate) == []
    back.close()


def test_what_greets_in_a_strange_way_is_no_backend(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    sink.close()
    before = gate.rss_kib()
    for banner in (b"SSH-2.0-OpenSSH_9.2", b"554 go away", b"", b"220 " + b"x" * 10_000_000):
        strange = Sink(port=sink.port, on={"CONNECT": banner})
        answer = send(gate, message())
        assert (answer.code, answer.text[:5]) == (451, "4.4.1"), banner[:20]
        assert "SSH" not in answer.text, "the other side's nonsense is not passed on"
        assert strange.connections, "it was asked at all"
        strange.close()
    assert gate.rss_kib() - before < 20_000


def test_words_between_starttls_and_tls_are_not_believed(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    sink.close()
    said: list[str] = []
    spy: dict[str, Any] = {"MAIL": lambda argument: said.append(argument) or b"250 ok"}
    liar = Sink(port=sink.port, extensions=("STARTTLS",), on={"STARTTLS": b"220 go on\r\n250 injected", **spy})
    answer = send(gate, message())
    assert (answer.code, answer.text[:5]) == (451, "4.4.1")
    assert (liar.mails, said) == ([], [])
    liar.close()


# ---- its words -----------------------------------------------------------------------------------------------------


def test_the_backends_words_reach_the_sender_with_our_id(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    for says, enhanced, code in ((452, "4.2.2", "backend.deferred"), (554, "5.7.9", "backend.refused")):
        for stage in ("MAIL", "RCPT", "DATA", "."):
            sink.on = {stage: f"{says} {enhanced} the postman is ill".encode()}
            answer = send(gate, message(f"{says} at {stage}"))
            assert (answer.code, answer.text.rpartition(" ")[0]) == (says, f"{enhanced} the postman is ill"), stage
            assert reason(gate, answer) == code, stage
    assert sink.mails == []
    sink.on = {}
    assert send(gate, message("Well again")).code == 250
    assert sink.subjects() == ["Well again"]


def test_a_backend_that_hangs_up_after_the_dot_has_confirmed_nothing(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    tried: list[str] = []
    sink.on = {".": lambda argument: tried.append(argument)}  # and closes without a word
    answer = send(gate, message())
    assert (answer.code, answer.text[:5]) == (451, "4.4.2")
    assert len(tried) == 1, "who may have the mail is not given it again behind the sender's back"
    sink.on = {}
    assert send(gate, message("Again")).code == 250
    assert sink.subjects() == ["Again"]


def test_a_mail_that_goes_in_circles_is_refused(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    hop = "Received: from a.example by b.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    looping = send(gate, message("Round", extra=hop * 50))
    assert (looping.code, looping.text[:5]) == (554, "5.4.6")
    assert reason(gate, looping) == "message.loop"
    assert send(gate, message("Far", extra=hop * 49)).code == 250
    assert sink.subjects() == ["Far"]


# ---- slow ----------------------------------------------------------------------------------------------------------


def test_a_strangers_mail_that_takes_too_long_is_delivered_once(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"smtp": {"reply_within": "1s"}})
    mail = message("Slow")
    assert send(gate, mail).code == 451
    rest(1.1)
    may_go = threading.Event()
    sink.on["."] = lambda argument: may_go.wait(60) and b"250 2.0.0 taken"
    late, during = send(gate, mail), send(gate, mail)
    assert (late.code, reason(gate, late)) == (451, "backend.slow")
    assert (during.code, reason(gate, during)) == (451, "retry.in_flight")
    may_go.set()
    sink.wait_for(1)
    rest(1)
    after = send(gate, mail)
    assert (after.code, reason(gate, after)) == (250, "retry.delivered")
    assert [one.below() for one in sink.mails] == [mail]
    assert queue(gate) == []


def test_what_took_too_long_and_was_then_refused_stays_with_its_sender(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({**OPEN, "smtp": {"reply_within": "1s"}})
    mail = message("Slow no")
    may_go = threading.Event()
    sink.on = {".": lambda argument: may_go.wait(60) and b"452 4.3.1 no room after all"}
    assert reason(gate, send(gate, mail)) == "backend.slow"
    may_go.set()
    rest(0.5)
    sink.on = {}
    assert send(gate, mail).code == 250
    assert [one.below() for one in sink.mails] == [mail]


# ---- of two minds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_whom_the_backend_does_not_take_at_once_is_ours(start: Callable[..., Gate], protocol: str) -> None:
    """After the dot by LMTP, at RCPT by SMTP. Later becomes once and later, never is shown as undeliverable."""
    sink = Sink(lmtp=protocol == "lmtp")
    about_cy = f"{'.' if sink.lmtp else 'RCPT'}:{CY}"
    gate = start(OPEN, backend=sink.url)
    later, never = message("Later"), message("Never")

    sink.on = {about_cy: first_then(b"450 4.2.1 mailbox busy", b"250 2.1.5 now yes")}
    assert send(gate, later, BO, CY).code == 250
    until_empty(gate)
    # By LMTP the sink has noted both recipients of the first one, whatever it said to each after the dot.
    assert [one.rcpts for one in sink.mails] == [[BO, CY] if sink.lmtp else [BO], [CY]]
    assert {one.below() for one in sink.mails} == {later}

    sink.on = {about_cy: first_then(b"550 5.1.1 no such mailbox", b"250 2.1.5 now yes")}
    assert send(gate, never, BO, CY).code == 250
    row = state_of(gate, CY, "undeliverable")
    assert "no such mailbox" in row["last_reply"]
    rest(1.2)
    assert len(sink.mails) == 3, "nobody tries again by himself"
    assert [one["state"] for one in json.loads(gate.cli("queue", "list", "--json"))] == ["undeliverable"]
    gate.cli("queue", "release", row["message"], "--once")
    assert (sink.wait_for(4)[3].rcpts, sink.mails[3].below()) == ([CY], never)
    sink.close()


def test_if_nobody_gets_it_and_one_might_the_sender_keeps_it(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    sink.on = {f"RCPT:{BO}": b"550 5.1.1 never", f"RCPT:{CY}": b"450 4.2.1 later"}
    answer = send(gate, message("For two"), BO, CY)
    assert (answer.code, answer.text[:5]) == (450, "4.2.1")
    assert queue(gate) == []


def test_of_two_backends_one_is_down(start: Callable[..., Gate], sink: Sink) -> None:
    port = free_port()
    route = [{"domains": ["two.example"], "url": f"smtp://127.0.0.1:{port}"}]
    gate = start({**OPEN, "domains": {"local": ["example.com", "two.example"]}}, routes=route)
    mail = message("To both houses")
    assert send(gate, mail, BO, DI).code == 250
    assert [one.rcpts for one in sink.wait_for(1)] == [[BO]]
    row = state_of(gate, DI, "releasing")
    assert "4.4.1" in row["last_reply"]
    alone = send(gate, message("To the second house"), DI)
    assert (alone.code, alone.text[:5]) == (451, "4.4.1"), "nobody got it, so its sender keeps it"
    second = Sink(port=port)
    rest(1.5)
    hurry(gate)
    second.wait_for(1)
    until_empty(gate)
    assert [(one.rcpts, one.below()) for one in second.mails] == [([DI], mail)]
    assert len(sink.mails) == 1
    assert queue(gate) == []
    second.close()


def test_of_two_recipients_with_a_slow_backend_each_gets_the_mail_once(start: Callable[..., Gate]) -> None:
    """Late and of two minds: who has it is not given it again by the retry."""
    sink, may_go = Sink(lmtp=True), threading.Event()
    sink.on = {
        f".:{BO}": lambda argument: may_go.wait(60) and b"250 2.0.0 taken",
        f".:{CY}": first_then(b"450 4.2.1 mailbox busy", b"250 2.1.5 now yes"),
    }
    gate = start({**OPEN, "smtp": {"reply_within": "1s"}}, backend=sink.url)
    mail = message("Slow, for two")
    assert reason(gate, send(gate, mail, BO, CY)) == "backend.slow"
    may_go.set()
    rest(0.5)
    assert send(gate, mail, BO, CY).code == 250
    assert [one.rcpts for one in sink.mails] == [[BO, CY], [CY]]
    sink.close()


def test_many_senders_are_answered_while_the_backend_is_slow(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"protection": {"overrides": {CY: "off"}}})
    may_go = threading.Event()
    sink.on["."] = lambda argument: may_go.wait(60) and b"250 2.0.0 taken"
    waiting = [threading.Thread(target=send, args=(gate, message(f"Slow {n}"), CY)) for n in range(15)]
    for one in waiting:
        one.start()
    rest(0.5)
    with Talk(gate.port) as talk:
        talk.envelope("eve@elsewhere.example", [BO])
        assert talk.data(message("A stranger's")).code == 451
    assert all(one.is_alive() for one in waiting), "she did not wait for them"
    may_go.set()
    for one in waiting:
        one.join()
    assert len(sink.mails) == 15


def test_a_backend_that_is_slow_at_the_end_has_as_long_as_the_settings_say(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start({**OPEN, "backend": {"final_timeout": "1s"}})
    sink.slow = 5
    late = send(gate, message("Take your time"))
    assert (late.code, reason(gate, late)) == (451, "backend.down")
