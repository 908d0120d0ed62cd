"""A backup brings everything back into either kind of database, or nothing; and bodies alone bring back the mail."""

import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Engine, delete, select, update

from gateway import archive, bulk, tokens
from gateway.archive import BadArchive
from gateway.bodies import Bodies, DatabaseBodies, FileBodies, Owner
from gateway.bulk import Asker
from gateway.desk import Person
from gateway.model import (
    CopyState,
    DeliveryState,
    DigestWish,
    Grade,
    HookEvent,
    Hoster,
    HosterKind,
    Label,
    Level,
    LinkAct,
    ListKind,
    ListVerb,
    ReasonCode,
    Role,
    Rung,
    RungKind,
    Scope,
    Switch,
    Tie,
    TombstoneOutcome,
)
from gateway.policy.standing import Outcome, Party
from gateway.store import (
    alerts,
    answers,
    asked,
    audit,
    campaigns,
    changes,
    copies,
    decisions,
    deliveries,
    devices,
    digests,
    directories,
    expecting,
    hooks,
    hosters,
    identities,
    lessons,
    levels,
    links,
    lists,
    messages,
    networks,
    outbound,
    passkeys,
    persons,
    reports,
    signatures,
    sittings,
    standings,
    tallies,
    tombstones,
)
from gateway.store.campaigns import Accepted
from gateway.store.digests import Link
from gateway.store.engine import sync_engine
from gateway.store.hooks import Wanted
from gateway.store.lessons import Lesson
from gateway.store.lists import NewEntry
from gateway.store.networks import Happened
from gateway.store.outbound import Position
from gateway.store.reports import NewReport
from sql import schema
from sql.tables import body, copy, delivery, message, metadata
from tests.store.conftest import emptied
from tests.store.making import (  # fmt: skip
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    NOW,
    STRONG,
    TEXT,
    copied,
    count,
    fingerprint,
    found_copies,
    held,
    identity,
    keep,
    mail,
    owned_mail,
    read,
    recipient,
    remember,
    saw,
    settings,
)
from tests.store.test_campaigns import LANDING, sighted
from tests.store.test_records import decided

SIGNED = Rung(RungKind.DKIM, "elsewhere.example")

KINDS = ["sqlite", "mariadb"]
BIG = bytes(range(256)) * 5000


def quiet(name: str, rows: int) -> None:
    pass


