"""Nobody gets a mail through us to somebody else's domain, in whatever form the address is written.

What the backend is given are the bytes we decided about: it never has a second address to read out of them.
"""

import random
import re
import string
from collections.abc import Sequence

import pytest

from gateway.policy.address import BadAddress, parse_path
from tests.gate import rest
from tests.smtpd.house import OPEN, House, Houses, Settings, Witness, generous
from tests.talk import Talk, message

ANN = "ann@elsewhere.example"
VICTIM = "victim@external.example"

# What must never get through, as the argument of RCPT.
ATTEMPTS: list[bytes] = [
    b"<victim@external.example>",
    b"<victim%external.example@example.com>",
    b"<victim%external.example>",
    b"<external.example!victim@example.com>",
    b"<external.example!victim>",
    b"<example.com!external.example!victim@example.com>",
    b'<"victim@external.example"@example.com>',
    b'<"victim@external.example">',
    b'<"victim%external.example"@example.com>',
    b'<"external.example!victim"@example.com>',
    b'<"victim\\@external.example"@example.com>',
    b"<victim\\@external.example@example.com>",
    b"<victim@external.example@example.com>",
    b"<victim@example.com@external.example>",
    b"<@example.com:victim@external.example>",
    b"<@external.example:victim@example.com>",
    b"<@external.example,@example.com:victim@external.example>",
    b"<victim:external.example@example.com>",
    b'<"a\r<victim@external.example>"@example.com>',
    b'<"a\n<victim@external.example>"@example.com>',
    b'<"a<victim@external.example>"@example.com>',
    b'<"a>b <victim@external.example>"@example.com>',
    b"<<victim@external.example>@example.com>",
    b"<<victim@external.example>>",
    b"<victim@external.example><bo@example.com>",
    b"<bo@example.com><victim@external.example>",
    b"<bo@example.com>,<victim@external.example>",
    b"<bo@example.com,victim@external.example>",
    b"<bo@example.com victim@external.example>",
    b"bo@example.com <victim@external.example>",
    b"victim@external.example",
    b'"bo@example.com" <victim@external.example>',
    b"<victim@[127.0.0.1]>",
    b"<victim@[192.0.2.1]>",
    b"<victim@[IPv6:2001:db8::1]>",
    b"<victim@127.0.0.1>",
    b"<victim@2130706433>",
    b"<victim@localhost>",
    b"<victim>",
    b"<>",
    b"<@>",
    b"<@example.com>",
    b"<victim@>",
    b"<victim@.example.com>",
    b"<victim@example.com.external.example>",
    b"<victim@sub.example.com>",
    b"<victim@notexample.com>",
    b"<victim@example.com..>",
    b"<victim@example..com>",
    b"<victim@example.com\0.external.example>",
    b"<victim@external.example\0@example.com>",
    b"<victim@external.example#@example.com>",
    b"<victim@external.example\t@example.com>",
    b"<victim@external.example(@example.com)>",
    b"<victim(x@example.com)@external.example>",
    b"<bo@example.com> ORCPT=rfc822;x\rRCPT TO:<victim@external.example>",
    b"<bo@example.com> NOTIFY=NEVER\nRCPT TO:<victim@external.example>",
    b"<bo@example.com> X-ROUTE=victim@external.example",
    b"<postmaster@external.example>",
    b"<postmaster%external.example>",
    b'<"postmaster">',
    b"<relay=victim@external.example>",
    b"<victim@xn--xample-9uf.com>",
    b"<victim@example.com/external.example>",
    b"<victim@example.com:25>",
    b"<victim@example.com@>",
    b'<""@external.example>',
    b'<"@external.example,"@example.com>',
    b"<\\victim@external.example@example.com>",
    b"<|/bin/sh@example.com @external.example>",
    "<victim\uff20external.example@example.com>".encode(),
    "<victim\ufe6bexternal.example@example.com>".encode(),
    "<victim\uff05external.example@example.com>".encode(),
    "<external.example\uff01victim@example.com>".encode(),
    "<victim@\u0435xample.com>".encode(),  # Cyrillic
    "<victim@external\u3002example>".encode(),
    "<victim@example\u3002com.external.example>".encode(),
    "<victim@exam\u00adple.com.external.example>".encode(),
    "<victim\u202e@external.example>".encode(),
    b"<victim@example.com\xe2\x80\x8b.external.example>",
    b"<victim\xc0\xbeexternal.example@example.com>",
    b"<victim\xff@external.example>",
]
# What is ours: the recipient that the backend gets.
OURS: list[tuple[bytes, str]] = [
    (b"<bo@example.com>", "<bo@example.com>"),
    (b"<bo@EXAMPLE.COM>", "<bo@EXAMPLE.COM>"),
    (b"<Bo@Example.com>", "<Bo@Example.com>"),
    (b" <bo@example.com>", "<bo@example.com>"),
    (b"<bo+tag@example.com>", "<bo+tag@example.com>"),
    (b"<o'neil=x&y@example.com>", "<o'neil=x&y@example.com>"),
    (b"<postmaster>", "<postmaster@example.com>"),
    (b"<PostMaster>", "<PostMaster@example.com>"),
    (b"<postmaster@example.com>", "<postmaster@example.com>"),
]
CONFIGURATIONS: dict[str, Settings] = {
    "accept-all": {},
    "list": {"recipients": {"verify": "list", "list": [f"@{OPEN}", "bo@example.com"]}},
    "backend": {"recipients": {"verify": "backend"}},
}


