"""What the simulation found: mail that was delivered twice, each as a story of its own."""

import asyncio
from pathlib import Path

from gateway.model import Level
from gateway.simulate.house import account
from gateway.simulate.model import Model
from gateway.simulate.visit import visit
from tests.simulate.stage import BO, POOL, SERVER, Stage, play

MINUTE = 60.0
OWNER = account(Level.REVIEW_BEFORE, 1)


async def release_all(stage: Stage) -> None:
    for row in await stage.house.queue():
        await stage.house.decide(str(row["message"]), str(row["recipient"]), release=True)
    await stage.house.deliver_due()


async def introduce(stage: Stage, model: Model, *recipients: str) -> None:
    """From now on it is remembered by these recipients, and after one more mail by heart."""
    host = stage.world.parties[model.name].hosts[0]
    first = stage.letter(model, *recipients)
    await visit(stage.house, host, first, first.recipients)
    await asyncio.sleep(5 * MINUTE)
    told = await visit(stage.house, host, first, first.recipients)
    assert all(one.reply.code == 250 for one in told.values())
    await asyncio.sleep(5 * MINUTE)


def test_a_lost_250_to_somebody_we_know_by_heart_does_not_deliver_twice(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        host = stage.world.parties["server"].hosts[0]
        await introduce(stage, SERVER)
        stage.house.door.known.forget()  # the first of these looks up who it is, the second is known by heart
        letter = stage.letter(SERVER)
        await visit(stage.house, host, letter, (BO,), loses=True)
        await asyncio.sleep(5 * MINUTE)
        await visit(stage.house, host, letter, (BO,))
        return stage.arrived

    assert play(tmp_path, story) == [1, 2]


def test_who_is_known_by_heart_beside_a_stranger_is_recognised_too(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        host = stage.world.parties["server"].hosts[0]
        other = account(Level.WATCH, 1)
        await introduce(stage, SERVER)
        stage.house.door.known.forget()
        letter = stage.letter(SERVER, BO)
        await visit(stage.house, host, letter, (BO,), loses=True)
        await asyncio.sleep(5 * MINUTE)
        await visit(stage.house, host, letter, (BO, other))
        return [one.mail for one in stage.house.backend.arrivals if one.recipient == BO]

    assert play(tmp_path, story) == [1, 2]


def test_held_mail_whose_250_was_lost_is_not_held_twice(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        host = stage.world.parties["server"].hosts[0]
        letter = stage.letter(SERVER, OWNER)
        await visit(stage.house, host, letter, (OWNER,), loses=True)
        await asyncio.sleep(5 * MINUTE)
        told = await visit(stage.house, host, letter, (OWNER,))
        assert told[OWNER].reply.code == 250
        await release_all(stage)
        return stage.arrived

    assert play(tmp_path, story) == [1]


def test_two_mails_that_a_pool_sends_within_the_wait_both_pass_at_their_first_retry(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        hosts = stage.world.parties["pool"].hosts
        one, other = stage.letter(POOL), stage.letter(POOL)
        await visit(stage.house, hosts[0], one, (BO,))
        await asyncio.sleep(MINUTE)
        await visit(stage.house, hosts[1], other, (BO,))
        await asyncio.sleep(5 * MINUTE)
        await visit(stage.house, hosts[1], one, (BO,))
        await asyncio.sleep(MINUTE)
        told = await visit(stage.house, hosts[2], other, (BO,))
        assert told[BO].reply.code == 250
        return stage.arrived

    assert play(tmp_path, story) == [1, 2]


def test_a_mail_whose_250s_are_lost_for_hours_is_delivered_once(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        host = stage.world.parties["server"].hosts[0]
        free = account(Level.OFF, 1)
        letter = stage.letter(SERVER, free)
        for _ in range(5):
            told = await visit(stage.house, host, letter, (free,), loses=True)
            assert told[free].reply.code == 250
            await asyncio.sleep(50 * MINUTE)
        return stage.arrived

    assert play(tmp_path, story) == [1]


def test_a_retry_whose_250_arrived_is_dropped_for_an_hour_and_no_longer(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        host = stage.world.parties["server"].hosts[0]
        free = account(Level.OFF, 1)
        letter = stage.letter(SERVER, free)
        await visit(stage.house, host, letter, (free,), loses=True)
        for minutes in (5, 50, 70):
            await asyncio.sleep(minutes * MINUTE)
            await visit(stage.house, host, letter, (free,))
        return stage.arrived

    assert play(tmp_path, story) == [1, 1]


def test_a_released_bounce_that_comes_again_from_another_host_of_its_pool_is_recognised(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        party = stage.world.parties["bounces"]
        letter = stage.letter(party.model, sender="")
        await visit(stage.house, party.hosts[0], letter, (BO,))
        await asyncio.sleep(MINUTE)
        await release_all(stage)
        await asyncio.sleep(5 * MINUTE)
        told = await visit(stage.house, party.hosts[1], letter, (BO,))
        assert told[BO].reply.code == 250
        return stage.arrived

    assert play(tmp_path, story, reviewed=True) == [1]


def test_a_mail_released_before_its_pool_comes_back_is_delivered_once(tmp_path: Path) -> None:
    async def story(stage: Stage) -> list[int]:
        party = stage.world.parties["pool"]
        letter = stage.letter(POOL)
        await visit(stage.house, party.hosts[0], letter, (BO,))
        await asyncio.sleep(MINUTE)
        await release_all(stage)
        await asyncio.sleep(5 * MINUTE)
        told = await visit(stage.house, party.hosts[1], letter, (BO,))
        assert told[BO].reply.code == 250
        return stage.arrived

    assert play(tmp_path, story, reviewed=True) == [1]
