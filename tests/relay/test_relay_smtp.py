"""One mail over real sockets: every stage at which a next hop can refuse, vanish, stall or lie."""

import asyncio
import ssl
import time
import tracemalloc
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.model import Peer, Recipient
from gateway.relay.connection import Endpoint
from gateway.relay.nexthop import LOST, UNREACHABLE, Attempt, AttemptEnd, Capabilities, Outgoing
from gateway.relay.pool import SmtpHop
from gateway.relay.stuffing import DotStuffer
from gateway.relay.transaction import Transaction
from gateway.relay.wire import READ_AHEAD, TimeLimits, connect_tcp
from tests.relay.conftest import PATIENT, MakeHop
from tests.relay.scripted import BARE, DROP, EHLO, HANG, ScriptedHop, address, outgoing, running

ANNA, BOB = "anna@here.example", "bob@here.example"


def told(attempts: list[Attempt]) -> list[str]:
    return [f"{attempt.end.value} {attempt.reply}" for attempt in attempts]


# --- when all goes well ---------------------------------------------------------------------------------------------


async def test_a_mail_arrives_byte_for_byte(hop_to: MakeHop) -> None:
    data = b"Subject: x\r\n\r\n.one\r\n..two\r\n.\r\n\xff\x00 end\r\n"
    async with running(ScriptedHop()) as server:
        attempts = await hop_to(server).deliver(outgoing(ANNA, BOB, data=data, body_8bit=True))
    assert told(attempts) == ["answered 250 2.0.0 queued"] * 2
    assert server.lines == [
        b"EHLO gate.example\r\n",
        b"MAIL FROM:<anna@there.example> SIZE=%d BODY=8BITMIME\r\n" % len(data),
        b"RCPT TO:<anna@here.example>\r\n",
        b"RCPT TO:<bob@here.example>\r\n",
        b"DATA\r\n",
    ]
    assert server.bodies == [b"Subject: x\r\n\r\n..one\r\n...two\r\n..\r\n\xff\x00 end\r\n.\r\n"]


async def test_a_large_mail_arrives_whole(hop_to: MakeHop) -> None:
    data = b"." + b"0123456789abcde\r\n" * 300_000
    async with running(ScriptedHop()) as server:
        attempts = await hop_to(server).deliver(outgoing(data=data, cut=1_000_003))
        assert attempts[0].reply.code == 250
    assert server.bodies == [b"." + data + b".\r\n"]


async def test_an_odd_address_arrives_as_validated(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        await hop_to(server).deliver(outgoing('"a <b>\\"c"@Here.Example', sender="X=Y@There.Example"))
    assert server.commands("MAIL")[0].startswith(b"MAIL FROM:<X=Y@There.Example> ")
    assert server.commands("RCPT") == [b'RCPT TO:<"a <b>\\"c"@Here.Example>\r\n']


async def test_commands_are_sent_together_only_where_offered(hop_to: MakeHop) -> None:
    for greeting, together in ((EHLO, True), (BARE, False)):
        async with running(ScriptedHop(EHLO=greeting, MAIL=[b"451 4.3.0 later\r\n"])) as server:
            assert told(await hop_to(server).deliver(outgoing())) == ["answered 451 4.3.0 later"]
        assert bool(server.commands("RCPT")) is bool(server.commands("DATA")) is together
        assert not server.bodies


async def test_many_recipients_are_asked_in_order(hop_to: MakeHop) -> None:
    replies = [b"550 5.1.1 no %d\r\n" % n if n % 3 else b"250 ok\r\n" for n in range(250)]
    async with running(ScriptedHop(RCPT=replies)) as server:
        attempts = await hop_to(server).deliver(outgoing(*(f"r{n}@here.example" for n in range(250))))
    assert [str(a.reply) for a in attempts] == [
        f"550 5.1.1 no {n}" if n % 3 else "250 2.0.0 queued" for n in range(250)
    ]


async def test_helo_where_ehlo_is_refused(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=b"502 5.5.1 what\r\n")) as server:
        attempts = await hop_to(server).deliver(outgoing(body_8bit=True))
    assert attempts[0].reply.code == 250
    assert server.lines[1:3] == [b"HELO gate.example\r\n", b"MAIL FROM:<anna@there.example>\r\n"]


