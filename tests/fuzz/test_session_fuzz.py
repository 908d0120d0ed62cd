"""Whole sessions by grammar and mutation: whatever a peer says, the gate answers in form and goes on.

Seeded: session number N is the same in every run. GREYGATE_FUZZ_SESSIONS says how many; a failure names its number.
"""

import os
import random
import time

import pytest

from tests.smtpd.house import House, all_answers, cleanly, fresh_or_closed, push, well_formed
from tests.talk import Talk, deliver, message

SESSIONS = int(os.environ.get("GREYGATE_FUZZ_SESSIONS", "300"))
BATCH = 50
ANN, BO = "ann@elsewhere.example", "bo@example.com"
EOD = b"\r\n.\r\n"

Chance = random.Random

HELLOS = [b"EHLO a.example", b"HELO a.example", b"EHLO [127.0.0.1]", b"EHLO", b"LHLO a", b"EHLO \xff", b"ehlo A"]
SENDERS = [
    b"<ann@elsewhere.example>",
    b"<>",
    b"<a b@x>",
    b"ann@x",
    b'<"q r"@x.example>',
    "<ü@x.example>".encode(),
    b"<@>",
]
RECIPIENTS = [
    *[b"<bo@example.com>", b"<bo@grey.example>", b"<bo@list.example>", b"<x@list.example>", b"<postmaster>"],
    *[b"<x@external.example>", b"<x%y@example.com>", b"<>", b"<bo@example.com", "<ü@example.com>".encode()],
]
PARAMETERS = [
    b"",
    b"",
    b"",
    b" SIZE=10",
    b" SIZE=99999999999",
    b" BODY=8BITMIME",
    b" SMTPUTF8",
    b" RET=FULL",
    b" X=Y",
    b" =",
]
RCPT_PARAMETERS = [b"", b"", b" NOTIFY=NEVER", b" ORCPT=rfc822;x", b" NOTIFY=X", b" SIZE=1"]
OTHERS = [
    *[b"NOOP", b"NOOP x", b"RSET", b"RSET x", b"VRFY a", b"EXPN a", b"HELP", b"BDAT 3 LAST", b"ETRN x", b"AUTH LOGIN"],
    *[b"XYZZY", b"", b" ", b"DATA x", b"QUIT x", b"STARTTLS x", b"MAIL", b"RCPT", b"\xff\xfe", b"GET / HTTP/1.1"],
]
BODIES = [
    b"Subject: fuzz\r\n\r\nhello",
    b"Subject: fuzz\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--",
    b"no header at all",
    b"\r\n",
    b"Subject: =?utf-8?B?//8=?=\r\nFrom: \xff <\xff>\r\nDate: never\r\nMessage-ID: <\r\n\r\n\xff",
    b"Received: x\r\n" * 60 + b"\r\nloop",
    b"Subject: a\r\n b\r\n\tc\r\n d\r\nGreygate-Verdict: v=1; s=forged\r\n\r\n..dots\r\n...\r\n",
    b"Subject: " + b"x" * 3000 + b"\r\n\r\n" + b"y" * 70000,
    b"Subject: big\r\n\r\n" + b"z" * 900 + (b"\r\n" + b"z" * 900) * 160,
    b"From: a\0b\r\n\r\nc",
    b"Subject: bare\r\n\r\na\nb",
    b"Subject: bare\r\n\r\na\rb",
]
SPICE = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\x1b[31m",
    b" ",
    b"<",
    b">",
    b".",
    b"\r\n.\r\n",
    b"%s",
    b"{0}",
    b"A" * 3000,
]


def session(chance: Chance) -> bytes:
    """What one peer says, from first to last."""
    said = []
    if chance.random() < 0.9:
        said.append(chance.choice(HELLOS[:3]) if chance.random() < 0.8 else chance.choice(HELLOS))
    for _ in range(chance.randint(1, 4)):
        said += transaction(chance)
    said.append(b"QUIT")
    whole = b"".join(line + b"\r\n" for line in said)
    return mutated(chance, whole) if chance.random() < 0.5 else whole


