"""The parts of the relay that do no I/O."""

from collections.abc import Iterable
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import Address, Peer, Recipient
from gateway.relay.answer import read_answer
from gateway.relay.commands import mail_command, path_bytes, rcpt_command
from gateway.relay.factory import make_hop, make_route
from gateway.relay.failover import FailOver
from gateway.relay.maildir import MaildirHop, folder_name
from gateway.relay.origin import xclient_command, xforward_command, xtext
from gateway.relay.pool import SmtpHop
from gateway.relay.stuffing import DotStuffer
from gateway.relay.wire import Broken, TimeLimits
from tests.relay.scripted import address, outgoing

# --- dot-stuffing ---------------------------------------------------------------------------------------------------

WIRE_LIKE = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"x"]), max_size=40).map(b"".join)


def stuffed(chunks: Iterable[bytes]) -> bytes:
    stuffer = DotStuffer()
    return b"".join([*(stuffer.feed(chunk) for chunk in chunks), stuffer.finish()])


def read_by_the_hop(wire: bytes) -> tuple[bytes, bytes]:
    """What RFC 5321 4.5.2 makes a server read, and what it would take for the next command."""
    body, rest = b"", b"\r\n" + wire
    while not rest.startswith(b"\r\n.\r\n"):
        line, found, rest = rest[2:].partition(b"\r\n")
        assert found, "the data never ended"
        rest = found + rest
        body += line.removeprefix(b".") + b"\r\n"
    return body, rest[5:]


@given(WIRE_LIKE)
@example(b"\r\n.\r\nMAIL")
def test_stuffing_byte_by_byte_is_stuffing_at_once(data: bytes) -> None:
    assert stuffed(data[i : i + 1] for i in range(len(data))) == stuffed([data])


@given(WIRE_LIKE)
@example(b"")
@example(b".")
@example(b"\r\n.\r\nMAIL FROM:<>\r\n")
def test_the_hop_reads_the_original_and_nothing_after_it(data: bytes) -> None:
    original = data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    assert read_by_the_hop(stuffed([data])) == (original, b"")


def test_no_line_end_is_added_where_there_is_one() -> None:
    assert stuffed([b"a\r", b"\n.b\r\n"]) == b"a\r\n..b\r\n.\r\n"
    assert stuffed([b"a"]) == b"a\r\n.\r\n"


# --- addresses ------------------------------------------------------------------------------------------------------

ODD = st.text(alphabet='ab@<>"\\ .,:;[]()\r\n\0\t\x7fé\u2028', max_size=14)


def path_as_a_server_reads_it(line: bytes) -> bytes | None:
    """A state machine of RFC 5321 4.1.2: what stands before the first `>` outside quotes, when nothing follows it."""
    assert line[:1] == b"<"
    quoted = escaped = False
    for place, byte in enumerate(line[1:], 1):
        if escaped:
            escaped = False
        elif byte == ord("\\"):
            escaped = True
        elif byte == ord('"'):
            quoted = not quoted
        elif byte == ord(">") and not quoted:
            return line[1:place] if place == len(line) - 1 else None
    return None


@given(ODD | ODD.map(lambda text: f'"{text}"@x.example'), st.booleans())
@example('"a b>c<\\""@x.example', False)
def test_an_address_is_sent_as_validated_or_not_at_all(raw: str, utf8: bool) -> None:
    try:
        path = path_bytes(Address(raw, raw, "x.example"), utf8)
    except ValueError:
        return
    assert path_as_a_server_reads_it(path) == raw.encode()
    assert not set(path) & set(b"\r\n\0\t\x7f")
    assert '"' in raw or not set(path[1:-1]) & set(b" <>")


@pytest.mark.parametrize(
    "raw",
    ["", "a>b@x", "a b@x", 'a"b@x', "a\\@x", '"a\r<v@ext.org>"@x', '"a"b@x', '"a"@x>', "a@x\n", '"a@x', "a\0@x", "é@x"],
)
def test_what_could_end_the_path_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"path|ascii"):
        path_bytes(Address(raw, raw, "x"))


@pytest.mark.parametrize(
    "raw", ["Bob@Here.Example", '"a b<c>"@x', "postmaster", "a@[IPv6:::1]", "#$%&'*+-/=?^_`{|}~@x"]
)
def test_common_and_legal_addresses_leave_letter_by_letter(raw: str) -> None:
    assert path_bytes(Address(raw, raw, "x")) == f"<{raw}>".encode()