def fill(conn: Connection, bodies: Bodies) -> None:
    """Something in every table."""
    held(conn, keep(conn, bodies, replace(owned_mail(mail("0000000000001", text=BIG)), size=len(BIG)), BIG))
    copied(conn, keep(conn, bodies, mail("0000000000002", subject="Grüße 😀 \u202e", sender="")))
    saw(conn, ANN, BO, STRONG, fingerprint(), 10, NOW)
    remember(conn, STRONG, ANN, BO, Grade.KNOWN, "released", NOW, NOW + DAY, "cy@cli", "ärger\n'\"")
    lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "spam.example", expires=NOW + DAY), NOW)
    hosters.add(conn, [Hoster(0, HosterKind.NETWORK, "198.51.100.0/24")], NOW)
    tombstones.make(conn, identity(mail(rungs=STRONG)), TombstoneOutcome.DELIVERED, NOW, NOW + DAY)
    decisions.add(conn, [decided()])
    decisions.happened(conn, "taken", NOW, message="0000000000001", said="→")
    changes.turn_on(conn, Switch.BYPASS, NOW + HOUR, "cy@cli", NOW)
    changes.announce(conn, "node1")
    networks.note(conn, [Happened("192.0.2.0/24", NOW, {"delivered_at": NOW})])
    outbound.note_ids(conn, [("1@example.com", NOW)])
    outbound.wants_unsubscribing(conn, [(["off@lists.example"], NOW)])
    outbound.keep_position(conn, "node1", "/var/log/mail.log", Position(7, 300, "12:00ff", "{}"), NOW)
    signatures.used(conn, [signatures.Use("digest", "192.0.2.0/24", NOW)])
    expecting.add(conn, BO, "shop.example", NOW, NOW + HOUR, "cy@cli")
    identities.used(conn, [identities.Use(SIGNED, "elsewhere.example", NOW, "node1")])
    identities.say(conn, "pool.example", True, NOW, "cy@cli", "→")
    identities.waited(conn, [identities.Waited(SIGNED, ANN, BO, NOW, NOW + DAY)])
    standings.note(conn, [standings.Happened(Party.DOMAIN, "elsewhere.example", Outcome.RELEASED, NOW, "node1")])
    lessons.add(conn, Lesson(NOW, "node1", "cy@cli", Label.SPAM, b"\x00\xff", BO, "0000000000001", 0.5))
    campaigns.saw(conn, [sighted(1)])
    number = persons.add(conn, "olga", "cy@cli", NOW)
    persons.give_roles(conn, number, [(Role.APPROVER, "example.com")])
    persons.give_address(conn, number, BO, Tie.OWN, "cy@cli", NOW)
    sitting = {"person_id": number, "data": {"person": number}, "created": NOW, "seen": NOW, "expires": NOW + DAY}
    sittings.save(conn, "secret", {**sitting, "peer": "192.0.2.1", "agent": "→"})
    sittings.invite(conn, "link", number, "cy@cli", NOW, NOW + DAY)
    sittings.failed(conn, "name", "olga", NOW)
    kept = {"credential": b"\x00\xff", "public_key": b"\xff", "uses": 7, "name": "→", "site": "gate", "synced": True}
    passkeys.add(conn, number, kept, NOW)
    links.add(conn, number, "https://login.example.com", "Ölga", BO, NOW, made=True)
    directories.begin(conn, "directory", NOW, NOW - HOUR)
    directories.replace(conn, "directory", [BO], [])
    levels.choose(conn, BO, Level.WATCH, "olga", NOW)
    audit.add(conn, "node1", audit.Entry(NOW, "olga", "read", "0000000000001", detail={"because": "→"}))
    campaigns.accepted(conn, [Accepted(LANDING, True, NOW, "a")])
    tokens.make(conn, "olga", "a script", [Scope.READ], DAY, Person("olga", "node1"), NOW)
    answers.claim(conn, b"k" * 16, "a" * 64, "0000000000001", NOW)
    told = digests.add(conn, number, NOW, NOW, BO, 1, "0000000000009")
    digests.wish(conn, number, DigestWish(times=(NOW.time().replace(second=0, microsecond=0),)), NOW)
    digests.add_links(conn, told, [Link(b"k" * 16, number, "0000000000001", BO, LinkAct.RELEASE, NOW + DAY, b"c" * 16)])
    digests.make_seal_key(conn, "2026-03", b"s" * 32)
    alerts.note(conn, [alerts.Seen("disk", "", "node1", "→", True)], NOW)
    hooks.hold(conn, "siem", "node1", NOW, NOW + HOUR)
    decisions.happened(conn, "released", NOW, message="0000000000001", recipient=BO, who="→")
    hooks.take_down(conn, Wanted("siem", frozenset(HookEvent)), NOW)
    reports.claim_day(conn, "dmarc", NOW, NOW, NOW + HOUR)
    reports.add(conn, [NewReport("dmarc", NOW, "elsewhere.example", "n", ("mailto:x@y.example",), 7, b"\x1f\xff", NOW)])
    devices.add(conn, number, "secret", "→", NOW, NOW + DAY)
    asked.ask(conn, "0000000000001", BO, number, "→", NOW)
    bulk.prepare(conn, ["0000000000001"], "refuse", Asker(Person("cy@cli", "node1")), NOW)
    tallies.settle(conn, "decision", NOW)
    tallies.add(conn, {(BO, "hour", NOW, "accept", "party.known", "greylist"): 2**40})
    tallies.add_senders(conn, {(BO, NOW, "elsewhere.example", "accept"): 1}, 100, 20)
    for table in metadata.sorted_tables:
        assert count(conn, table) or (table is body and bodies.kind == "files"), f"nothing in {table}"


def rows(conn: Connection) -> dict[str, list[Any]]:
    found = {}
    for table in metadata.sorted_tables:
        columns = [one for one in table.columns if (table.name, one.name) != ("message", "stored")]
        if table is not body:
            found[table.name] = sorted(map(repr, conn.execute(select(*columns))))
    return found