async def test_no_helo_where_ehlo_is_only_deferred_or_for_lmtp(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=b"451 later\r\n", LHLO=b"502 what\r\n")) as server:
        assert await hop_to(server).deliver(outgoing()) == [UNREACHABLE]
        assert await hop_to(server, lmtp=True).deliver(outgoing()) == [UNREACHABLE]
    assert server.verbs == ["EHLO", "LHLO"]


@pytest.mark.parametrize("refuses", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", [b"354 go on\r\n", DROP, HANG], ids=["waits for the mail", "closes", "is silent"])
async def test_a_hop_that_is_odd_about_data_for_nobody_is_left_and_its_refusal_counts(
    hop_to: MakeHop, refuses: str, answer: bytes
) -> None:
    script = {refuses: [b"550 5.7.1 not you\r\n", b"250 ok\r\n"], "DATA": [answer, b"354 go on\r\n"]}
    async with running(ScriptedHop(naive=True, **script)) as server:
        # whatever it says before and after its silence has to come within this
        hop = hop_to(server, times=TimeLimits(command=5) if answer == HANG else PATIENT)
        assert told(await hop.deliver(outgoing())) == ["answered 550 5.7.1 not you"]
        assert told(await hop.deliver(outgoing())) == ["answered 250 2.0.0 queued"]
    assert server.connections == 2


# --- LMTP -----------------------------------------------------------------------------------------------------------


async def test_lmtp_answers_for_each_accepted_recipient(hop_to: MakeHop) -> None:
    script = ScriptedHop(
        RCPT=[b"250 ok\r\n", b"550 5.1.1 unknown\r\n", b"250 ok\r\n"],
        **{".": b"250 2.0.0 in\r\n452-4.2.2 over\r\n452 4.2.2 quota\r\n"},
    )
    async with running(script) as server:
        hop = hop_to(server, lmtp=True)
        attempts = await hop.deliver(outgoing("a@x.example", "b@x.example", "c@x.example"))
        assert told(attempts) == [
            "answered 250 2.0.0 in",
            "answered 550 5.1.1 unknown",
            "answered 452 4.2.2 over quota",
        ]
        await hop.deliver(outgoing())
        assert server.connections == 1
    assert server.lines[0] == b"LHLO gate.example\r\n"


async def test_lmtp_lost_between_the_replies(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{".": b"250 2.0.0 in\r\n" + DROP})) as server:
        attempts = await hop_to(server, lmtp=True).deliver(outgoing(ANNA, BOB))
    assert told(attempts)[0] == "answered 250 2.0.0 in"
    assert attempts[1] == LOST


async def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    async with running(ScriptedHop(), socket=path) as server:
        hop = SmtpHop(Endpoint("gate.example", socket=str(path), lmtp=True), times=PATIENT)
        assert told(await hop.deliver(outgoing())) == ["answered 250 2.0.0 queued"]
        await hop.close()
    assert len(server.bodies) == 1
    gone = SmtpHop(Endpoint("gate.example", socket=str(tmp_path / "none"), lmtp=True), times=PATIENT)
    assert await gone.deliver(outgoing()) == [UNREACHABLE]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [450, 550])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
async def test_a_refusal_is_the_answer_and_the_connection_lives_on(hop_to: MakeHop, stage: str, code: int) -> None:
    reply = f"{code} {code // 100}.7.1 not now"
    async with running(ScriptedHop(**{stage: [*[f"{reply}\r\n".encode()] * 2, b"250 ok\r\n"]})) as server:
        hop = hop_to(server)
        assert told(await hop.deliver(outgoing(ANNA, BOB)))[0] == f"answered {reply}"
        server.script[stage] = ScriptedHop().script[stage]
        assert told(await hop.deliver(outgoing())) == ["answered 250 2.0.0 queued"]
        assert server.connections == 1
    assert len(server.commands("RSET")) == (0 if stage == "." else 1)
    assert len(server.bodies) == (2 if stage == "." else 1)


