"""Small copies of deferred mail, many in one file: found by their id, whole or not there, and their room given back."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import FileBodies, Kept, NoBody, NoRoom, Owner
from gateway.bodies import bundles as bundles_module
from gateway.bodies.bundles import BLOCK, Bundles
from gateway.ids import new_id
from gateway.model import DeliveryState
from tests.store.making import mail, read, recipient

HOUR = timedelta(hours=1)


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(tmp_path / "bundles")


@pytest.fixture
def files(tmp_path: Path) -> FileBodies:
    return FileBodies(tmp_path / "bodies")


def add(bundles: Bundles, text: bytes = b"Hello\r\n", number: str | None = None) -> Kept:
    kept = replace(mail(), id=number or new_id(clock.now()), size=len(text))
    bundles.add(kept, text)
    return kept


def only(bundles: Bundles) -> Path:
    (bundle,) = bundles.folder.iterdir()
    return bundle


def room(path: Path) -> int:
    """Bytes that the file takes on the disk."""
    os.sync()
    return path.stat().st_blocks * 512


def test_many_copies_are_one_file_and_each_is_found(bundles: Bundles) -> None:
    texts = {add(bundles, b"x" * size).id: b"x" * size for size in (0, 1, 3000, BLOCK, 5 * BLOCK + 1)}
    only(bundles)
    other = Bundles(bundles.folder)  # another process
    assert {number: other.read(number) for number in texts} == texts
    assert {kept.id for kept in other.scan()} == set(texts)


def test_it_is_found_whatever_the_clock_said(bundles: Bundles) -> None:
    for number in ("zzzzzzzzzzzzz", "0000000000000"):
        assert bundles.kept(add(bundles, number=number).id).id == number
    with pytest.raises(NoBody):
        bundles.read("5555555555555")


def test_what_is_dropped_cannot_be_read_and_gives_its_room_back(bundles: Bundles) -> None:
    gone, stays = add(bundles, os.urandom(20 * BLOCK)), add(bundles, b"stays")
    before = room(only(bundles))
    Bundles(bundles.folder).drop([gone.id, "5555555555555"])
    assert before - room(only(bundles)) >= 20 * BLOCK
    with pytest.raises(NoBody):
        bundles.read(gone.id)
    assert bundles.read(stays.id) == b"stays"
    assert add(bundles, b"after").id in {kept.id for kept in bundles.scan()}


def test_where_holes_cannot_be_made_zeros_are_written(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles_module, "PUNCH_HOLE", 1 << 30)  # fallocate(2) says EOPNOTSUPP
    gone, stays = add(bundles, b"a secret " * 1000), add(bundles, b"stays")
    bundles.drop([gone.id])
    assert b"secret" not in only(bundles).read_bytes()
    assert bundles.read(stays.id) == b"stays"


def test_a_damaged_copy_is_not_whole(bundles: Bundles) -> None:
    """After a power cut the blocks of an unsynced copy may be zeros."""
    kept = add(bundles, b"y" * 3 * BLOCK)
    with open(only(bundles), "r+b") as file:
        file.seek(2 * BLOCK)
        file.write(bytes(BLOCK))
    with pytest.raises(NoBody):
        bundles.read(kept.id)
    with pytest.raises(NoBody):
        bundles.kept(kept.id)
    assert list(bundles.scan()) == []


def test_a_cut_off_end_does_not_hide_what_is_before(bundles: Bundles) -> None:
    whole, cut = add(bundles, b"whole"), add(bundles, b"z" * BLOCK)
    os.truncate(only(bundles), BLOCK + 100)
    assert [kept.id for kept in bundles.scan()] == [whole.id]
    with pytest.raises(NoBody):
        bundles.read(cut.id)


def test_a_full_bundle_is_followed_by_another(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles_module, "FULL", 2 * BLOCK)
    numbers = [add(bundles).id for _ in range(5)]
    assert len(list(bundles.folder.iterdir())) == 3
    assert all(bundles.read(number) for number in numbers)


def test_an_empty_bundle_is_tidied_away_and_its_writer_begins_another(bundles: Bundles) -> None:
    kept = add(bundles)
    later = clock.now() + HOUR
    assert bundles.tidy(later) == [], "something is in it"
    bundles.drop([kept.id])
    assert bundles.tidy(clock.now() - HOUR) == [], "somebody may be adding to it"
    assert bundles.tidy(later) != []
    again = add(bundles)
    assert Bundles(bundles.folder).read(again.id) == b"Hello\r\n"


def test_no_room_leaves_what_was_there(files: FileBodies, conn: Connection) -> None:
    first = replace(mail(), id=new_id(clock.now()), size=5)
    files.write(first, [b"first"], durable=False)
    assert files.bundles.open is not None
    handle, _ = files.bundles.open
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, handle)
    with pytest.raises(NoRoom):
        files.write(replace(first, id="5555555555555"), [b"other"], durable=False)
    os.close(full)
    assert read(files, conn, first.id) == b"first"


# ---- as part of the files ------------------------------------------------------------------------------------------


def test_a_copy_that_becomes_ours_gets_a_file_of_its_own(files: FileBodies, conn: Connection) -> None:
    kept = replace(mail(), id=new_id(clock.now()), size=5)
    files.write(kept, [b"He", b"llo"], durable=False)
    assert not files.path(kept.id).exists()
    files.own(conn, kept.id, [Owner(recipient(), DeliveryState.RELEASING)])
    assert files.path(kept.id).exists()
    assert read(files, conn, kept.id) == b"Hello"
    assert [one.owners[0].state for one in files.scan(conn)] == [DeliveryState.RELEASING], "once, and ours"
    with pytest.raises(NoBody):
        files.bundles.read(kept.id)


def test_a_large_copy_is_a_file(files: FileBodies, conn: Connection) -> None:
    text = b"x" * (65 * 1024)
    kept = replace(mail(), id=new_id(clock.now()), size=len(text))
    files.write(kept, [text], durable=False)
    assert files.path(kept.id).exists()
    assert read(files, conn, kept.id) == text


def test_copies_without_a_row_are_told_when_nobody_adds_any_more(files: FileBodies) -> None:
    kept = replace(mail(), id=new_id(clock.now()), size=5)
    files.write(kept, [b"Hello"], durable=False)
    assert list(files.unowned(clock.now() - HOUR)) == []
    assert list(files.unowned(clock.now() + HOUR)) == [kept.id]
