"""The made-up edges: time, DNS, signatures, the backend; and that the books notice what is wrong."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dkim
import pytest

from gateway import clock
from gateway.cli.simulate import build
from gateway.evidence.gather import Evidence
from gateway.model import Address, Level, SpfResult
from gateway.relay.nexthop import Attempt, Outgoing
from gateway.settings import Settings
from gateway.simulate import loop
from gateway.simulate.backend import Backend
from gateway.simulate.house import House
from gateway.simulate.loop import BEGIN, NothingLeft
from gateway.simulate.model import Model
from gateway.simulate.senders import crowd
from gateway.simulate.week import Plan, Week, simulate
from gateway.simulate.world import World
from gateway.simulate.zone import Zone
from tests.simulate.stage import LEVELS, Stage, play, settings


def test_a_day_takes_no_time_and_the_clock_shows_it() -> None:
    async def main() -> timedelta:
        await asyncio.sleep(24 * 3600)
        return clock.now() - BEGIN

    began = time.monotonic()
    assert loop.run(main(), 1) == timedelta(days=1)
    assert time.monotonic() - began < 60
    assert clock.now() < BEGIN  # the machine's clock again


def test_what_is_due_first_happens_first() -> None:
    async def main() -> list[int]:
        happened: list[int] = []

        async def after(hours: int) -> None:
            await asyncio.sleep(hours * 3600)
            happened.append(hours)

        await asyncio.gather(*(after(hours) for hours in (5, 1, 48, 3)))
        return happened

    assert loop.run(main(), 1) == [1, 3, 5, 48]


def test_a_deadline_passes_in_simulated_time() -> None:
    async def main() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 3600)

    with pytest.raises(TimeoutError):
        loop.run(main(), 1)


def test_waiting_for_what_never_comes_is_told() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeft):
        loop.run(main(), 1)


def test_threads_are_not_waited_for() -> None:
    async def main() -> tuple[str, float]:
        return await asyncio.to_thread(str.upper, "done"), asyncio.get_running_loop().time()

    assert loop.run(main(), 1) == ("DONE", 0.0)


@pytest.mark.parametrize(
    ("name", "result", "has_name"),
    [
        ("gmail", SpfResult.PASS, True),
        ("ipv6 pool", SpfResult.PASS, True),
        ("qmail", SpfResult.NONE, True),
        ("nameless server", SpfResult.NONE, False),
        ("rider that sends once", SpfResult.PASS, True),
    ],
)
def test_dns_says_of_a_host_what_its_model_says(name: str, result: SpfResult, has_name: bool) -> None:
    world = World()
    world.settle(crowd())
    party = world.parties[name]

    async def main() -> None:
        evidence = Evidence(world.zone, own_servers=True, within=5)
        for host in party.hosts:
            sender = Address(f"ann@{party.domains[0]}", "ann", party.domains[0])
            found = await evidence.spf_of(host.address, sender, host.helo)
            assert found is not None
            assert (found.result, found.wide) == (result, False)
            assert ((await evidence.name_of(host.address)).organisation is not None) == has_name

    loop.run(main(), 1)


def test_no_two_models_share_a_network_unless_one_rides_on_the_other() -> None:
    world = World()
    world.settle(crowd())
    seen: dict[str, str] = {}
    for name, party in world.parties.items():
        for host in party.hosts:
            network = str(host.address).rpartition(":" if host.address.version == 6 else ".")[0]
            assert seen.setdefault(network, party.model.rides or name) == (party.model.rides or name)


def test_a_signature_is_one_that_others_verify(tmp_path: Path) -> None:
    signer = Model("signer", (5,), signs=True)

    async def story(stage: Stage) -> tuple[bytes, Zone]:
        stage.world.settle([signer])
        return stage.letter(signer).data, stage.world.zone

    data, zone = play(tmp_path, story)

    def dns(name: bytes, timeout: int = 5) -> bytes:
        return zone.records[name.decode().rstrip("."), "TXT"][0].encode()

    assert dkim.verify(data, dnsfunc=dns)
    assert not dkim.verify(data.replace(b"Subject: ", b"Subject: not "), dnsfunc=dns)


# ---- the books notice ----------------------------------------------------------------------------------------------


class Swallows(Backend):
    """Says that it took what it threw away."""

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        said = await super().deliver(mail)
        self.arrivals.clear()
        return said


class Stutters(Backend):
    """Takes everything twice."""

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        await super().deliver(mail)
        return await super().deliver(mail)


class Spoils(Backend):
    """Changes what it takes."""

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        changed = b"".join(mail.chunks()).replace(b"\r\n\r\n", b"\r\n\r\nChanged. ", 1)
        return await super().deliver(Outgoing(mail.envelope, lambda: iter([changed]), len(changed)))


def before(backend: type[Backend], folder: Path) -> Week:
    """A day of the first sender, before such a backend."""

    async def built(given: Settings, place: Path, zone: Zone, usual: Backend) -> House:
        house = await build(given, place, zone, usual)
        usual.__class__ = backend
        return house

    return simulate(Plan(settings(folder), LEVELS, crowd()[:1], 1), 1, folder, built)


@pytest.mark.parametrize(("backend", "noticed"), [(Swallows, "lost"), (Stutters, "doubled"), (Spoils, "altered")])
def test_the_books_notice_what_a_backend_does_wrong(
    folders: Callable[[], Path], backend: type[Backend], noticed: str
) -> None:
    free = [one for one in before(backend, folders()).stories if one.level is Level.OFF]
    assert free
    assert all(getattr(one, noticed) for one in free)