async def test_a_refused_recipient_does_not_stop_the_others(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(RCPT=[b"550 5.1.1 unknown\r\n", b"250 ok\r\n"])) as server:
        attempts = await hop_to(server).deliver(outgoing(ANNA, BOB))
    assert told(attempts) == ["answered 550 5.1.1 unknown", "answered 250 2.0.0 queued"]


async def test_no_data_without_an_accepted_recipient(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(RCPT=b"550 5.1.1 unknown\r\n")) as server:
        await hop_to(server).deliver(outgoing(ANNA, BOB))
        await hop_to(server).deliver(outgoing(*(f"r{n}@here.example" for n in range(100))))  # too many for one group
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "EHLO", "MAIL", *["RCPT"] * 100]
    assert not server.bodies


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
async def test_421_closes_the_connection_and_answers_for_all(hop_to: MakeHop, stage: str) -> None:
    async with running(ScriptedHop(**{stage: [b"421 4.3.2 going down\r\n", b"250 ok\r\n"]})) as server:
        hop = hop_to(server)
        assert told(await hop.deliver(outgoing(ANNA, BOB))) == ["answered 421 4.3.2 going down"] * 2
        await hop.deliver(outgoing())
        assert server.connections == 2


async def test_a_421_in_the_middle_keeps_earlier_refusals(hop_to: MakeHop) -> None:
    replies = [b"550 5.1.1 unknown\r\n", b"250 ok\r\n", b"421 4.3.2 bye\r\n" + DROP]
    async with running(ScriptedHop(RCPT=replies)) as server:
        attempts = await hop_to(server).deliver(outgoing(ANNA, BOB, "c@x.example", "d@x.example"))
    assert [a.reply.code for a in attempts] == [550, 421, 421, 421]


async def test_what_is_no_yes_or_no_is_a_broken_hop(hop_to: MakeHop) -> None:
    for script in ({"MAIL": b"354 go\r\n"}, {"RCPT": b"334 go\r\n"}, {"DATA": b"250 ok\r\n"}):
        async with running(ScriptedHop(**script)) as server:
            assert await hop_to(server).deliver(outgoing()) == [UNREACHABLE]
            assert not server.bodies
    async with running(ScriptedHop(**{".": b"354 more\r\n"})) as server:
        assert await hop_to(server).deliver(outgoing()) == [LOST]


async def test_internationalized_mail_needs_a_hop_that_takes_it(hop_to: MakeHop) -> None:
    mail = outgoing("bärbel@here.example", BOB, smtputf8=True)
    async with running(ScriptedHop(EHLO=[BARE, EHLO])) as server:
        attempts = await hop_to(server).deliver(mail)
        assert [str(a.reply)[:9] for a in attempts] == ["550 5.6.7"] * 2
        assert {a.end for a in attempts} == {AttemptEnd.ANSWERED}
        assert server.verbs == ["EHLO"]
        assert (await hop_to(server).deliver(mail))[0].reply.code == 250
    assert b" SMTPUTF8" in server.commands("MAIL")[0]
    assert server.commands("RCPT")[0] == "RCPT TO:<bärbel@here.example>\r\n".encode()


async def test_addresses_that_would_break_out_are_not_sent(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server)
        attempts = await hop.deliver(outgoing("a>\r\nRSET\r\n@x.example", BOB))
        assert [str(a.reply)[:9] for a in attempts] == ["550 5.1.3", "250 2.0.0"]
        attempts = await hop.deliver(outgoing(ANNA, BOB, sender="a b@x.example"))
        assert [str(a.reply)[:9] for a in attempts] == ["550 5.1.7"] * 2
        assert [a.reply.code for a in await hop.deliver(outgoing("ä@x.example"))] == [550]
        assert server.connections == 1
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "DATA"]


async def test_dsn_parameters_reach_the_hop(hop_to: MakeHop) -> None:
    bob = Recipient(address(BOB), "NEVER", "rfc822;bob@old.example")
    async with running(ScriptedHop()) as server:
        await hop_to(server).deliver(outgoing(bob, sender=None, ret="FULL", envid="id1"))
    assert server.commands("MAIL")[0].endswith(b" RET=FULL ENVID=id1\r\n")
    assert server.commands("MAIL")[0].startswith(b"MAIL FROM:<> ")
    assert server.commands("RCPT") == [b"RCPT TO:<bob@here.example> NOTIFY=NEVER ORCPT=rfc822;bob@old.example\r\n"]