@pytest.fixture(params=[*CONFIGURATIONS, "bypass"])
def gate(houses: Houses, request: pytest.FixtureRequest) -> House:
    """A house in each configuration; the last one with everything open that can be opened."""
    name = request.param
    if name == "bypass":
        return bypassed(houses)
    return generous(houses, CONFIGURATIONS[name])


def bypassed(houses: Houses) -> House:
    """Here strangers would wait, were it not for the switch."""
    is_new = not any("'wait': '1h'" in key for key in houses.running)
    house = generous(houses, {"protection": {"level": "greylist"}, "greylist": {"wait": "1h"}})
    if is_new:
        house.gate.cli("bypass", "1h")
        rest(1.5)  # until every worker knows
    return house


def only_ours(sink: Witness) -> bool:
    """No RCPT with another domain, and nothing that reads like a second address, was ever said to the backend."""
    named = [line.partition(":")[2] for line in sink.heard if line.upper().startswith("RCPT")]
    form = re.compile(r'<[^<>@%!:"\\\s]+@example\.com\.?>(?: .*)?', re.IGNORECASE)
    return all(form.fullmatch(one) and "external" not in one.partition(">")[0] for one in named)


def refused(talk: Talk, argument: bytes) -> bool:
    """True for a 5xx; the connection may end with it."""
    answer = talk.say(b"RCPT TO:" + argument)
    return answer.code >= 500


@pytest.mark.parametrize("extra", [b"", b" SMTPUTF8"], ids=["ascii", "utf8"])
def test_nothing_is_relayed(gate: House, extra: bytes) -> None:
    taken = []
    for argument in ATTEMPTS:
        with gate.talk() as talk:
            talk.say("EHLO peer.example.net")
            assert talk.say(f"MAIL FROM:<{ANN}>".encode() + extra).code == 250
            if not refused(talk, argument):
                taken.append(argument)
                talk.data(message())
    assert taken == []
    assert gate.sink.mails == []
    assert only_ours(gate.sink)


@pytest.mark.parametrize(("argument", "sent"), OURS, ids=[repr(argument) for argument, _ in OURS])
def test_our_own_addresses_are_passed_on_as_they_came(gate: House, argument: bytes, sent: str) -> None:
    with gate.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.say(f"MAIL FROM:<{ANN}>")
        assert talk.say(b"RCPT TO:" + argument).code == 250
        assert talk.data(message()).code == 250
    assert gate.sink.mails[0].recipients == (f"TO:{sent}",)
    assert only_ours(gate.sink)


def test_a_trailing_dot_makes_no_other_domain(gate: House) -> None:
    """It may be taken as ours or refused; it is never passed on to somebody else."""
    with gate.talk() as talk:
        talk.say("EHLO peer.example.net")
        talk.say(f"MAIL FROM:<{ANN}>")
        answer = talk.say("RCPT TO:<bo@example.com.>")
        assert answer.code in (250, 550, 553)
    assert only_ours(gate.sink)


@pytest.mark.parametrize(
    "sender", ["<bo@example.com>", "<>", "<@example.com:x@external.example>", "<x%example.com@y.example>"]
)
def test_a_sender_that_looks_like_us_opens_nothing(gate: House, sender: str) -> None:
    with gate.talk() as talk:
        talk.say("EHLO example.com")
        talk.say(f"MAIL FROM:{sender}")
        assert talk.say(f"RCPT TO:<{VICTIM}>").code >= 500
    assert only_ours(gate.sink)


def test_a_refused_recipient_never_joins_a_mail_for_ours(gate: House) -> None:
    with gate.talk() as talk:
        talk.say("EHLO peer.example.net")
        named = [VICTIM, f"bo@{OPEN}", f"x%y@{OPEN}"]
        recipients = "".join(f"RCPT TO:<{one}>\r\n" for one in named)
        talk.send(f"MAIL FROM:<{ANN}>\r\n{recipients}DATA\r\n".encode())
        assert [talk.answer().code for _ in range(5)] == [250, 550, 250, 553, 354]
        talk.send(message() + b".\r\n")
        assert talk.answer().code == 250
    assert gate.sink.mails[0].rcpts == [f"bo@{OPEN}"]
    assert only_ours(gate.sink)