@pytest.fixture
def targets(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Engine]:
    """An empty database of a kind, made when asked for."""

    def make(kind: str) -> Engine:
        if kind == "mariadb":
            return sync_engine(emptied(request.getfixturevalue("shared_mariadb")))
        path = tmp_path / f"target{os.urandom(4).hex()}.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        return sync_engine(URL.create("sqlite", database=str(path)))

    return make


def packed(engine: Engine, bodies: Bodies, key: Path) -> bytes:
    target = io.BytesIO()
    with archive.snapshot(engine) as conn:
        archive.backup(conn, bodies, key, target, quiet)
    return target.getvalue()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "verdict.key"
    path.write_text("00ff\n")
    return path


@pytest.fixture
def full(engine: Engine, bodies: Bodies, key: Path) -> bytes:
    with engine.begin() as conn:
        fill(conn, bodies)
    return packed(engine, bodies, key)


def unpack(engine: Engine, bodies: Bodies, key: Path, data: bytes) -> dict[str, int]:
    with engine.begin() as conn:
        return archive.restore(conn, bodies, key, io.BytesIO(data), quiet)


def same(bodies: Bodies, folder: Path) -> Bodies:
    return FileBodies(folder) if bodies.kind == "files" else DatabaseBodies()


def other(bodies: Bodies, folder: Path) -> Bodies:
    return DatabaseBodies() if bodies.kind == "files" else FileBodies(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change_bodies", [False, True])
def test_everything_comes_back_in_either_kind(
    engine: Engine, bodies: Bodies, full: bytes, targets: Callable[[str], Engine], kind: str, change_bodies: bool,
    tmp_path: Path,
) -> None:  # fmt: skip
    with engine.connect() as conn:
        before = rows(conn)
    there = (other if change_bodies else same)(bodies, tmp_path / "new")
    target = targets(kind)
    new_key = tmp_path / "new.key"
    counts = unpack(target, there, new_key, full)
    with target.connect() as conn:
        assert rows(conn) == before
        assert read(there, conn, "0000000000001") == BIG
        assert read(there, conn, "0000000000002") == TEXT
        assert there.kept(conn, "0000000000001").owners[0].state is DeliveryState.HELD
        assert set(conn.execute(select(message.c.stored)).scalars()) == {there.kind}
    assert (new_key.read_text(), new_key.stat().st_mode & 0o777) == ("00ff\n", 0o600)
    assert counts["bodies"] == 2
    assert counts["sighting_rung"] == 3
    target.dispose()


def test_new_rows_after_a_restore_take_no_number_that_is_taken(
    full: bytes, bodies: Bodies, targets: Callable[[str], Engine], tmp_path: Path
) -> None:
    target = targets("sqlite")
    unpack(target, FileBodies(tmp_path / "new"), tmp_path / "new.key", full)
    with target.begin() as conn:
        taken = max(entry.id for entry in lists.entries(conn))
        assert lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "x.example"), NOW) > taken


def test_a_backup_is_one_moment_while_mail_goes_on(engine: Engine, bodies: Bodies, key: Path) -> None:
    with engine.begin() as conn:
        fill(conn, bodies)
    with archive.snapshot(engine) as reading:
        before = count(reading, message)
        with engine.begin() as conn:
            copied(conn, keep(conn, bodies, mail("0000000000003", text=b"new")), NOW)
        assert count(reading, message) == before
        assert count(reading, copy) == 1
    with engine.connect() as conn:
        assert count(conn, copy) == 2