# --- connections that fail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("greeting", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("greeting", b"554 5.7.1 not you\r\n"),
        ("greeting", b"421 4.3.2 busy\r\n"),
        ("greeting", b"250 hello\r\n"),
        ("greeting", b"\xff\xfe\0\x01" * 100 + b"\n"),
        ("greeting", DROP),
        ("greeting", HANG),
        ("greeting", b"220-never ends\r\n" * 1000),
        ("EHLO", DROP),
        ("EHLO", HANG),
        ("EHLO", b"250-half\r\n" + DROP),
        ("EHLO", b"250-a\r\n550 b\r\n"),
        ("EHLO", BARE + b"250 and more\r\n"),
        ("MAIL", DROP),
        ("MAIL", HANG),
        ("RCPT", DROP),
        ("RCPT", b"nonsense\r\n"),
        ("DATA", DROP),
        ("DATA", HANG),
        ("DATA", b"354 go\r\n" + DROP),
    ],
)
async def test_before_the_dot_nothing_was_accepted(hop_to: MakeHop, stage: str, answer: bytes) -> None:
    async with running(ScriptedHop(**{stage: answer})) as server:
        hop = hop_to(server, times=TimeLimits(command=0.1) if answer == HANG else PATIENT)
        started = time.monotonic()
        attempts = await hop.deliver(outgoing(ANNA, BOB, data=b"x" * 2_000_000, cut=65536))
        assert time.monotonic() - started < 60
        assert attempts == [UNREACHABLE] * 2
        assert not server.bodies
    assert str(UNREACHABLE.reply).startswith("451 4.4.1 ")


@pytest.mark.parametrize("answer", [DROP, HANG, b"garbage\r\n", b"25", b"250-half\r\n" + DROP])
async def test_after_the_dot_nobody_knows(hop_to: MakeHop, answer: bytes) -> None:
    async with running(ScriptedHop(**{".": answer})) as server:
        hop = hop_to(server, times=TimeLimits(final=0.1) if answer in (HANG, b"25") else PATIENT)
        assert await hop.deliver(outgoing(ANNA, BOB)) == [LOST] * 2
        assert (len(server.bodies), server.connections) == (1, 1)
    assert str(LOST.reply).startswith("451 4.4.2 ")


async def test_an_answer_is_heard_though_the_hop_closes_at_once(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{".": b"250 2.0.0 in\r\n" + DROP})) as server:
        assert told(await hop_to(server).deliver(outgoing())) == ["answered 250 2.0.0 in"]


async def test_lost_before_the_dot_keeps_what_recipients_were_told(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(RCPT=[b"550 5.1.1 no\r\n", b"250 ok\r\n"], DATA=DROP)) as server:
        attempts = await hop_to(server).deliver(outgoing(ANNA, BOB))
    assert told(attempts)[0] == "answered 550 5.1.1 no"
    assert attempts[1] == UNREACHABLE


async def test_a_refusal_in_the_middle_of_the_data_is_heard(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{"mid-data": b"552 5.3.4 too big\r\n"})) as server:
        hop = hop_to(server)
        pulled = 0

        def chunks() -> Iterator[bytes]:
            nonlocal pulled
            while pulled < 1000:
                pulled += 1
                yield b"x" * 65536

        mail, started = outgoing(), time.monotonic()
        attempts = await hop.deliver(Outgoing(mail.envelope, chunks, 65_536_000))
        assert told(attempts) == ["answered 552 5.3.4 too big"]
        assert time.monotonic() - started < 60  # a hop that refuses reads no further
        assert pulled < 1000
        del server.script["mid-data"]
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert server.connections == 2  # the hop may take the rest of the data for commands


async def test_the_hop_is_heard_up_to_the_dot() -> None:
    class Interrupting:
        hop_spoke = False

        async def write(self, _: bytes) -> None:
            self.hop_spoke = True

    transaction = Transaction(Interrupting(), outgoing(data=b"all in one piece", cut=100))  # type: ignore[arg-type]
    assert await transaction._body(DotStuffer()) is False