# ---- a table has what its author thought of; this has the rest -----------------------------------------------------


PIECES = [
    *[
        b"example.com",
        b"external.example",
        b"@",
        b"@",
        b"%",
        b"!",
        b":",
        b'"',
        b"\\",
        b"<",
        b">",
        b",",
        b";",
        b" ",
        b".",
    ],
    *[b"victim", b"bo", b"postmaster", b"[", b"]", b"127.0.0.1", b"(", b")", b"#", b"|", b"\t", b"=", b"+"],
    *[
        "\uff20".encode(),
        "\uff05".encode(),
        "é".encode(),
        "\u3002".encode(),
        b"\xff",
        b"\x00",
        b"xn--",
        b"ORCPT=rfc822;",
        b"\r",
    ],
]
FUZZ = 2400


def addresses(seed: int) -> Sequence[bytes]:
    """Arguments of RCPT: pieces thrown together, and table rows with bytes changed."""
    chance = random.Random(seed)
    made = []
    for number in range(FUZZ):
        if number % 3 == 0:
            argument = bytearray(chance.choice(ATTEMPTS + [one for one, _ in OURS]))
            for _ in range(chance.randint(1, 3)):
                place = chance.randrange(len(argument) + 1)
                argument[place : place + chance.randint(0, 1)] = chance.choice(PIECES)
        elif number % 3 == 1:
            inner = b"".join(chance.choice(PIECES) for _ in range(chance.randint(1, 6)))
            argument = bytearray(b"<" + inner + chance.choice([b"@example.com", b"@external.example", b""]) + b">")
        else:
            letters = "".join(chance.choice(string.ascii_letters + ".-_'+=") for _ in range(chance.randint(1, 12)))
            argument = bytearray(
                f"<{letters}@{chance.choice(['example.com', 'EXAMPLE.com', 'external.example'])}>".encode()
            )
        made.append(bytes(argument).replace(b"\n", b""))
    return made


@pytest.mark.parametrize("extra", ["", " SMTPUTF8"], ids=["ascii", "utf8"])
def test_whatever_an_address_is_made_of_the_backend_gets_the_bytes_we_decided_about(houses: Houses, extra: str) -> None:
    """What is taken parses, belongs to us, and arrives byte for byte; all the rest is a 5xx."""
    house = bypassed(houses)
    taken, wanted = 0, addresses(42 if extra else 41)
    closing = [one for one in wanted if any(byte < 32 or byte == 127 for byte in one)]
    harmless = [one for one in wanted if one not in closing]
    assert len(wanted) >= 2000
    for start in range(0, len(harmless), 50):
        taken += batch(house, harmless[start : start + 50], extra)
    for one in closing:  # each of these ends its connection
        with house.talk() as talk:
            talk.say("EHLO peer.example.net")
            talk.say(f"MAIL FROM:<{ANN}>")
            assert refused(talk, one)
    assert taken > 200
    assert only_ours(house.sink)


def batch(house: House, arguments: Sequence[bytes], extra: str) -> int:
    """One mail to all of them, pipelined; how many were taken."""
    house.fresh()
    with house.talk() as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say(f"MAIL FROM:<{ANN}>{extra}").code == 250
        talk.send(b"".join(b"RCPT TO:" + one + b"\r\n" for one in arguments))
        answers = [talk.answer() for _ in arguments]
        took = [one for one, answer in zip(arguments, answers, strict=True) if answer.code == 250]
        assert all(answer.code == 250 or answer.code >= 500 for answer in answers)
        if not took:
            return 0
        assert talk.data(message()).code == 250
    once: dict[str, str] = {}  # named twice is delivered once, to the first spelling
    for one in took:
        sent = as_sent(one, utf8=bool(extra))
        once.setdefault(sent.lower(), sent)
    assert house.sink.mails[0].recipients == tuple(once.values())
    return len(took)


def as_sent(argument: bytes, *, utf8: bool) -> str:
    """What was validated, as RCPT's argument."""
    try:
        address, _ = parse_path(argument, smtputf8=utf8, role="recipient")
    except BadAddress as error:
        raise AssertionError(f"taken: {argument!r}") from error
    assert address is not None
    assert address.domain in (OPEN, "")
    return f"TO:<{address.raw}>" if address.domain else f"TO:<{address.raw}@{OPEN}>"
