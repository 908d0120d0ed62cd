"""The bytes of kept mail: exactly as they came, private, whole or not there, and theirs who own them."""

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, update

from gateway import bodies as bodies_module
from gateway.bodies import MAGIC, Bodies, DatabaseBodies, FileBodies, Kept, NoBody, NoRoom, Owner, from_json, to_json
from gateway.model import DeliveryState, ReasonCode
from sql.tables import body
from tests.store.making import BO, CY, DAY, HOUR, NOW, TEXT, mail, owned_mail, owners_of, read, recipient
from tests.store.test_copies import at_once

MIB = 1024 * 1024
RELEASING = DeliveryState.RELEASING


def put(bodies: Bodies, conn: Connection, kept: Kept, text: bytes = TEXT, *, durable: bool = False) -> Kept:
    kept = replace(kept, size=len(text))
    bodies.write(kept, [text[:10], text[10:]], durable=durable)
    bodies.record(conn, kept, [text[:10], text[10:]])
    return kept


@pytest.fixture
def files(tmp_path: Path) -> FileBodies:
    return FileBodies(tmp_path / "bodies")


def file_of(files: FileBodies, number: str = "0000000000001") -> Path:
    return files.path(number)


# ---- both kinds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 512 * 1024, 3 * MIB + 17])
@pytest.mark.parametrize("durable", [False, True])
def test_the_bytes_are_exactly_the_senders(conn: Connection, bodies: Bodies, size: int, durable: bool) -> None:
    text = (bytes(range(256)) * (size // 256 + 1))[:size]
    kept = put(bodies, conn, mail(), text, durable=durable)
    assert read(bodies, conn, kept.id) == text
    assert bodies.kept(conn, kept.id).size == size


def test_everything_else_about_the_mail_comes_back(conn: Connection, bodies: Bodies) -> None:
    owners = (Owner(recipient(), DeliveryState.HELD, ReasonCode.GREYLIST_CARRIED, NOW + HOUR), Owner(recipient(CY)))
    kept = put(bodies, conn, mail(recipients=(BO, CY), owners=owners))
    back = bodies.kept(conn, kept.id)
    assert replace(back, envelope=kept.envelope) == kept
    assert back.envelope.sender == kept.envelope.sender
    assert back.envelope.recipients == kept.envelope.recipients
    assert back.envelope.parameters == replace(kept.envelope.parameters, size=kept.size)


def test_owning_keeps_the_bytes_and_the_other_recipients(conn: Connection, bodies: Bodies) -> None:
    kept = put(bodies, conn, mail(recipients=(BO, CY)))
    bodies.own(conn, kept.id, [Owner(recipient(), RELEASING, ReasonCode.PARTY_KNOWN)])
    assert read(bodies, conn, kept.id) == TEXT
    states = {one.recipient.address.key: one.state for one in bodies.kept(conn, kept.id).owners}
    assert states == {BO: RELEASING, CY: None}, "the other one is its sender's as before"
    bodies.own(conn, kept.id, [Owner(recipient(CY), DeliveryState.HELD)])
    states = {one.recipient.address.key: one.state for one in bodies.kept(conn, kept.id).owners}
    assert states == {BO: RELEASING, CY: DeliveryState.HELD}


def test_a_recipient_is_forgotten_and_the_mail_stays(conn: Connection, bodies: Bodies) -> None:
    kept = put(bodies, conn, owned_mail(mail(recipients=(BO, CY))))
    bodies.forget(conn, kept.id, BO)
    back = bodies.kept(conn, kept.id)
    assert [one.address.key for one in back.envelope.recipients] == [CY]
    assert [one.recipient.address.key for one in back.owners] == [CY]
    assert read(bodies, conn, kept.id) == TEXT


def test_what_is_not_there_is_no_body(conn: Connection, bodies: Bodies) -> None:
    for ask in (lambda: bodies.kept(conn, "nothing"), lambda: read(bodies, conn, "nothing")):
        with pytest.raises(NoBody):
            ask()
    with pytest.raises(NoBody):
        bodies.own(conn, "nothing", owners_of(mail()))
    bodies.drop(conn, ["nothing"])
    assert list(bodies.scan(conn)) == []


def test_dropping_one_drops_no_other(conn: Connection, bodies: Bodies) -> None:
    one, two = put(bodies, conn, mail("0000000000001")), put(bodies, conn, mail("0000000000002"))
    bodies.drop(conn, [one.id])
    bodies.drop(conn, [])
    assert [kept.id for kept in bodies.scan(conn)] == [two.id]


def test_two_releases_at_once_do_not_undo_each_other(engine: Engine, bodies: Bodies) -> None:
    everybody = [f"r{number}@example.com" for number in range(6)]
    with engine.begin() as conn:
        put(bodies, conn, mail(recipients=everybody))

    def own(conn: Connection, who: int) -> None:
        bodies.own(conn, mail().id, [Owner(recipient(everybody[who]), RELEASING)])

    at_once(engine, own, len(everybody))
    with engine.connect() as conn:
        kept = bodies.kept(conn, mail().id)
        assert {one.recipient.address.key for one in kept.owners if one.state is RELEASING} == set(everybody)
        assert read(bodies, conn, kept.id) == TEXT


# ---- the description -----------------------------------------------------------------------------------------------

ANYTHING = st.text(st.characters(), max_size=60)  # surrogates too: bytes that were no UTF-8
ODD = '\udcff \ud800 \x00 \x1b[2J \u202e 𐍈 \U0010ffff " \\ \u2028'


@hypothesis_settings(max_examples=150, deadline=None)
@given(subject=ANYTHING, author=ANYTHING, trace=ANYTHING, local=ANYTHING)
@example(subject=ODD, author=ODD, trace=ODD, local=ODD)
def test_a_description_survives_any_text(subject: str, author: str, trace: str, local: str) -> None:
    kept = replace(mail(subject=subject), author=author, trace=trace)
    written = to_json(replace(kept, fingerprint=replace(kept.fingerprint, message_id=local)))
    assert written.isascii()
    assert b"\n" not in written, "it is one line of the file"
    back = from_json(written)
    joined = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in (subject, author, trace)]
    said = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in
            (back.subject, back.author, back.trace)]  # fmt: skip
    assert said == joined


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text().map(str.encode))
@example(b"[" * 100_000)
@example(b"null")
@example(b"[]")
@example(b'{"id": 1}')
@example(b"9" * 5000)
def test_any_other_bytes_are_no_description(data: bytes) -> None:
    with pytest.raises(NoBody):
        from_json(data)