async def test_an_acceptance_before_the_dot_is_none(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(DATA=b"354 go\r\n250 2.0.0 have it\r\n")) as server:
        assert await hop_to(server).deliver(outgoing()) == [UNREACHABLE]
        assert not server.bodies


async def test_a_hop_that_stops_reading_is_given_up(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{"mid-data": HANG})) as server:
        hop = hop_to(server, times=TimeLimits(write=0.2))
        attempts = await hop.deliver(outgoing(data=b"x" * 30_000_000, cut=1_000_000))
    assert attempts == [UNREACHABLE]


async def test_an_endless_reply_line_is_cut_short_in_bounded_memory() -> None:
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            while sent < 10_000_000:
                writer.write(b"2" * 10_000)
                await writer.drain()
                sent += 10_000
        except OSError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
        hop = SmtpHop(Endpoint("g", "127.0.0.1", server.sockets[0].getsockname()[1]), times=PATIENT)
        tracemalloc.start()
        started = time.monotonic()
        try:
            assert await hop.deliver(outgoing()) == [UNREACHABLE]
            assert time.monotonic() - started < 60  # not by waiting
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()
    assert sent < 10_000_000


async def test_unread_bytes_stay_in_the_kernel() -> None:
    """A hop that goes on talking while nobody listens is not read from beyond a limit."""

    async def chatty(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _line in range(10_000):
                writer.write(b"250 and another thing\r\n" * 50)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(chatty, "127.0.0.1", 0) as server:
        wire = await connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
        await asyncio.sleep(0.2)
        assert len(wire._unread) < 4 * READ_AHEAD + 200_000
        for _ in range(50_000):
            assert await wire.line() == b"250 and another thing"
        wire.abort()


async def test_the_reply_in_time_counts_not_the_line(hop_to: MakeHop) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _line in range(60):
                writer.write(b"220-still here\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        except OSError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        hop = SmtpHop(Endpoint("g", "127.0.0.1", server.sockets[0].getsockname()[1]), times=TimeLimits(command=0.3))
        started = time.monotonic()
        assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert time.monotonic() - started < 60


async def test_a_host_that_is_not_there() -> None:
    hop = SmtpHop(Endpoint("gate.example", "127.0.0.1", 1), times=PATIENT)
    assert await hop.deliver(outgoing()) == [UNREACHABLE]
    hop = SmtpHop(Endpoint("gate.example", "no-such-host.invalid", 25), times=TimeLimits(connect=2))
    assert await hop.deliver(outgoing()) == [UNREACHABLE]


async def test_our_own_fault_is_raised_and_ends_the_connection(hop_to: MakeHop) -> None:
    def unreadable() -> object:
        raise FileNotFoundError("body")

    async with running(ScriptedHop()) as server:
        hop = hop_to(server)
        mail = outgoing()
        with pytest.raises(FileNotFoundError):
            await hop.deliver(type(mail)(mail.envelope, unreadable, 1))  # type: ignore[arg-type]
        assert (await hop.deliver(mail))[0].reply.code == 250
        assert (server.connections, len(server.bodies)) == (2, 1)


# --- TLS ------------------------------------------------------------------------------------------------------------

WITH_TLS = b"250-hop.example\r\n250-SIZE 1\r\n250 STARTTLS\r\n"
Certificate = tuple[ssl.SSLContext, Path]


def careless() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_starttls_is_used_and_capabilities_are_read_again(hop_to: MakeHop, certificate: Certificate) -> None:
    async with running(ScriptedHop(tls=certificate[0], EHLO=[WITH_TLS, EHLO])) as server:
        hop = hop_to(server, tls=careless())
        attempts = await hop.deliver(outgoing(data=b"12345678\r\n" * 200_000, cut=500_000))
        assert told(attempts) == ["answered 250 2.0.0 queued"]
        assert await hop.capabilities() == Capabilities(1_000_000, True, True, True)
    assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA"]
    assert server.bodies == [b"12345678\r\n" * 200_000 + b".\r\n"]


async def test_plaintext_behind_the_220_ends_the_connection(hop_to: MakeHop, certificate: Certificate) -> None:
    injected = b"220 go ahead\r\n250 injected by somebody\r\n"
    for answer in (injected, b"220 go ahead\r\n2", b"220-go\r\n220 ahead\r\n\r\n"):
        async with running(ScriptedHop(tls=certificate[0], EHLO=WITH_TLS, STARTTLS=answer)) as server:
            assert await hop_to(server, tls=careless()).deliver(outgoing()) == [UNREACHABLE]
            await asyncio.sleep(0.01)
        assert server.verbs == ["EHLO", "STARTTLS"]


async def test_opportunistic_tls_goes_on_in_plain_where_starttls_is_refused(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=WITH_TLS, STARTTLS=b"454 4.7.0 not now\r\n")) as server:
        assert (await hop_to(server, tls=careless()).deliver(outgoing()))[0].reply.code == 250
    assert server.verbs[:3] == ["EHLO", "STARTTLS", "MAIL"]


@pytest.mark.parametrize("script", [{"EHLO": EHLO}, {"EHLO": WITH_TLS, "STARTTLS": b"454 4.7.0 not now\r\n"}])
async def test_required_tls_never_goes_on_in_plain(hop_to: MakeHop, script: dict[str, bytes]) -> None:
    async with running(ScriptedHop(**script)) as server:
        assert await hop_to(server, tls=careless(), tls_required=True).deliver(outgoing()) == [UNREACHABLE]
    assert not server.commands("MAIL")


async def test_required_tls_checks_the_certificate(hop_to: MakeHop, certificate: Certificate) -> None:
    context, authority = certificate
    trusting = ssl.create_default_context(cafile=str(authority))
    for client, outcome in ((ssl.create_default_context(), 451), (trusting, 250)):
        async with running(ScriptedHop(tls=context, EHLO=[WITH_TLS, EHLO])) as server:
            attempts = await hop_to(server, tls=client, tls_required=True).deliver(outgoing())
            assert attempts[0].reply.code == outcome
            assert bool(server.commands("MAIL")) is (outcome == 250)


@pytest.mark.parametrize("answer", [b"220 go ahead\r\n" + DROP, b"220 go  ahead\r\n"])
async def test_a_handshake_that_fails_is_unreachable(hop_to: MakeHop, answer: bytes) -> None:
    async with running(ScriptedHop(EHLO=WITH_TLS, STARTTLS=answer)) as server:
        assert await hop_to(server, tls=careless()).deliver(outgoing()) == [UNREACHABLE]
    assert not server.commands("MAIL")


async def test_no_starttls_without_tls(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=WITH_TLS)) as server:
        assert (await hop_to(server).deliver(outgoing()))[0].reply.code == 250
    assert "STARTTLS" not in server.verbs


