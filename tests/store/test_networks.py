"""What is remembered of networks: written by many, never lost to an older moment, forgotten for good."""

from datetime import datetime
from itertools import permutations

from sqlalchemy import URL, Connection, select

from gateway.model import NEVER, NetworkRecord
from gateway.smtpd.networks import Networks
from gateway.store import networks
from gateway.store.engine import open_database
from gateway.store.networks import Happened
from sql.tables import network as table
from tests.store.making import DAY, HOUR, NOW, SECOND, count

HERE, THERE = "192.0.2.0/24", "2001:db8::/64"
MEMORY = 36 * DAY


def record(conn: Connection, network: str = HERE) -> NetworkRecord | None:
    return networks.changed(conn, NEVER, 10).get(network)


def note(conn: Connection, network: str, now: datetime, **moments: datetime) -> None:
    networks.note(conn, [Happened(network, now, moments)])


def test_each_moment_is_kept_beside_the_others(conn: Connection) -> None:
    note(conn, HERE, NOW, greeted_at=NOW)
    note(conn, HERE, NOW + SECOND, trapped_until=NOW + DAY)
    note(conn, THERE, NOW, delivered_at=NOW)
    assert record(conn) == NetworkRecord(greeted_at=NOW, trapped_until=NOW + DAY)
    assert record(conn, THERE) == NetworkRecord(delivered_at=NOW)


def test_the_latest_moment_stays_in_whatever_order_the_workers_write(conn: Connection) -> None:
    for number, order in enumerate(permutations((NOW, NOW + HOUR, NOW + DAY))):
        for moment in order:
            note(conn, f"net {number}", moment, delivered_at=moment)
        assert record(conn, f"net {number}") == NetworkRecord(delivered_at=NOW + DAY)


def test_only_what_changed_since_is_read_again(conn: Connection) -> None:
    note(conn, HERE, NOW, greeted_at=NOW)
    note(conn, THERE, NOW + HOUR, greeted_at=NOW + HOUR)
    assert set(networks.changed(conn, NOW, 10)) == {THERE}
    assert set(networks.changed(conn, NOW - SECOND, 10)) == {HERE, THERE}
    assert set(networks.changed(conn, NOW - SECOND, 1)) == {THERE}


def test_a_worker_that_starts_reads_whoever_counts_and_delivered_ones_first(conn: Connection) -> None:
    note(conn, "old", NOW - 2 * MEMORY, delivered_at=NOW - 2 * MEMORY)
    note(conn, "trapped", NOW, trapped_until=NOW + DAY)
    for number in range(3):
        at = NOW - number * DAY
        note(conn, f"delivered {number}", at, delivered_at=at)
    assert list(networks.known(conn, NOW, NOW - MEMORY, 2)) == ["delivered 0", "delivered 1", "trapped"]
    assert "old" not in networks.known(conn, NOW, NOW - MEMORY, 10)


def test_forgetting_is_seen_by_who_follows_the_changes(conn: Connection) -> None:
    note(conn, HERE, NOW, delivered_at=NOW, trapped_until=NOW + DAY)
    assert networks.forget(conn, HERE, NOW + SECOND) == 1
    assert networks.changed(conn, NOW, 10) == {HERE: NetworkRecord()}
    assert networks.forget(conn, HERE, NOW + SECOND) == 0
    assert networks.forget(conn, "198.51.100.0/24", NOW) == 0


def test_the_sweep_deletes_what_nothing_happened_to_for_long(conn: Connection) -> None:
    note(conn, HERE, NOW, greeted_at=NOW)
    note(conn, THERE, NOW - MEMORY - SECOND, greeted_at=NOW)
    assert networks.forget_old(conn, NOW - MEMORY, 10) == 1
    assert networks.forget_old(conn, NOW - MEMORY, 10) == 0
    assert list(conn.execute(select(table.c.network)).scalars()) == [HERE]
    assert count(conn, table) == 1


# ---- what one worker knows by heart --------------------------------------------------------------------------------


async def test_what_was_noted_just_now_is_not_lost_to_an_answer_from_before(url: URL) -> None:
    """Else whose first mail was delivered would be a stranger again until the next look."""
    database = open_database(url)
    mine = Networks(database, MEMORY)
    mine.greeted(HERE, NOW)
    await database.write(lambda conn: None)  # and with it what was noted
    seen = await database.read(lambda conn: mine.look(conn, NOW + SECOND))
    assert seen[1] == {HERE: NetworkRecord(greeted_at=NOW)}
    mine.was_delivered(HERE, NOW + SECOND)
    mine.take(seen)
    assert mine.of(HERE) == NetworkRecord(greeted_at=NOW, delivered_at=NOW + SECOND)
    await database.close()


async def test_who_is_forgotten_is_forgotten_by_those_who_note_something_all_the_time(url: URL) -> None:
    database = open_database(url)
    mine = Networks(database, MEMORY)
    mine.was_delivered(HERE, NOW)
    await database.write(lambda conn: networks.forget(conn, HERE, NOW))
    for number in range(1, 4):
        mine.greeted(HERE, NOW + number * SECOND)
        await database.write(lambda conn: None)
        mine.take(await database.read(lambda conn, at=number: mine.look(conn, NOW + at * SECOND)))  # type: ignore[misc]
    assert mine.of(HERE) == NetworkRecord(greeted_at=NOW + 3 * SECOND)
    await database.close()