def test_the_null_sender_and_utf8() -> None:
    assert path_bytes(None) == b"<>"
    assert path_bytes(address("ä@x"), utf8=True) == "<ä@x>".encode()


# --- commands -------------------------------------------------------------------------------------------------------

ALL = {"SIZE": "", "8BITMIME": "", "SMTPUTF8": "", "DSN": ""}


def test_parameters_go_only_to_a_hop_that_offers_them() -> None:
    mail = outgoing(body_8bit=True, smtputf8=True, ret="HDRS", envid="QQ+2B1", data=b"12345")
    line = b"MAIL FROM:<anna@there.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1\r\n"
    assert mail_command(mail, ALL) == line
    assert mail_command(outgoing(data=b"1"), ALL) == b"MAIL FROM:<anna@there.example> SIZE=1\r\n"
    assert mail_command(outgoing(body_8bit=True, ret="HDRS"), {}) == b"MAIL FROM:<anna@there.example>\r\n"


def test_dsn_parameters_of_a_recipient() -> None:
    bob = Recipient(address("bob@here.example"), "SUCCESS,FAILURE", "rfc822;Bob@old.example")
    told = b"RCPT TO:<bob@here.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@old.example\r\n"
    assert rcpt_command(bob, ALL) == told
    assert rcpt_command(bob, {}) == b"RCPT TO:<bob@here.example>\r\n"


@pytest.mark.parametrize("value", ["a b", "x\r\nRSET", "a\0", "é", "a\n"])
def test_a_parameter_cannot_carry_a_command(value: str) -> None:
    with pytest.raises(ValueError, match=r"parameter|ascii"):
        mail_command(outgoing(envid=value), ALL)


# --- replies --------------------------------------------------------------------------------------------------------


async def answer_of(*lines: bytes) -> str:
    left = iter(lines)

    async def next_line() -> bytes:
        return next(left)

    return str((await read_answer(next_line)).as_reply())


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ([b"250"], "250"),
        ([b"250 2.1.5 ok"], "250 2.1.5 ok"),
        ([b"550-5.1.1 no", b"550 5.1.1 such user"], "550 5.1.1 no such user"),
        ([b"550-5.1.1 no", b"550 such user"], "550 5.1.1 no such user"),
        ([b"450 5.1.1 classes differ"], "450 5.1.1 classes differ"),
        ([b"250 10.0.0.1 is no code"], "250 10.0.0.1 is no code"),
        ([b"451 a\rb\0c\x1bd\xe4"], "451 a?b?c?d?"),
    ],
)
async def test_replies_become_one_printable_line(lines: list[bytes], reply: str) -> None:
    assert await answer_of(*lines) == reply


async def test_an_enhanced_code_of_another_class_stays_text() -> None:
    async def next_line() -> bytes:
        return b"450 5.1.1 classes differ"

    assert (await read_answer(next_line)).as_reply().enhanced == ""


@pytest.mark.parametrize(
    "lines",
    [
        [b"HTTP/1.1 400 Bad Request"],
        [b""],
        [b"25"],
        [b"2500"],
        [b"150 too early"],
        [b"600 too late"],
        [b"250_ok"],
        [b"250-a", b"550 b"],
        [b"250-x"] * 129,
        [b"250-" + b"x" * 4000] * 17,
    ],
)
async def test_what_is_no_reply_breaks_the_connection(lines: list[bytes]) -> None:
    with pytest.raises(Broken):
        await answer_of(*lines)


async def test_128_lines_are_still_a_reply() -> None:
    assert (await answer_of(*[b"250-x"] * 127, b"250 y")).endswith("x y")


# --- origin ---------------------------------------------------------------------------------------------------------

EVERY = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR SOURCE"


def test_xclient_and_xforward_on_the_wire() -> None:
    peer = Peer(ip_address("2001:db8::1"), helo="mail.there+x=.example", name=None)
    tail = b" NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 HELO=mail.there+2Bx+3D.example PROTO=ESMTP"
    assert xclient_command(peer, EVERY) == b"XCLIENT" + tail + b"\r\n"
    assert xforward_command(peer, EVERY) == b"XFORWARD" + tail + b" SOURCE=REMOTE\r\n"