# --- XCLIENT and XFORWARD -------------------------------------------------------------------------------------------

ONE = Peer(ip_address("192.0.2.1"), helo="one.example", name="mx.one.example")
TWO = Peer(ip_address("2001:db8::2"), helo="", name=None, esmtp=False)
XCLIENT = b"250-hop.example\r\n250-XFORWARD NAME ADDR PROTO HELO SOURCE\r\n250 XCLIENT NAME ADDR PROTO HELO\r\n"
XFORWARD = b"250-hop.example\r\n250 XFORWARD NAME ADDR PROTO HELO SOURCE\r\n"
TOLD_ONE = b" NAME=mx.one.example ADDR=192.0.2.1 HELO=one.example PROTO=ESMTP"
TOLD_TWO = b" NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::2 HELO=[UNAVAILABLE] PROTO=SMTP"


async def test_xclient_before_each_mail_of_another_origin(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=XCLIENT)) as server:
        hop = hop_to(server)
        for origin in (ONE, ONE, TWO):
            assert (await hop.deliver(outgoing(origin=origin)))[0].reply.code == 250
        assert server.connections == 1
    mail = ["MAIL", "RCPT", "DATA"]
    assert server.verbs == ["EHLO", "XCLIENT", "EHLO", *mail, *mail, "XCLIENT", "EHLO", *mail]
    assert server.commands("XCLIENT") == [b"XCLIENT" + TOLD_ONE + b"\r\n", b"XCLIENT" + TOLD_TWO + b"\r\n"]


