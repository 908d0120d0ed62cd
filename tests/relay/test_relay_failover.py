"""Several next hops in a row."""

import pytest

from gateway.model import Reply
from gateway.relay.failover import FailOver
from gateway.relay.nexthop import LOST, UNREACHABLE, Attempt
from tests.relay.conftest import MakeHop
from tests.relay.scripted import BARE, DROP, ScriptedHop, address, outgoing, running

BOB = address("bob@x.example")


async def test_an_unreachable_hop_is_passed_over(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(greeting=DROP)) as first, running(ScriptedHop()) as second:
        route = FailOver([hop_to(first), hop_to(second)])
        assert [str(a.reply) for a in await route.deliver(outgoing("a@x", "b@x"))] == ["250 2.0.0 queued"] * 2
        assert await route.recipient_exists(BOB) is True
        assert await route.capabilities() == await hop_to(second).capabilities() is not None
    assert len(second.bodies) == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ({"MAIL": b"451 4.3.0 later\r\n"}, Attempt.answered(Reply(451, "4.3.0", "later"))),
        ({"RCPT": b"550 5.1.1 no\r\n"}, Attempt.answered(Reply(550, "5.1.1", "no"))),
        ({".": DROP}, LOST),
    ],
)
async def test_a_hop_that_said_something_or_may_have_the_mail_is_the_last(
    hop_to: MakeHop, script: dict[str, bytes], expected: Attempt
) -> None:
    async with running(ScriptedHop(**script)) as first, running(ScriptedHop()) as second:
        assert await FailOver([hop_to(first), hop_to(second)]).deliver(outgoing()) == [expected]
        assert second.connections == 0


async def test_one_settled_recipient_keeps_the_mail_at_its_hop(hop_to: MakeHop) -> None:
    script = {"RCPT": [b"550 5.1.1 no\r\n", b"250 ok\r\n"], "DATA": DROP}
    async with running(ScriptedHop(**script)) as first, running(ScriptedHop()) as second:
        attempts = await FailOver([hop_to(first), hop_to(second)]).deliver(outgoing("a@x", "b@x"))
        assert [a.reply.code for a in attempts] == [550, 451]
        assert second.connections == 0


async def test_no_hop_left(hop_to: MakeHop) -> None:
    async with running(ScriptedHop(greeting=DROP)) as server:
        route = FailOver([hop_to(server), hop_to(server)])
        assert await route.deliver(outgoing("a@x", "b@x")) == [UNREACHABLE] * 2
        assert await route.recipient_exists(BOB) is None
        assert await route.capabilities() is None
        assert server.connections == 6


async def test_the_first_opinion_counts_and_all_are_closed(hop_to: MakeHop) -> None:
    script = {"EHLO": BARE, "RCPT": b"550 5.1.1 no\r\n"}
    async with running(ScriptedHop(**script)) as first, running(ScriptedHop()) as second:
        hops = [hop_to(first), hop_to(second)]
        assert await FailOver(hops).recipient_exists(BOB) is False
        assert second.connections == 0
        await hops[1].capabilities()
        await FailOver(hops).close()
        assert not hops[0]._idle
        assert not hops[1]._idle