@pytest.mark.parametrize("key", ["id", "peer", "rungs", "owners", "recipients", "received_at", "fingerprint", "size"])
@pytest.mark.parametrize("value", [None, 17, "x", [], [[1]], {}, [{"address": 1}]])
def test_a_description_with_a_part_that_is_wrong_does_not_crash(key: str, value: object) -> None:
    import json

    stored = json.loads(to_json(owned_mail(mail()))) | {key: value}
    try:
        from_json(json.dumps(stored).encode())
    except NoBody:
        return


# ---- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [False, True])
def test_files_and_folders_are_ours_alone(conn: Connection, tmp_path: Path, durable: bool) -> None:
    before = os.umask(0)
    try:
        files = FileBodies(tmp_path / "bodies")
        put(files, conn, mail(), durable=durable)
        files.own(conn, mail().id, [Owner(recipient(), RELEASING)])
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (files.folder, *files.folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_what_root_writes_belongs_to_the_account_that_runs_greygate(conn: Connection, files: FileBodies) -> None:
    os.chown(files.folder, 4242, 4343)
    put(files, conn, mail(), durable=True)
    files.own(conn, mail().id, [Owner(recipient(), RELEASING)])
    assert {(path.stat().st_uid, path.stat().st_gid) for path in files.folder.rglob("*")} == {(4242, 4343)}


def test_a_durable_body_is_synced_before_its_name_and_its_name_before_we_return(
    conn: Connection, files: FileBodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def told_fsync(handle: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        fsync(handle)

    def told_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(Path, "rename", told_rename)
    put(files, conn, mail(), durable=True)
    assert steps == ["folder", "file", "rename", "folder"]
    steps.clear()
    files.own(conn, mail().id, [Owner(recipient(), RELEASING)])
    assert steps == ["folder", "file", "rename", "folder"], "what becomes ours is durable whatever it was"
    steps.clear()
    put(files, conn, mail("0000000000002"))
    put(files, conn, mail("0000000000003"), b"x" * 100_000)
    assert steps == ["rename"], "what the sender owns costs no sync, and while it is small no file"


@pytest.mark.parametrize("cut", [0, 5, len(MAGIC), len(MAGIC) + 40, -1])
def test_a_truncated_file_is_no_body(conn: Connection, files: FileBodies, cut: int) -> None:
    put(files, conn, mail(), durable=True)
    put(files, conn, mail("0000000000002"), durable=True)
    path = file_of(files)
    path.write_bytes(path.read_bytes()[:cut])
    for ask in (lambda: files.kept(conn, path.name), lambda: read(files, conn, path.name)):
        with pytest.raises(NoBody):
            ask()
    with pytest.raises(NoBody):
        files.own(conn, path.name, [Owner(recipient(), RELEASING)])
    assert [kept.id for kept in files.scan(conn)] == ["0000000000002"], "the scan goes on"


@pytest.mark.parametrize("foreign", [b"", b"\n" * 50, b"From: a@b\r\n\r\n", MAGIC + b"{}\n", MAGIC + b"\xff\n", MAGIC])
def test_a_foreign_file_is_no_body(conn: Connection, files: FileBodies, foreign: bytes) -> None:
    put(files, conn, mail(), durable=True)
    file_of(files).write_bytes(foreign)
    (files.folder / "01" / "README").write_text("not ours")
    (files.folder / "01" / "folder").mkdir()
    with pytest.raises(NoBody):
        files.kept(conn, mail().id)
    assert list(files.scan(conn)) == []


def test_one_byte_more_is_not_whole_either(conn: Connection, files: FileBodies) -> None:
    put(files, conn, mail(), durable=True)
    with open(file_of(files), "ab") as file:
        file.write(b"x")
    with pytest.raises(NoBody):
        read(files, conn, mail().id)


def test_a_file_under_another_name_is_not_that_mail(conn: Connection, files: FileBodies) -> None:
    put(files, conn, mail(), durable=True)
    file_of(files).rename(files.folder / "01" / "0000000009901")
    assert list(files.scan(conn)) == []


def test_the_reserve_is_kept_for_mail_that_is_ours(conn: Connection, tmp_path: Path) -> None:
    files = FileBodies(tmp_path / "bodies", reserve=2**62)
    with pytest.raises(NoRoom):
        put(files, conn, mail())
    assert list(files.folder.rglob("*")) == []
    put(files, conn, mail(), durable=True)
    assert read(files, conn, mail().id) == TEXT


def test_a_full_disk_leaves_nothing_unfinished_and_nothing_lost(conn: Connection, files: FileBodies) -> None:
    put(files, conn, mail(), durable=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(NoRoom, match="could not be written"):
            put(files, conn, mail("0000000000002"), b"x" * 300_000, durable=True)
        with pytest.raises(NoRoom):
            put(files, conn, mail("0000000000001"), b"x" * 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in files.folder.rglob("*") if path.is_file()] == ["0000000000001"]
    assert read(files, conn, mail().id) == TEXT


def test_a_source_that_breaks_off_leaves_nothing(conn: Connection, files: FileBodies) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield b"half"
        raise NoBody("the other half is gone")

    with pytest.raises(NoBody):
        files.write(mail(), broken(), durable=True)
    assert [path for path in files.folder.rglob("*") if path.is_file()] == []


def test_strays_are_found_when_their_writer_is_long_gone(conn: Connection, files: FileBodies) -> None:
    put(files, conn, mail(), durable=True)
    stray = files.folder / "01" / ".0000000000101.77.tmp"
    stray.write_bytes(b"half")
    os.utime(stray, (NOW.timestamp(), NOW.timestamp()))
    assert list(files.strays(NOW)) == []
    assert list(files.strays(NOW + HOUR)) == [stray]
    assert [kept.id for kept in files.scan(conn)] == [mail().id]


def test_a_folder_that_nobody_may_write_is_no_room(conn: Connection, tmp_path: Path) -> None:
    files = FileBodies(tmp_path / "bodies")
    (files.folder / "01").write_text("in the way")
    with pytest.raises(NoRoom):
        put(files, conn, mail(), durable=True)


# ---- the database --------------------------------------------------------------------------------------------------


def test_more_than_a_packet_of_mariadb_in_one_transaction(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    text = os.urandom(MIB) * 20
    bodies = DatabaseBodies()
    kept = replace(mail(), size=len(text))
    with engine.begin() as conn:
        bodies.record(conn, kept, (text[at : at + 65536] for at in range(0, len(text), 65536)))
    with engine.connect() as conn:
        assert read(bodies, conn, kept.id) == text
        biggest = max(len(row.data) for row in conn.execute(body.select()))
    assert biggest <= bodies_module.PIECE


def test_a_body_that_lost_a_piece_is_not_whole(conn: Connection) -> None:
    bodies = DatabaseBodies()
    put(bodies, conn, mail(), b"x" * (2 * bodies_module.PIECE))
    conn.execute(delete(body).where(body.c.part == 2))
    with pytest.raises(NoBody):
        read(bodies, conn, mail().id)


def test_the_scan_of_the_database_passes_over_what_it_cannot_read(conn: Connection) -> None:
    bodies = DatabaseBodies()
    put(bodies, conn, mail("0000000000001"))
    put(bodies, conn, mail("0000000000002", received_at=NOW + DAY))
    conn.execute(update(body).where(body.c.message == "0000000000001", body.c.part == 0).values(data=b"{"))
    assert [kept.id for kept in bodies.scan(conn)] == ["0000000000002"]