async def test_mail_of_no_origin_never_goes_out_as_somebody_elses(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=XCLIENT)) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing(origin=ONE))
        await hop.deliver(outgoing())
        assert await hop.recipient_exists(address(BOB)) is True
        assert server.connections == 2


async def test_xclient_refused(hop_to: MakeHop) -> None:
    refused = b"550 5.7.0 insufficient authorization\r\n"
    async with running(ScriptedHop(EHLO=XCLIENT, XCLIENT=[refused, b"220 ok\r\n", refused, b"220 ok\r\n"])) as server:
        hop = hop_to(server)
        assert (await hop.deliver(outgoing(origin=ONE)))[0].reply.code == 250
        assert server.verbs[:4] == ["EHLO", "XCLIENT", "XFORWARD", "MAIL"]
        await hop.deliver(outgoing(origin=ONE))
        assert server.commands("XCLIENT") == [b"XCLIENT" + TOLD_ONE + b"\r\n"], "refused once, not said again"
        assert (await hop.deliver(outgoing(origin=TWO)))[0].reply.code == 250
        assert server.connections == 1
        assert (await hop.deliver(outgoing(origin=ONE)))[0].reply.code == 250
        assert server.connections == 2  # the old connection would have said that TWO sent it
    assert len(server.bodies) == 4


async def test_xforward_before_each_mail(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=XFORWARD, XFORWARD=[b"250 ok\r\n", b"550 no\r\n"])) as server:
        hop = hop_to(server)
        for origin in (ONE, TWO, None):
            assert (await hop.deliver(outgoing(origin=origin)))[0].reply.code == 250
    assert server.commands("XFORWARD") == [
        b"XFORWARD" + TOLD_ONE + b" SOURCE=REMOTE\r\n",
        b"XFORWARD" + TOLD_TWO + b" SOURCE=REMOTE\r\n",
    ]
    assert server.verbs[:3] == ["EHLO", "XFORWARD", "MAIL"]


# --- questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "exists"),
    [
        ({}, True),
        ({"RCPT": b"550 5.1.1 no\r\n"}, False),
        ({"RCPT": b"450 4.2.0 greylisted\r\n"}, None),
        ({"RCPT": b"421 4.3.2 bye\r\n"}, None),
        ({"RCPT": DROP}, None),
        ({"MAIL": b"550 5.7.1 no null senders\r\n"}, None),
        ({"greeting": DROP}, None),
    ],
)
async def test_call_out(hop_to: MakeHop, script: dict[str, bytes], exists: bool | None) -> None:
    for greeting in (EHLO, BARE):
        async with running(ScriptedHop(**({"EHLO": greeting} | script))) as server:
            assert await hop_to(server).recipient_exists(address(BOB)) is exists
        assert not server.commands("DATA")
        assert all(line == b"MAIL FROM:<>\r\n" for line in server.commands("MAIL"))


async def test_call_out_for_addresses_that_cannot_be_asked(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=[BARE, EHLO])) as server:
        hop = hop_to(server)
        assert await hop.recipient_exists(address("ä@x.example")) is None
        assert await hop.recipient_exists(address("a>b@x.example")) is None
        assert (server.connections, server.verbs) == (1, ["EHLO"])
        assert await hop_to(server).recipient_exists(address("ä@x.example")) is True
    assert server.commands("MAIL") == [b"MAIL FROM:<> SMTPUTF8\r\n"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (EHLO, Capabilities(1_000_000, True, True, True)),
        (BARE, Capabilities(None, False, False, False)),
        (b"250-x\r\n250-size 0\r\n250 8bitmime\r\n", Capabilities(None, True, False, False)),
        (b"250-x\r\n250-SIZE many\r\n250 DSN\r\n", Capabilities(None, False, False, True)),
        (b"554 no\r\n", None),
    ],
)
async def test_capabilities(hop_to: MakeHop, lines: bytes, expected: Capabilities | None) -> None:
    async with running(ScriptedHop(EHLO=lines, HELO=b"554 no\r\n")) as server:
        assert await hop_to(server).capabilities() == expected