def transaction(chance: Chance) -> list[bytes]:
    lines = [b"MAIL FROM:" + mostly_first(chance, SENDERS) + chance.choice(PARAMETERS)]
    for _ in range(chance.randint(0, 3)):
        lines.append(b"RCPT TO:" + mostly_first(chance, RECIPIENTS) + chance.choice(RCPT_PARAMETERS))
    if chance.random() < 0.8:
        lines += [b"DATA", chance.choice(BODIES) + b"\r\n."]
    for _ in range(chance.randint(0, 2)):
        lines.insert(chance.randint(0, len(lines)), chance.choice(OTHERS))
    return lines


def mostly_first(chance: Chance, choices: list[bytes]) -> bytes:
    return choices[0] if chance.random() < 0.6 else chance.choice(choices)


def mutated(chance: Chance, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(made) + 1)
        match chance.randrange(5):
            case 0:
                made[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                made[place:place] = chance.choice(SPICE)
            case 2:
                del made[place : place + chance.randint(1, 8)]
            case 3:
                other = chance.randrange(len(made) + 1)
                made[place:place] = made[other : other + chance.randint(1, 60)]
            case 4:
                made[place : place + 2] = made[place : place + 2][::-1]
    return bytes(made)


def perform(chance: Chance, house: House, data: bytes) -> list[str]:
    """Say it, all at once or in pieces, in plain or in TLS; all reply lines."""
    with house.talk(source=f"127.0.8.{chance.randint(1, 200)}") as talk:
        if chance.random() < 0.15:
            talk.say("EHLO tls.example")
            talk.starttls()
        speak(chance, talk, data)
        if chance.random() < 0.5:
            push(talk, EOD)
        push(talk, b"\r\nQUIT\r\n")
        push(talk, EOD + b"QUIT\r\n")  # should it wait for the end of data
        talk.sock.settimeout(10)
        lines = list(all_answers(talk))
        assert talk.held == b""
        return [str(talk.greeting), *lines]


def speak(chance: Chance, talk: Talk, data: bytes) -> None:
    if chance.random() < 0.5:
        push(talk, data)
        return
    while data:
        cut = chance.randint(1, max(1, len(data) // 2))
        if not push(talk, data[:cut]):
            return
        data = data[cut:]
        if chance.random() < 0.2:
            time.sleep(0.002)


@pytest.mark.parametrize("first", range(0, SESSIONS, BATCH))
@pytest.mark.timeout(600)
def test_no_session_gets_more_out_of_the_gate_than_replies(house: House, first: int) -> None:
    (pid,) = house.gate.children("smtpd")
    for number in range(first, min(first + BATCH, SESSIONS)):
        chance = random.Random(number)
        data = session(chance)
        lines = perform(chance, house, data)
        assert well_formed(lines), f"session {number}: {data!r}\n{lines}"
        assert not [line for line in lines if "Error: (" in line or "Traceback" in line], f"session {number}"
    assert cleanly(house.sink.mails)
    assert not [line for line in house.sink.heard if line.startswith("RCPT") and "external" in line]
    assert house.gate.children("smtpd") == [pid]
    assert "Traceback" not in house.gate.log
    house.fresh()
    assert deliver(house.port, ANN, [BO], message("after the storm")).code == 250
    assert house.sink.subjects() == ["after the storm"]


def test_after_any_refusal_the_state_is_fresh(house: House) -> None:
    """No envelope and no verdict outlives its mail, whatever became of it."""
    refusals = {b"550 5.7.1 no": 550, b"451 4.3.0 later": 451, b"421 4.3.2 gone": 451, None: 451, b"250 ok": 250}
    for said, code in refusals.items():
        for where in (".", "DATA", "RCPT", "MAIL"):
            house.fresh()
            if not (said == b"250 ok" and where == "DATA"):
                house.sink.on[where] = said
            with house.talk() as talk:
                assert [one.code for one in talk.envelope(ANN, [BO])] == [250, 250]
                answer = talk.data(message("first"))
                assert answer.code // 100 == code // 100, (said, where, answer)
                assert answer.id
                house.sink.on.clear()
                assert fresh_or_closed(talk)
