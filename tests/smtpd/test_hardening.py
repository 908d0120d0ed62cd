"""Peers that want to wear us out, confuse us or hear our secrets: each finding stays found."""

import contextlib
import select
import shutil
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate import Gate, rest, running
from tests.smtpd.house import (
    GREY,
    LONGEST_REPLY,
    OPEN,
    PROXY,
    House,
    Witness,
    all_answers,
    is_closed,
    push,
    well_formed,
)
from tests.talk import Closed, Talk, deliver, message

ANN, BO = "ann@elsewhere.example", f"bo@{OPEN}"
MIB = 1024 * 1024
GROWTH = 20 * 1024  # KiB that an attack may cost


@contextlib.contextmanager
def bounded_memory(house: House) -> Iterator[None]:
    """The worker's memory at its highest, from here on, stays near what it was."""
    deliver(house.port, ANN, [BO], message("warm up"))
    (pid,) = house.gate.children("smtpd")
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = in_status(pid, "VmRSS")
    yield
    grown = in_status(pid, "VmHWM") - before
    assert grown <= GROWTH, f"{grown} KiB"
    assert house.gate.children("smtpd") == [pid]


def in_status(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def in_data(house: House, source: str = "127.0.0.1", sender: str = ANN) -> Talk:
    """A connection that has read the 354."""
    talk = house.talk(source)
    talk.answer()
    talk.envelope(sender, [BO])
    assert talk.say("DATA").code == 354
    return talk


def reset(talk: Talk) -> None:
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


# ---- B, C: much data -----------------------------------------------------------------------------------------------


def test_a_line_without_end_costs_no_memory(house: House) -> None:
    with bounded_memory(house), contextlib.closing(in_data(house)) as talk:
        for _ in range(64):
            talk.send(b"x" * MIB)
        talk.send(b"\r\n.\r\n")
        answer = talk.answer()
    assert answer.code in (550, 552)
    assert house.sink.subjects() == ["warm up"]


def test_millions_of_empty_lines_cost_no_memory(hasty: House) -> None:
    hasty.sink.on["MAIL"] = lambda argument: b"451 4.3.0 not you" if "flood" in argument else b"250 ok"
    with bounded_memory(hasty), contextlib.closing(in_data(hasty, sender="flood@elsewhere.example")) as talk:
        talk.sock.settimeout(60)
        for _ in range(16):
            talk.send(b"\r\n" * (MIB // 2))
        talk.send(b".\r\n")
        assert talk.answer().code == 451


def test_a_header_without_end_costs_no_memory(hasty: House) -> None:
    with bounded_memory(hasty), contextlib.closing(in_data(hasty, sender="flood@elsewhere.example")) as talk:
        field = b"Subject: " + b"x" * 900 + b"\r\n"
        for _ in range(20):
            talk.send(field * (MIB // len(field)))
        talk.send(b".\r\n")
        answer = talk.answer()
    assert answer.code == 550
    assert "header too big" in answer.text
    assert answer.id
    assert hasty.sink.subjects() == ["warm up"]


def test_a_command_line_without_end_costs_no_memory(house: House) -> None:
    with bounded_memory(house), house.talk() as talk:
        for _ in range(32):
            talk.send(b"x" * MIB)
        assert str(talk.say("")) == "500 5.5.2 Command line too long"
        assert talk.say("NOOP").code == 250


@pytest.mark.parametrize(("length", "code"), [(2048, 250), (2049, 500), (5000, 500)])
def test_a_command_line_has_a_longest_length(house: House, length: int, code: int) -> None:
    with house.talk() as talk:
        assert talk.say("NOOP " + "x" * (length - 7)).code == code
        assert talk.say("NOOP").code == 250


# ---- D: peers that do not read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [b"EHLO peer.example.net\r\n", b"x\r\n" * 3 + b"EHLO a\r\n"], ids=repr)
def test_a_peer_that_never_reads_is_cut(hasty: House, command: bytes) -> None:
    """Its junk is not counted here: nothing but the time-out ends it."""
    with bounded_memory(hasty):
        talk = never_reading(hasty)
        assert cut_within(talk, command * 5000)
        talk.close()


def test_a_peer_that_floods_and_never_reads_is_cut(house: House) -> None:
    with bounded_memory(house):
        talk = never_reading(house)
        assert cut_within(talk, b"NOOP\r\n" * 5000)
        talk.close()


def never_reading(house: House) -> Talk:
    talk = house.talk()
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return talk


def cut_within(talk: Talk, flood: bytes, seconds: float = 60.0) -> bool:
    """Send, never read; True when the gate cuts us off at last after it took no more of it."""
    talk.sock.setblocking(False)
    stuck = time.monotonic()
    while time.monotonic() < stuck + seconds:
        _, writable, _ = select.select([], [talk.sock], [], 0.1)
        try:
            if writable:
                talk.sock.send(flood)
                stuck = time.monotonic()
        except BlockingIOError:
            pass
        except OSError:
            return True
    return False


@pytest.mark.parametrize("where", ["command", "data", "half a command"])
def test_a_peer_that_says_nothing_is_told_and_cut(hasty: House, where: str) -> None:
    talk = in_data(hasty) if where == "data" else hasty.talk()
    if where != "data":
        talk.answer()
    if where == "half a command":
        talk.send(b"NOO")
    began = time.monotonic()
    assert talk.answer().code == 421
    assert time.monotonic() - began > 1.5
    assert is_closed(talk)
    talk.close()
    assert hasty.sink.heard == []


# ---- F: half-closed and reset --------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [b".\r\n", b".\r\nQUIT\r\n"], ids=repr)
def test_a_peer_may_close_its_side_after_the_dot(house: House, last: bytes) -> None:
    house.sink.slow = 0.5
    try:
        with contextlib.closing(in_data(house)) as talk:
            talk.send(message("half-closed") + last)
            talk.sock.shutdown(socket.SHUT_WR)
            assert talk.answer().code == 250
            assert is_closed(talk)
    finally:
        house.sink.slow = 0.0
    rest(0.1)
    assert house.sink.subjects() == ["half-closed"]


def test_a_peer_that_closes_within_the_data_has_sent_nothing(house: House) -> None:
    for close in (lambda talk: talk.sock.shutdown(socket.SHUT_WR), reset):
        with contextlib.closing(in_data(house)) as talk:
            talk.send(message("half"))
            close(talk)
            if talk.sock.fileno() >= 0:
                assert is_closed(talk)
    rest(0.1)
    assert house.sink.heard == []


def test_a_reset_at_every_byte_of_a_session_leaves_no_place_taken(hasty: House) -> None:
    session = f"EHLO a.example\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<{BO}>\r\nDATA\r\nSubject: cut\r\n\r\nx\r\n.".encode()
    source = "127.0.7.1"
    for cut in range(len(session) + 1):
        talk = hasty.talk(source)
        talk.send(session[:cut])
        reset(talk)
        time.sleep(0.003)
    assert places_are_free(hasty, source)
    assert hasty.sink.mails == []


def places_are_free(house: House, source: str, within: float = 60.0) -> bool:
    """True when all five connections that the settings allow are to be had again."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        talks = [house.talk(source) for _ in range(5)]
        codes = {talk.answer().code for talk in talks}
        for talk in talks:
            talk.close()
        if codes == {220}:
            return True
        time.sleep(0.2)
    return False


# ---- G: our own failures -------------------------------------------------------------------------------------------


def test_what_fails_on_our_side_is_temporary_and_says_no_more(tmp_path: Path) -> None:
    """No folder to receive into, and a recipient list that is no text: both are our fault, neither is explained."""
    sink, names = Witness(), tmp_path / "recipients.txt"
    names.write_text(f"{BO}\n")
    settings = {"recipients": {"verify": "list", "file": str(names)}, "protection": {"overrides": {OPEN: "off"}}}
    with contextlib.closing(sink), running(Gate(tmp_path, sink.url, settings)) as gate:
        incoming = tmp_path / "storage" / "incoming"
        rest(2)  # the other processes make it, too, when they start
        shutil.rmtree(incoming)
        answer = deliver(gate.port, ANN, [BO], message(body=("z" * 98 + "\r\n") * 2000))
        assert 400 <= answer.code < 500
        assert answer.id
        assert not any(word in answer.text for word in ("Errno", "Error", "incoming", str(tmp_path)))
        assert sink.mails == []
        incoming.mkdir(exist_ok=True)
        names.write_bytes(b"\xff\xfe bo@example.com\n")
        answer = deliver(gate.port, ANN, [BO], message())
        assert 400 <= answer.code < 500
        assert answer.id
        assert answer.id in gate.log
        assert not any(word in answer.text for word in ("Error", "codec", "Unicode", "decode", str(tmp_path)))
        names.write_text(f"{BO}\n# mended\n")
        assert deliver(gate.port, ANN, [BO], message("mended")).code == 250
    assert sink.subjects() == ["mended"]


def test_a_backend_cannot_make_our_reply_too_long(house: House) -> None:
    """RFC 5321 4.5.3.1.5: 512 bytes; the id stays readable."""
    many = b"\r\n".join(b"550-5.7.1 " + b"many words " * 40 for _ in range(50)) + b"\r\n550 5.7.1 end"
    for said in (b"550 5.7.1 " + b"x" * 3000, many, b"550 5.7.1 \xff\x00\x1b[31m\xc3\xa9"):
        house.sink.on["."] = said
        answer = deliver(house.port, ANN, [BO], message())
        assert answer.code == 550
        assert answer.id
        assert len(str(answer)) + 2 <= LONGEST_REPLY
        assert answer.text.isascii()
        assert answer.text.isprintable()


# ---- H, L: many commands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY root", "HELP", "EHLO peer.example.net", "HELO x"])
def test_commands_that_bring_no_mail_are_counted(house: House, command: str) -> None:
    with bounded_memory(house), house.talk() as talk:
        push(talk, f"{command}\r\n".encode() * 3000)
        lines = list(all_answers(talk))
    assert well_formed(lines)
    assert len([line for line in lines if line[3] == " "]) <= 101
    assert lines[-1].startswith("421 4.7.0 Too many")


def test_many_recipients_are_told_to_wait_for_the_next_mail(house: House) -> None:
    with bounded_memory(house), house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.say(f"MAIL FROM:<{ANN}>")
        codes = flood(talk, [f"bo{number}@{OPEN}" for number in range(20000)])
        assert codes == [250] * 100 + [452] * 19900
        assert talk.data(message("to many")).code == 250
    house.sink.wait_for(2)
    assert len(house.sink.mails[1].recipients) == 100


def test_many_recipients_of_another_class_are_not_all_written_down(house: House) -> None:
    """Each is told to come by itself; who names thousands is not worth as many rows."""
    with bounded_memory(house), house.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.say(f"MAIL FROM:<{ANN}>")
        assert talk.say(f"RCPT TO:<{BO}>").code == 250
        decided = house.gate.log.count("reason=recipient.other_class")
        assert set(flood(talk, [f"bo{number}@{GREY}" for number in range(5000)])) == {452}
        assert house.gate.log.count("reason=recipient.other_class") - decided <= 100


def flood(talk: Talk, recipients: list[str], batch: int = 500) -> list[int]:
    """Pipelined RCPTs; the code of each answer."""
    codes = []
    for start in range(0, len(recipients), batch):
        part = recipients[start : start + batch]
        talk.send("".join(f"RCPT TO:<{one}>\r\n" for one in part).encode())
        codes += [talk.answer().code for _ in part]
    return codes


@pytest.mark.parametrize(
    "command",
    [
        "BDAT 100 LAST",
        "ETRN example.com",
        "VRFY root",
        "EXPN staff",
        "AUTH PLAIN AGEAYg==",
        "AUTH LOGIN",
        "TURN",
        "HELP",
    ],
)
def test_what_opens_holes_elsewhere_is_not_here(house: House, command: str) -> None:
    with house.talk() as talk:
        assert talk.say(command).code == 502
        offered = talk.say("EHLO peer.example.net").text.upper()
        assert command.split()[0] not in offered
        assert "CHUNKING" not in offered
        assert talk.say(command).code == 502


# ---- I: odd arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
@pytest.mark.parametrize(
    "name", [b"a\rb", b"a\0b", b"a b", b"\x1b[31mred", b"\xff\xfe", "bücher.example".encode(), b"", b"x" * 256, b"\x7f"]
)
def test_a_greeting_with_odd_characters_is_refused(house: House, verb: str, name: bytes) -> None:
    with house.talk() as talk:
        answer = talk.say(verb.encode() + b" " + name)
        assert answer.code in (500, 501)
        assert b"red" not in answer.text.encode()
        with contextlib.suppress(Closed):
            assert talk.say(f"MAIL FROM:<{ANN}>").code == 503


@pytest.mark.parametrize(
    "argument",
    [
        b"FROM:<a\rb@x.example>",
        b"FROM:<a\0b@x.example>",
        b"FROM:<a\nb@x.example>",
        b"FROM:<" + b'"' * 450 + b"@x.example>",
        b"FROM:a@x.example",
        b"FROM:<a@x.example",
        b"FROM:a@x.example>",
        b"FROM:<<a@x.example>>",
        b"FROM:<a@x.example>SIZE=1",
        b"FROM:<a@x.example> SIZE=1 SIZE=2",
        b"FROM:<a@x.example> SIZE=-1",
        b"FROM:<a@x.example> SIZE=1e3",
        b"FROM:<a@x.example> BODY=BINARYMIME",
        b"FROM:<a@x.example> AUTH=<>",
        b"FROM:<a@x.example> X",
        b"FROM:<a@x.example> RET=NOTHING",
        b"FROM:<\x1b[31m@x.example>",
        b"FROM:<\xff@x.example>",
        "FROM:<ä@x.example>".encode(),
        b"FROM:<@x.example>",
        b"FROM:<a@>",
        b"FROM:<a@x..example>",
        b"FROM:<a@-x.example>",
        b"FROM:<" + b"a" * 600 + b"@x.example>",
        b"FROM",
        b"FROM:",
        b"TO:<a@x.example>",
        b"",
    ],
    ids=lambda one: repr(one[:40]),
)
def test_a_sender_in_an_odd_form_is_refused(house: House, argument: bytes) -> None:
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        answer = talk.say(b"MAIL " + argument)
        assert answer.code in (500, 501, 553, 555)
        assert "\x1b" not in answer.text
        with contextlib.suppress(Closed):
            assert talk.say(f"RCPT TO:<{BO}>").code == 503
    assert house.sink.heard == []


# ---- caps ----------------------------------------------------------------------------------------------------------


def test_one_address_has_so_many_connections_and_no_more(hasty: House) -> None:
    talks = [hasty.talk("127.0.7.2") for _ in range(5)]
    assert [talk.answer().code for talk in talks] == [220] * 5
    with contextlib.closing(hasty.talk("127.0.7.2")) as sixth:
        assert str(sixth.answer()).startswith("421 4.7.0 Too many connections")
        assert is_closed(sixth)
    with hasty.talk("127.0.7.3") as other:
        assert other.greeting.code == 220
    talks[0].say("QUIT")
    rest(0.1)
    with hasty.talk("127.0.7.2") as again:
        assert again.greeting.code == 220
    for talk in talks:
        talk.close()


def test_one_connection_brings_so_many_mails_and_no_more(hasty: House) -> None:
    with hasty.talk() as talk:
        talk.say("EHLO peer.example.net")
        for number in range(3):
            assert talk.say(f"MAIL FROM:<{ANN}>").code == 250
            assert talk.say(f"RCPT TO:<{BO}>").code == 250
            assert talk.data(message(f"{number}")).code == 250
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 421
        assert is_closed(talk)
    assert hasty.sink.subjects() == ["0", "1", "2"]


@pytest.mark.parametrize("command", ["XYZZY", "RCPT TO:<x@elsewhere.example>", "DATA", "MAIL FROM:<>x"])
def test_one_connection_makes_so_many_errors_and_no_more(hasty: House, command: str) -> None:
    with hasty.talk() as talk:
        if command.startswith("RCPT"):
            talk.say("EHLO peer.example.net")
            talk.say(f"MAIL FROM:<{ANN}>")
        push(talk, f"{command}\r\n".encode())
        for _ in range(4):
            assert talk.answer().code >= 500
            push(talk, f"{command}\r\n".encode())
        assert talk.answer().code >= 500
        assert str(talk.answer()).startswith("421 4.7.0 Too many errors")
        assert is_closed(talk)


# ---- PROXY ---------------------------------------------------------------------------------------------------------


V2 = b"\r\n\r\n\0\r\nQUIT\n"
TCP4 = b"\x21\x11" + struct.pack("!H4s4sHH", 12, bytes([192, 0, 2, 9]), bytes(4), 4321, 25)
TCP6 = b"\x21\x21" + struct.pack("!H16s16sHH", 36, b"\x20\x01\x0d\xb8" + bytes(11) + b"\x09", bytes(16), 4321, 25)
LOCAL = b"\x20\x00\0\0"
PROXIED = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n", b"[192.0.2.7]"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 4321 25\r\n", b"[IPv6:2001:db8::7]"),
    (V2 + TCP4, b"[192.0.2.9]"),
    (V2 + TCP6, b"[IPv6:2001:db8::9]"),
    (b"PROXY UNKNOWN\r\n", f"[{PROXY}]".encode()),
    (V2 + LOCAL, f"[{PROXY}]".encode()),
]


@pytest.mark.parametrize(("header", "shown"), PROXIED, ids=[repr(shown) for _, shown in PROXIED])
def test_a_proxy_is_believed_about_the_peer(house: House, header: bytes, shown: bytes) -> None:
    with contextlib.closing(house.talk(PROXY)) as talk:
        talk.send(header)
        assert talk.answer().code == 220
        talk.envelope(ANN, [BO])
        assert talk.data(message()).code == 250
    received = house.sink.mails[0].data.partition(b"\tby ")[0]
    assert shown in received


@pytest.mark.parametrize(("header", "shown"), PROXIED, ids=[repr(shown) for _, shown in PROXIED])
def test_nobody_else_is_believed_about_the_peer(house: House, header: bytes, shown: bytes) -> None:
    with contextlib.closing(house.talk()) as talk:
        talk.send(header)
        assert talk.answer().code == 220
        assert talk.answer().code == 500
        try:
            talk.envelope(ANN, [BO])
            talk.data(message())
        except (Closed, OSError):
            assert house.sink.mails == []
        assert not [mail for mail in house.sink.mails if shown in mail.data]


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO peer.example.net\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 99999 25\r\n",
        b"PROXY TCP4 999.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 25 more\r\n",
        b"PROXY TCP4 " + b"1" * 5000 + b"\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 25\n",
        V2 + b"\x21\x11\0\1x",
        V2 + b"\xff\xff\0\0",
        V2[:8] + b"\r\n",
    ],
    ids=lambda one: repr(one[:40]),
)
def test_a_proxy_that_stammers_is_not_served(house: House, header: bytes) -> None:
    with contextlib.closing(house.talk(PROXY)) as talk:
        push(talk, header)
        talk.sock.shutdown(socket.SHUT_WR)
        assert [line for line in all_answers(talk) if line.startswith("220")] == []
    assert "Traceback" not in house.gate.log
