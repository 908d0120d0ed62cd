"""Connections that are kept, found dead, counted, and not tried for a while."""

import asyncio

import pytest

from gateway.relay.breaker import Breaker
from gateway.relay.nexthop import LOST, UNREACHABLE
from gateway.relay.pool import PoolLimits
from gateway.relay.wire import TimeLimits
from tests.relay.conftest import PATIENT, MakeHop
from tests.relay.scripted import DROP, HANG, ScriptedHop, address, eventually, outgoing, running


async def test_a_connection_serves_mail_after_mail(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server)
        for _ in range(3):
            assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert await hop.recipient_exists(address("bob@x.example")) is True
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert server.connections == 1
    assert server.verbs.count("EHLO") == 1
    assert server.verbs[-5:] == ["RCPT", "RSET", "MAIL", "RCPT", "DATA"]


async def test_a_connection_is_retired_after_its_share_of_mails(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server, limits=PoolLimits(mails=2))
        for _ in range(4):
            await hop.deliver(outgoing())
        await eventually(lambda: server.open == 0)
        assert server.connections == 2
    assert server.verbs.count("QUIT") == 2


async def test_an_idle_connection_is_closed_politely(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server, limits=PoolLimits(idle=0.05))
        await hop.deliver(outgoing())
        assert server.open == 1
        await eventually(lambda: server.open == 0)
        assert server.verbs[-1] == "QUIT"
        assert (await hop.deliver(outgoing()))[0].reply.code == 250


async def test_close_parts_with_idle_connections(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing())
        await hop.close()
        await eventually(lambda: server.open == 0)
        assert server.verbs[-1] == "QUIT"
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        await eventually(lambda: server.open == 0)


async def test_a_connection_that_died_while_idle_costs_nothing(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing())
        server.hang_up()
        await eventually(lambda: server.open == 0)
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert (server.connections, len(server.bodies)) == (2, 2)


@pytest.mark.parametrize("answer", [DROP, HANG, b"421 4.4.2 idle for too long\r\n" + DROP, b"garbage\r\n"])
async def test_a_stale_connection_is_replaced_once(hop_to: MakeHop, answer: bytes) -> None:
    async with running(ScriptedHop(MAIL=[b"250 ok\r\n", answer, b"250 ok\r\n"])) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing())
        (stale,) = hop._idle
        stale.limits = TimeLimits(command=0.1) if answer == HANG else PATIENT  # the fresh one may take its time
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert (server.connections, len(server.bodies)) == (2, 2)


async def test_a_fresh_connection_that_dies_is_not_replaced(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(MAIL=[b"250 ok\r\n", DROP])) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing())
        assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert server.connections == 2


async def test_a_mail_whose_end_was_sent_is_never_sent_again(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{".": [b"250 ok\r\n", DROP]})) as server:
        hop = hop_to(server)
        await hop.deliver(outgoing())
        assert await hop.deliver(outgoing()) == [LOST]
        assert (server.connections, len(server.bodies)) == (1, 2)


async def test_a_connection_out_of_step_is_not_kept(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(**{".": b"250 ok\r\n250 and another\r\n"})) as server:
        hop = hop_to(server)
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        await asyncio.sleep(0.02)
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        assert server.connections == 2


async def test_never_more_connections_than_allowed(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server, limits=PoolLimits(parallel=3))
        replies = await asyncio.gather(*(hop.deliver(outgoing()) for _ in range(20)))
        assert [attempt.reply.code for (attempt,) in replies] == [250] * 20
        for _ in range(3):
            hop._known = None
            assert await hop.capabilities()
        await eventually(lambda: server.open <= 3)
        assert server.most_open <= 4  # one may be saying QUIT while the next says hello
        assert server.connections <= 6


async def test_a_cancelled_delivery_leaves_neither_slot_nor_connection_behind(hop_to: MakeHop) -> None:
    for stage in ("greeting", "MAIL", "DATA", "."):
        async with running(ScriptedHop(**{stage: [HANG, ScriptedHop().script[stage][0]]})) as server:
            hop = hop_to(server, limits=PoolLimits(parallel=1))
            task = asyncio.create_task(hop.deliver(outgoing()))
            await eventually(lambda: len(server.script[stage]) == 1)  # noqa: B023  (it is awaited here)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not hop._idle
            assert (await hop.deliver(outgoing()))[0].reply.code == 250
            assert server.connections == 2


async def test_capabilities_are_believed_for_a_while(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        hop = hop_to(server, limits=PoolLimits(believed=3600))
        await hop.deliver(outgoing())
        assert await hop.capabilities() == await hop.capabilities() is not None
        assert server.connections == 1
        assert hop._known is not None
        offered, until = hop._known
        assert 0 < until - asyncio.get_running_loop().time() <= 3600
        hop._known = (offered, until - 3600)  # the while is over
        assert await hop.capabilities()
        assert server.connections == 2


async def test_mail_for_nobody_needs_no_connection(hop_to: MakeHop) -> None:
    async with running(ScriptedHop()) as server:
        mail = outgoing()
        envelope = type(mail.envelope)(mail.envelope.sender, ())
        assert await hop_to(server).deliver(type(mail)(envelope, mail.chunks, mail.size)) == []
        assert server.connections == 0


async def test_a_dead_hop_rests_and_is_probed_by_one(hop_to: MakeHop) -> None:
    now = 1000.0
    async with running(ScriptedHop(greeting=DROP)) as server:
        hop = hop_to(server)
        hop._breaker = Breaker(failures=5, rest=30, clock=lambda: now)
        for _ in range(8):
            assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert server.connections == 5
        now += 31
        await asyncio.gather(*(hop.deliver(outgoing()) for _ in range(8)))
        assert server.connections == 6
        server.script["greeting"] = [b"220 back\r\n"]
        assert await hop.deliver(outgoing()) == [UNREACHABLE]
        now += 31
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
        replies = await asyncio.gather(*(hop.deliver(outgoing()) for _ in range(3)))
        assert [attempt.reply.code for (attempt,) in replies] == [250] * 3


async def test_a_hop_that_speaks_out_of_turn_at_hello_failed_to_connect(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(EHLO=b"250 hop.example\r\n250 and more\r\n")) as server:
        hop = hop_to(server)
        for _ in range(8):
            assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert server.connections == 5


async def test_a_resting_hop_answers_at_once(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(greeting=HANG)) as server:
        hop = hop_to(server, limits=PoolLimits(failures=1), times=TimeLimits(command=0.1))
        await hop.deliver(outgoing())
        assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert await hop.capabilities() is None
        assert await hop.recipient_exists(address("bob@x.example")) is None
        assert server.connections == 1


async def test_only_failures_in_a_row_count() -> None:
    breaker = Breaker(failures=2, rest=60)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()


async def test_a_refusal_is_no_failure_to_connect(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(MAIL=[DROP] * 6 + [b"250 ok\r\n"])) as server:
        hop = hop_to(server)
        for _ in range(6):
            assert await hop.deliver(outgoing()) == [UNREACHABLE]
        assert (await hop.deliver(outgoing()))[0].reply.code == 250