def entries(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def packed_again(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, data in parts.items():
            archive.add_bytes(tar, name, data)
    return target.getvalue()


def with_part(name: str, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        parts = entries(data)
        parts[name] = change(parts[name])
        return packed_again(parts)

    return changed


def without(name: str) -> Callable[[bytes], bytes]:
    return lambda data: packed_again({key: part for key, part in entries(data).items() if key != name})


def added(name: str, part: bytes) -> Callable[[bytes], bytes]:
    return lambda data: packed_again(entries(data) | {name: part})


def flipped(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "no gzip": lambda data: b"This is no archive." * 100,
    "gzip of something": lambda data: gzip.compress(b"hello" * 1000),
    "cut in the middle": lambda data: data[: len(data) // 2],
    "cut near the end": lambda data: data[: int(len(data) * 0.9)],
    "a flipped bit": flipped,
    "an empty tar": lambda data: packed_again({}),
    "no header": without("greygate.json"),
    "a foreign header": with_part("greygate.json", lambda part: b'{"format": 99}'),
    "a header that is no table": with_part("greygate.json", lambda part: b"[1]"),
    "another schema": with_part("greygate.json", lambda part: b'{"format": 1, "schema": "9999"}'),
    "a table missing": without("tables/memory.jsonl"),
    "a row that is no row": with_part("tables/memory.jsonl", lambda part: b"[1, 2]\n"),
    "a row without columns": with_part("tables/memory.jsonl", lambda part: b"{}\n"),
    "a row twice": with_part("tables/memory.jsonl", lambda part: part + part),
    "a row with a null": with_part("tables/switch.jsonl", lambda part: part.replace(b'"cy@cli"', b"null")),
    "a row that is nonsense": with_part("tables/switch.jsonl", lambda part: b"\xff\xfe\n"),
    "a moment that is none": with_part("tables/switch.jsonl", lambda part: part.replace(b"2026", b"yyyy")),
    "a body cut": with_part("bodies/0000000000002", lambda part: part[:-3]),
    "a body that is none": with_part("bodies/0000000000002", lambda part: b"hello\n"),
    "a body of another name": added("bodies/0000000000009", b"{}\n"),
    "a body on the run": lambda data: added("bodies/../../escaped", entries(data)["bodies/0000000000002"])(data),
    "something else": added("etc/passwd", b"root"),
}


@pytest.mark.parametrize(("url", "bodies"), [("sqlite", "files")], indirect=True)
@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_not_right_is_refused_and_leaves_nothing(
    full: bytes, targets: Callable[[str], Engine], tmp_path: Path, name: str, kind: str
) -> None:
    target, files = targets(kind), FileBodies(tmp_path / "new" / "bodies")
    new_key = tmp_path / "new" / "verdict.key"
    with pytest.raises(BadArchive):
        unpack(target, files, new_key, BROKEN[name](full))
    with target.connect() as conn:
        assert archive.is_empty(conn)
    assert [path for path in (tmp_path / "new").rglob("*") if path.is_file()] == []
    assert not new_key.exists()
    target.dispose()


def test_a_body_that_is_there_already_is_newer_and_stays(
    engine: Engine, full: bytes, bodies: Bodies, targets: Callable[[str], Engine], tmp_path: Path
) -> None:
    target, files = targets("sqlite"), FileBodies(tmp_path / "new")
    with target.begin() as conn:
        files.write(mail("0000000000002", subject="newer"), [TEXT], durable=True)
    unpack(target, files, tmp_path / "new.key", full)
    with target.connect() as conn:
        assert files.kept(conn, "0000000000002").subject == "newer"


@pytest.mark.parametrize("bodies", ["files"], indirect=True)
@pytest.mark.parametrize("table", [table for table in metadata.sorted_tables if table is not body], ids=str)
def test_a_database_with_any_row_is_not_empty(conn: Connection, bodies: Bodies, table: Any) -> None:
    assert archive.is_empty(conn)
    fill(conn, bodies)
    for one in reversed(metadata.sorted_tables):
        if one is not table and not any(key.column.table is one for key in table.foreign_keys):
            conn.execute(delete(one))
    assert not archive.is_empty(conn)


def test_a_backup_without_a_key_is_a_backup(engine: Engine, bodies: Bodies, tmp_path: Path) -> None:
    data = packed(engine, bodies, tmp_path / "none.key")
    assert "verdict.key" not in entries(data)
    assert json.loads(entries(data)["greygate.json"])["schema"] == schema.newest()


# ---- reindex -------------------------------------------------------------------------------------------------------


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Any]:
    return settings(f"sqlite://{tmp_path}/x.db", tmp_path)


def lose_rows(conn: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        if table is not body:
            conn.execute(delete(table))


def test_after_the_loss_of_every_row_mail_is_what_it_was(conn: Connection, bodies: Bodies, configured: Any) -> None:
    later = NOW + DAY
    wait = Owner(recipient(), DeliveryState.HELD, ReasonCode.GREYLIST_CARRIED, NOW + HOUR)
    on_its_way = Owner(recipient(CY), DeliveryState.RELEASING, ReasonCode.BACKEND_DEFERRED)
    keep(conn, bodies, owned_mail(mail("0000000000001", text=b"1")), b"1")
    keep(conn, bodies, mail("0000000000002", text=b"2", recipients=(BO, CY), owners=(wait, on_its_way)), b"2")
    keep(conn, bodies, mail("0000000000003", text=b"3", recipients=(BO, CY)), b"3")
    lose_rows(conn)
    assert archive.reindex(conn, bodies, configured, later) == (3, 3)
    (held_again,) = deliveries.of_message(conn, "0000000000001")
    assert (held_again["state"], held_again["expires"]) == (DeliveryState.HELD, later + configured.hold.keep)
    waiting, sent = deliveries.of_message(conn, "0000000000002")
    assert (waiting["state"], waiting["release_at"], waiting["reason"]) == ("held", NOW + HOUR, "greylist.carried")
    assert (sent["state"], sent["recipient"], sent["due"]) == (DeliveryState.RELEASING, CY, later)
    assert [row["recipient"] for row in deliveries.claim_due(conn, "c", later, later + HOUR, 9)] == [CY]
    back = copies.of_message(conn, "0000000000003")
    assert [(row["state"], row["last_seen"]) for row in back] == [(CopyState.SENDER_HELD, NOW)] * 2
    row = messages.load(conn, "0000000000003")
    assert row is not None
    assert (row["subject"], row["stored"], row["received_at"]) == ("Hello", bodies.kind, NOW)
    assert found_copies(conn, ANN, (BO,), fingerprint(b"3"))[BO][0].mail == identity(mail(text=b"3"))
    assert read(bodies, conn, "0000000000001") == b"1"


def test_when_one_of_two_was_released_the_other_is_still_its_senders(
    conn: Connection, bodies: Bodies, configured: Any
) -> None:
    kept = keep(conn, bodies, mail(recipients=(BO, CY)))
    bodies.own(conn, kept.id, [Owner(recipient(), DeliveryState.RELEASING, ReasonCode.PARTY_KNOWN)])
    lose_rows(conn)
    archive.reindex(conn, bodies, configured, NOW)
    assert sorted(messages.states(conn, kept.id)) == [(BO, "releasing"), (CY, "sender_held")]


def test_twice_is_harmless(conn: Connection, bodies: Bodies, configured: Any) -> None:
    held(conn, keep(conn, bodies, owned_mail(mail())))
    deliveries.move(conn, deliveries.of_message(conn, mail().id)[0]["id"], DeliveryState.RELEASING, "cy", NOW)
    conn.execute(update(delivery).values(attempts=3))
    for _ in range(2):
        assert archive.reindex(conn, bodies, configured, NOW) == (1, 0)
    (row,) = deliveries.of_message(conn, mail().id)
    assert (row["state"], row["attempts"]) == (DeliveryState.RELEASING, 3)


def test_a_broken_body_does_not_stop_the_others(conn: Connection, tmp_path: Path, configured: Any) -> None:
    files = FileBodies(tmp_path / "bodies")
    for number in ("0000000000001", "0000000000002"):
        keep(
            conn, files, owned_mail(mail(number, text=number.encode(), received_at=NOW + timedelta(1))), number.encode()
        )
    files.path("0000000000001").parent.mkdir(exist_ok=True)
    files.path("0000000000001").write_bytes(b"broken")
    lose_rows(conn)
    assert archive.reindex(conn, files, configured, NOW) == (1, 1)


def test_mail_in_files_outlives_its_whole_database(
    engine: Engine, tmp_path: Path, targets: Callable[[str], Engine], configured: Any
) -> None:
    files = FileBodies(tmp_path / "bodies")
    with engine.begin() as conn:
        held(conn, keep(conn, files, owned_mail(mail()), durable=True))
    new = targets("sqlite")
    with new.begin() as conn:
        assert archive.reindex(conn, files, configured, NOW) == (1, 1)
        assert [row["state"] for row in deliveries.queue(conn, list(DeliveryState), 9)] == ["held"]
