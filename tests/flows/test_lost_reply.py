"""Our 250 does not arrive: the backend has the mail, the peer sends it again, and it is delivered once."""

import socket
import struct
from collections.abc import Callable
from threading import Event

from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
OPEN = {"protection": {"overrides": {"example.com": "off"}}}


def send_and_vanish(gate: Gate, sink: Sink, mail: bytes) -> None:
    """Send all of a mail and reset the connection before the answer: the backend has it, and says so afterwards."""
    came, has_left = Event(), Event()

    def take(argument: str) -> bytes:
        came.set()
        has_left.wait(60)
        return b"250 2.0.0 taken"

    sink.on["."] = take
    with Talk(gate.port) as talk:
        talk.envelope(ANN, [BO])
        assert talk.say("DATA").code == 354
        talk.send(mail + b".\r\n")
        assert came.wait(60)
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rest(0.3)
    has_left.set()
    sink.wait_for(1)
    del sink.on["."]
    rest(0.5)


def test_a_retry_after_a_lost_250_is_recognised(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    mail = message("Did it arrive?")
    send_and_vanish(gate, sink, mail)
    assert len(sink.mails) == 1
    retry = deliver(gate.port, ANN, [BO], mail)
    assert (retry.code, gate.why(retry.id)[0]["code"]) == (250, "retry.delivered")
    assert len(sink.mails) == 1


def test_mail_that_looks_alike_is_delivered_again_instead(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    mail = b"From: <ann@elsewhere.example>\r\nSubject: alarm\r\n\r\nalarm\r\n"
    send_and_vanish(gate, sink, mail)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert len(sink.wait_for(2)) == 2


def test_a_confirmed_250_leaves_no_tombstone(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OPEN)
    mail = message("Twice on purpose")
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    rest(0.5)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert len(sink.mails) == 2


def test_what_takes_longer_than_the_peer_may_wait_is_delivered_once(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({**OPEN, "smtp": {"reply_within": "1s"}})
    may_go = Event()
    sink.on["."] = lambda argument: may_go.wait(60) and b"250 2.0.0 taken"
    mail = message("Slow")
    late = deliver(gate.port, ANN, [BO], mail)
    during = deliver(gate.port, ANN, [BO], mail)
    assert (late.code, gate.why(late.id)[0]["code"]) == (451, "backend.slow")
    assert (during.code, gate.why(during.id)[0]["code"]) == (451, "retry.in_flight")
    may_go.set()
    sink.wait_for(1)
    rest(1)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert len(sink.mails) == 1
