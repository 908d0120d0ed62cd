"""What a process hears from its supervisor, and what it makes of SIGTERM."""

import socket
from collections.abc import AsyncIterator

import pytest

from gateway.channel import LEAVE, READY, REPLACE, STAY, STOP, Orders


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Orders, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(60)
        orders = Orders(theirs)
        orders.ready()
        assert ours.recv(8) == READY
        yield orders, ours


async def test_who_is_told_to_end_asks_for_another_first(pair: tuple[Orders, socket.socket]) -> None:
    orders, supervisor = pair
    orders.on_sigterm()
    assert supervisor.recv(8) == REPLACE
    assert not orders.leave.is_set()


async def test_told_twice_it_means_now(pair: tuple[Orders, socket.socket]) -> None:
    orders, _ = pair
    orders.on_sigterm()
    orders.on_sigterm()
    assert orders.leave.is_set()
    assert orders.hurry.is_set()


async def test_told_again_after_it_was_in_vain_it_asks_again(pair: tuple[Orders, socket.socket]) -> None:
    orders, supervisor = pair
    orders.on_sigterm()
    supervisor.send(STAY)  # not read yet: the signal overtakes the word
    orders.on_sigterm()
    assert supervisor.recv(8) == REPLACE * 2
    assert not orders.leave.is_set()


@pytest.mark.parametrize(("word", "hurries"), [(LEAVE, False), (STOP, True)])
async def test_an_order_to_go_is_heard(pair: tuple[Orders, socket.socket], word: bytes, hurries: bool) -> None:
    orders, supervisor = pair
    supervisor.send(word)
    await orders.leave.wait()
    assert orders.hurry.is_set() is hurries


async def test_a_supervisor_that_is_gone_means_stop(pair: tuple[Orders, socket.socket]) -> None:
    orders, supervisor = pair
    supervisor.close()
    await orders.leave.wait()
    assert orders.hurry.is_set()
