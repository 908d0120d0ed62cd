"""Two nodes kept one mail at the same moment; a process died between a mail's bytes and its row."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway import clock, desk
from gateway.bodies import Bodies, FileBodies
from gateway.desk import Person, Terms
from gateway.desk.owned import IN_FLIGHT
from gateway.model import CopyState
from gateway.store import copies, deliveries
from gateway.store.engine import open_database
from gateway.sweep import Sweep
from tests.store.making import BO, DAY, MINUTE, NOW, TEXT, copied, keep, mail, owned_mail

WHO, TERMS = Person("pat@cli", "node"), Terms(400 * DAY, 8 * DAY)
ONE, TWO = "0000000000001", "0000000000002"


def two_copies(conn: Connection, bodies: Bodies) -> int:
    """The same mail, kept twice; the number of the second copy."""
    numbers = [copied(conn, keep(conn, bodies, mail(number)))[0] for number in (ONE, TWO)]
    return numbers[1]


def test_releasing_one_copy_closes_its_twin(conn: Connection, bodies: Bodies) -> None:
    two_copies(conn, bodies)
    assert [one.happened for one in desk.release(conn, bodies, ONE, [], WHO, TERMS, NOW)] == [True]
    (twin,) = copies.of_message(conn, TWO)
    assert (twin["state"], twin["note"]) == (CopyState.PASSED, "another copy of it was released")
    assert [one.happened for one in desk.release(conn, bodies, TWO, [], WHO, TERMS, NOW)] == [False]
    assert len(deliveries.of_message(conn, ONE) + deliveries.of_message(conn, TWO)) == 1


def test_while_its_twin_is_being_delivered_a_copy_is_not_released(conn: Connection, bodies: Bodies) -> None:
    copies.claim(conn, two_copies(conn, bodies), "worker", NOW, NOW + MINUTE)
    told = desk.release(conn, bodies, ONE, [], WHO, TERMS, NOW)
    assert [(one.recipient, one.happened, one.words) for one in told] == [(BO, False, IN_FLIGHT)]


def test_another_mail_of_the_sender_is_no_twin(conn: Connection, bodies: Bodies) -> None:
    copied(conn, keep(conn, bodies, mail(ONE)))
    other = TEXT + b"And more.\r\n"
    copied(conn, keep(conn, bodies, mail(TWO, text=other), other))
    desk.release(conn, bodies, ONE, [], WHO, TERMS, NOW)
    assert [row["state"] for row in copies.of_message(conn, TWO)] == [CopyState.SENDER_HELD]


def test_bytes_without_a_row_go_when_their_sender_has_the_mail_and_never_when_it_is_ours(
    tmp_path: Path, url: Any, engine: Any
) -> None:
    bodies = FileBodies(tmp_path / "bodies")
    senders, ours, young, small = mail(ONE), owned_mail(mail(TWO)), mail("0000000000003"), mail("0000000000004")
    for kept in (senders, ours, young):
        bodies.write_file(kept, [TEXT], durable=False)
    bodies.write(small, [TEXT], durable=False)
    (bundle,) = bodies.bundles.folder.iterdir()
    long_ago = (clock.now() - timedelta(hours=2)).timestamp()
    for path in (bodies.path(senders.id), bodies.path(ours.id), bundle):
        os.utime(path, (long_ago, long_ago))

    async def search() -> None:
        database = open_database(url)
        keeping: Any = SimpleNamespace()
        await Sweep("n", tmp_path, database, bodies, keeping, 10, "gate.example.com", "p@example.com").remove_orphans()
        await database.close()

    asyncio.run(search())
    assert [bodies.path(kept.id).exists() for kept in (senders, ours, young)] == [False, True, True]
    assert list(bodies.bundles.scan()) == []


def test_a_mail_that_cannot_be_read_now_is_not_taken_to_be_gone(tmp_path: Path, conn: Connection) -> None:
    bodies = FileBodies(tmp_path / "bodies")
    bodies.write(mail(ONE), [TEXT], durable=True)
    path = bodies.path(ONE)
    path.unlink()
    path.symlink_to(path)  # reading it fails, and not because it is missing
    with pytest.raises(OSError, match="symbolic links"):
        bodies.kept(conn, ONE)
