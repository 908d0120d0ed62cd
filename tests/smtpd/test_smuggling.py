"""Two servers that disagree about where a mail ends let a sender slip in a second one. Ours never lets them.

Every sequence that some server takes for an end of data, in every variant, through the gate into a backend that takes
all of them for one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.smtpd.house import (
    BARE_NEWLINES_OK,
    IMPURE,
    MAX_SIZE,
    OPEN,
    House,
    cleanly,
    fresh_or_closed,
    push,
    segments,
)
from tests.talk import Answer, Closed, Talk

EOD = b"\r\n.\r\n"
EVIL = "smuggler@evil.example"
SMUGGLED = (
    f"MAIL FROM:<{EVIL}>\r\nRCPT TO:<bo@{OPEN}>\r\nDATA\r\n".encode()
    + b"From: <boss@example.com>\r\nSubject: smuggled\r\n\r\nPay at once."
)
LF, CR, NUL = "bare LF", "bare CR", "NUL"


@dataclass(frozen=True)
class Sequence:
    """Bytes between two lines of a mail. `defect` is what the refusal names; None: they are an ordinary part of it."""

    data: bytes
    defect: str | None = None
    ends: bool = False  # it is the end of the data

    def __str__(self) -> str:
        return repr(self.data)[2:-1]


SEQUENCES = [
    # SEC Consult, "SMTP smuggling", inbound
    Sequence(b"\n.\n", LF),
    Sequence(b"\n.\r", LF),
    Sequence(b"\r.\n", CR),
    Sequence(b"\r.\r", CR),
    Sequence(b"\n.\r\n", LF),
    Sequence(b"\r.\r\n", CR),
    Sequence(b"\r\n\0.\r\n", NUL),
    # outbound
    Sequence(b"\r\n.\r\r\n", CR),
    Sequence(b"\r\r\n.\r\r\n", CR),
    # what else some parser somewhere takes for an end of line or skips
    Sequence(b"\r\n.\n", LF),
    Sequence(b"\r\n.\r", CR),
    Sequence(b"\r\n.\0\r\n", NUL),
    Sequence(b"\r\r\n.\r\n", CR),
    Sequence(b"\r\n.\n\r\n", LF),
    Sequence(b"\n\r.\n\r", LF),
    Sequence(b"\n\n.\n\n", LF),
    Sequence(b"\r\n. \r\n"),
    Sequence(b"\r\n .\r\n"),
    Sequence(b"\r\n\x0b.\r\n"),
    Sequence(b"\r\n\x0c.\r\n"),
    Sequence(b"\r\n.\x1a\r\n"),
    Sequence("\u0085.\u0085".encode()),
    Sequence(b"\x85.\x85"),
    Sequence("\u2028.\u2028".encode()),
    Sequence("\u2029.\u2029".encode()),
    Sequence(b"\r\n..\r\n"),
    Sequence(EOD, ends=True),
]


@dataclass
class Attack:
    """One mail with the sequence in it, sent in one of the ways."""

    house: House
    sequence: Sequence
    talk: Talk
    parameters: str = ""
    hello: str = "EHLO relay.example.net"
    tail: bytes = SMUGGLED

    def head(self) -> bytes:
        return b"From: <ann@relay.example.net>\r\nSubject: innocent\r\n\r\nA first line"

    def whole(self) -> bytes:
        return self.head() + self.sequence.data + self.tail + EOD

    def passed_on(self) -> bytes:
        """A dot at the beginning of a line that has more on it is stuffing: removed by us, and not put back."""
        return re.sub(rb"\r\n\.(?!\.)", b"\r\n", self.sequence.data)

    def begin(self) -> None:
        assert self.talk.say(self.hello).code == 250
        assert self.talk.say(f"MAIL FROM:<ann@relay.example.net>{self.parameters}").code == 250
        assert self.talk.say(f"RCPT TO:<bo@{OPEN}>").code == 250
        assert self.talk.say("DATA").code == 354

    def run(self, *pieces: bytes) -> Answer:
        """The answer to the mail, in one piece unless told otherwise."""
        self.house.fresh()
        self.begin()
        if len(pieces) > 1:
            segments(self.talk, *pieces)
        else:
            push(self.talk, pieces[0] if pieces else self.whole())
        return self.talk.answer()

    def judge(self, answer: Answer) -> None:
        sequence, sink = self.sequence, self.house.sink
        if sequence.defect:
            assert answer.code == 550, answer
            assert answer.text.startswith("5.6.0 ")
            assert sequence.defect in answer.text
            assert answer.id
            assert fresh_or_closed(self.talk)
            assert not sink.mails
        else:
            assert answer.code == 250, answer
            assert fresh_or_closed(self.talk)
            assert len(sink.mails) == 1
            assert sink.mails[0].data.endswith(self.head() + self.passed_on() + self.tail + b"\r\n")
        assert cleanly(sink.mails)
        assert not [line for line in sink.heard if EVIL in line]


# ---- the variants: each sends one mail, or several, and says what has to have come of it ---------------------------


def alone(house: House, sequence: Sequence) -> None:
    with house.talk() as talk:
        attack = Attack(house, sequence, talk, tail=b"A last line")
        attack.judge(attack.run())


def with_smuggled_mail(house: House, sequence: Sequence) -> None:
    with house.talk() as talk:
        attack = Attack(house, sequence, talk)
        attack.judge(attack.run())


def split_everywhere(house: House, sequence: Sequence) -> None:
    for cut in range(len(sequence.data) + 1):
        with house.talk() as talk:
            attack = Attack(house, sequence, talk)
            at = len(attack.head()) + cut
            attack.judge(attack.run(attack.whole()[:at], attack.whole()[at:]))


def within_tls(house: House, sequence: Sequence) -> None:
    with house.talk() as talk:
        assert talk.say("EHLO relay.example.net").code == 250
        assert talk.starttls().code == 220
        attack = Attack(house, sequence, talk)
        attack.judge(attack.run())


def with_size(house: House, sequence: Sequence) -> None:
    with house.talk() as talk:
        attack = Attack(house, sequence, talk)
        attack.parameters = f" SIZE={len(attack.head())}"  # up to the sequence: where the smuggler wants it to end
        attack.judge(attack.run())


def without_esmtp(house: House, sequence: Sequence) -> None:
    with house.talk() as talk:
        attack = Attack(house, sequence, talk, hello="HELO relay.example.net")
        attack.judge(attack.run())


def after_too_big(house: House, sequence: Sequence) -> None:
    """One byte over the size, then the sequence; the true end is cut at each of its bytes."""
    start = b"Subject: big\r\n\r\n" + b"x" * 62 + b"\r\n"
    start += (b"y" * 62 + b"\r\n") * ((MAX_SIZE - len(start)) // 64)
    start += b"z" * (MAX_SIZE + 1 - len(start))
    for cut in range(len(EOD) + 1):
        with house.talk() as talk:
            attack = Attack(house, sequence, talk)
            last = start + sequence.data + SMUGGLED
            answer = attack.run(last + EOD[:cut], EOD[cut:]) if cut < len(EOD) else attack.run(last + EOD)
            assert answer.code == 552, answer
            assert fresh_or_closed(talk)
            assert house.sink.mails == []
            assert not [line for line in house.sink.heard if EVIL in line]


def normalised(house: House, sequence: Sequence) -> None:
    """A peer whose bare newlines are repaired: one mail, whatever was in it, with clean line ends."""
    with house.talk(BARE_NEWLINES_OK) as talk:
        attack = Attack(house, sequence, talk)
        answer = attack.run()
        assert answer.code == 250, answer
        assert fresh_or_closed(talk)
        assert len(house.sink.mails) == 1
        assert cleanly(house.sink.mails)
        assert b"Pay at once." in house.sink.mails[0].data
        assert not [line for line in house.sink.heard if EVIL in line]


Variant = Callable[[House, Sequence], None]
VARIANTS: list[Variant] = [
    alone,
    with_smuggled_mail,
    split_everywhere,
    within_tls,
    with_size,
    without_esmtp,
    after_too_big,
    normalised,
]
CASES = [
    (variant, sequence)
    for sequence in SEQUENCES
    for variant in VARIANTS
    # Where stray CRs are repaired, CR CR LF is the end of a line, and a true end may follow it.
    if not sequence.ends and (variant, sequence.data) != (normalised, b"\r\r\n.\r\n")
]


def test_the_matrix_is_whole() -> None:
    assert len(CASES) >= 140


@pytest.mark.parametrize(
    ("variant", "sequence"), CASES, ids=[f"{sequence} {variant.__name__}" for variant, sequence in CASES]
)
def test_no_sequence_lets_a_second_mail_through(house: House, variant: Variant, sequence: Sequence) -> None:
    variant(house, sequence)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_true_end_is_found_in_however_many_segments(house: House, tls: bool) -> None:
    """All ways to cut it in three."""
    for first in range(1, len(EOD)):
        for second in range(first + 1, len(EOD)):
            with house.talk() as talk:
                if tls:
                    talk.say("EHLO relay.example.net")
                    talk.starttls()
                attack = Attack(house, Sequence(EOD, ends=True), talk)
                answer = attack.run(attack.head() + EOD[:first], EOD[first:second], EOD[second:])
                assert answer.code == 250
                assert fresh_or_closed(talk)
                assert len(house.sink.mails) == 1
                assert house.sink.mails[0].data.endswith(attack.head() + b"\r\n")


def test_what_follows_the_true_end_is_a_mail_of_its_own(house: House) -> None:
    """Pipelining behind the dot is nobody's smuggling: the peer itself said so."""
    with house.talk() as talk:
        attack = Attack(house, Sequence(EOD, ends=True), talk)
        answers = [attack.run(), *(talk.answer() for _ in range(4))]
        assert [answer.code for answer in answers] == [250, 250, 250, 354, 250]
    assert [mail.sender.partition(">")[0] for mail in house.sink.mails] == [
        "FROM:<ann@relay.example.net",
        f"FROM:<{EVIL}",
    ]