def test_only_offered_attributes_are_told() -> None:
    peer = Peer(ip_address("192.0.2.9"), helo="", name="mx.there.example", esmtp=False)
    assert xclient_command(peer, "addr proto") == b"XCLIENT ADDR=192.0.2.9 PROTO=SMTP\r\n"
    assert xclient_command(peer, "HELO") == b"XCLIENT HELO=[UNAVAILABLE]\r\n"
    assert xclient_command(peer, "LOGIN") is None


@given(st.text())
def test_xtext_is_one_word_that_reads_back(value: str) -> None:
    told = xtext(value)
    assert all("!" <= letter <= "~" for letter in told)
    read = bytearray()
    while told:
        size = 3 if told[0] == "+" else 1
        read += bytes([int(told[1:3], 16)]) if size == 3 else told[:1].encode()
        told = told[size:]
    assert bytes(read) == value.encode("utf-8", "replace")


# --- URLs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://mx.example", "smtp://mx.example:25"),
        ("smtp://[::1]:2525", "smtp://[::1]:2525"),
        ("lmtp://mx.example/", "lmtp://mx.example:24"),
        ("lmtp:///run/dovecot/lmtp", "lmtp:///run/dovecot/lmtp"),
    ],
)
def test_urls_of_network_hops(url: str, told: str) -> None:
    hop = make_hop(url, hostname="gate.example", parallel=3, times=TimeLimits(connect=1.5))
    assert isinstance(hop, SmtpHop)
    assert (str(hop._endpoint), hop._endpoint.lmtp, hop._limits.parallel) == (told, url.startswith("lmtp"), 3)
    assert hop._times.connect == 1.5


def test_tls_modes() -> None:
    may, require, off = (make_hop("smtp://x", hostname="g", tls=tls)._endpoint for tls in ("may", "require", "off"))
    assert (may.tls.verify_mode, may.tls_required) == (0, False)
    assert (require.tls.verify_mode, require.tls.check_hostname, require.tls_required) == (2, True, True)
    assert off.tls is None


def test_maildir_and_routes() -> None:
    assert str(make_hop("maildir:///var/mail%20dir", hostname="g")._root) == "/var/mail dir"
    assert isinstance(make_route(["maildir:///a"], hostname="g"), MaildirHop)
    assert isinstance(make_route(["maildir:///a", "smtp://b"], hostname="g"), FailOver)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://x", "does not begin with"),
        ("mx.example:25", "does not begin with"),
        ("smtp:///run/x", "names no host"),
        ("smtp://", "names no host"),
        ("smtp://a b", "names no host"),
        ("smtp://..", "names no host"),
        ("smtp://x:0", "port"),
        ("smtp://x:70000", "port"),
        ("smtp://x:smtp", "port"),
        ("smtp://[::1", "is not a URL"),
        ("smtp://x/path", "has a path"),
        ("smtp://me:secret@x", "more than"),
        ("smtp://x?tls=no", "more than"),
        ("maildir://host/path", "absolute path"),
        ("maildir:///", "absolute path"),
        ("lmtp://", "absolute path"),
    ],
)
def test_a_wrong_url_is_explained(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_hop(url, hostname="gate.example")


def test_other_wrong_settings_are_explained() -> None:
    for arguments in ({"tls": "maybe"}, {"parallel": 0}, {"hostname": "a\r\nb"}, {"hostname": "ü"}, {"hostname": ""}):
        with pytest.raises(ValueError, match=r"TLS|connection|EHLO"):
            make_hop("smtp://x", **({"hostname": "g"} | arguments))
    with pytest.raises(ValueError, match="at least one"):
        make_route([], hostname="g")


# --- folder names ---------------------------------------------------------------------------------------------------


@given(
    st.text(alphabet="ab./\0%~A\\é ", min_size=1, max_size=30),
    st.text(alphabet="ab./\0%~A\\é ", min_size=1, max_size=30),
)
@example("..", "%2e.")
@example("a" * 300, "a" * 301)
def test_folder_names_are_safe_and_one_per_key(one: str, other: str) -> None:
    name = folder_name(one)
    assert name
    assert not set(name) & set("/\0")
    assert not name.startswith(".")
    assert ".." not in name
    assert len(name) <= 255
    assert (name == folder_name(other)) == (one == other)


def test_an_ordinary_address_keeps_its_name() -> None:
    assert folder_name("bob+list_x=1@here-now.example") == "bob+list_x=1@here-now.example"
    assert folder_name("../../etc@x") == "%2E%2E%2F.%2E%2Fetc@x"