@pytest.mark.parametrize("sequence", [one for one in SEQUENCES if one.defect], ids=str)
def test_a_refused_mail_closes_the_connection(house: House, sequence: Sequence) -> None:
    """Its next bytes may be forged, so nothing that comes after them is obeyed."""
    with house.talk() as talk:
        attack = Attack(house, sequence, talk)
        assert attack.run(attack.whole() + b"NOOP\r\nNOOP\r\n").code == 550
        with pytest.raises(Closed):
            talk.answer()


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\0\n", b"\n\r"], ids=repr)
def test_a_command_line_ends_with_crlf_or_the_connection_does(house: House, ending: bytes) -> None:
    with house.talk() as talk:
        talk.say("EHLO relay.example.net")
        push(talk, f"MAIL FROM:<{EVIL}>".encode() + ending + f"RCPT TO:<bo@{OPEN}>\r\nDATA\r\n".encode())
        assert talk.answer().code == 500
        with pytest.raises(Closed):
            talk.answer()
    assert house.sink.heard == []


def test_a_mail_of_exactly_the_size_is_taken_and_one_byte_more_is_not(house: House) -> None:
    head = b"Subject: big\r\n\r\n"
    for over, code in ((0, 250), (1, 552)):
        lines = b"x" * 998 + b"\r\n"
        body = head + lines * ((MAX_SIZE - len(head)) // 1000 - 1)
        body += b"y" * (MAX_SIZE + over - len(body) - 2) + b"\r\n"
        assert len(body) == MAX_SIZE + over
        with house.talk() as talk:
            talk.envelope("ann@relay.example.net", [f"bo@{OPEN}"])
            assert talk.data(body).code == code
    assert len(house.sink.mails) == 1
    assert not IMPURE.search(house.sink.mails[0].data)
