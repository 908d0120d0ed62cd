"""Tombstones, decisions, lists, switches and change counts."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, delete

from gateway.model import (
    Action,
    Binds,
    ListKind,
    ListVerb,
    Reason,
    ReasonCode,
    Reply,
    Switch,
    TombstoneOutcome,
    Verdict,
)
from gateway.store import changes, decisions, lists, reviews, tombstones
from gateway.store.decisions import Decision
from gateway.store.lists import NewEntry
from sql.tables import listed
from tests.store.making import ANN, BO, CY, DAY, HOUR, NOW, SECOND, STRONG, identity, mail, stones
from tests.store.test_copies import at_once

PENDING, DELIVERED = TombstoneOutcome.PENDING, TombstoneOutcome.DELIVERED


# ---- tombstones ----------------------------------------------------------------------------------------------------


def test_a_tombstone_tells_the_whole_identity_of_its_mail(conn: Connection) -> None:
    kept = mail(rungs=STRONG)
    number = tombstones.make(conn, identity(kept), DELIVERED, NOW, NOW + DAY, message=kept.id, released=True)
    (found,) = stones(conn, ANN, (BO, CY), NOW)[BO]
    assert (found.id, found.outcome, found.mail, found.released) == (number, DELIVERED, identity(kept), True)
    assert (found.expires, found.consumed_at, found.reply) == (NOW + DAY, None, None)


def test_it_answers_for_its_own_pair_until_it_expires(conn: Connection) -> None:
    tombstones.make(conn, identity(mail()), DELIVERED, NOW, NOW + DAY)
    assert stones(conn, ANN, (CY,), NOW) == {CY: ()}
    assert stones(conn, "eve@elsewhere.example", (BO,), NOW) == {BO: ()}
    assert len(stones(conn, ANN, (BO,), NOW + DAY - SECOND)[BO]) == 1
    assert stones(conn, ANN, (BO,), NOW + DAY) == {BO: ()}


def test_it_is_consumed_from_the_first_time(conn: Connection) -> None:
    number = tombstones.make(conn, identity(mail()), DELIVERED, NOW, NOW + DAY)
    for hour in (1, 2):
        tombstones.consume(conn, [number], NOW + hour * HOUR)
    assert stones(conn, ANN, (BO,), NOW)[BO][0].consumed_at == NOW + HOUR


@pytest.mark.parametrize(
    "reply",
    [
        Reply(554, "5.2.2", "mailbox is full for ever"),
        Reply(550, "", "no such user"),
        Reply(550, "5.1.1", ""),
        Reply(550, "5.1.1", "two\nlines"),
        Reply(550, "", "x" * 900),
    ],
)
def test_it_repeats_the_backends_words(conn: Connection, reply: Reply) -> None:
    number = tombstones.make(conn, identity(mail()), PENDING, NOW, NOW + DAY)
    tombstones.settle(conn, number, TombstoneOutcome.UNDELIVERABLE, NOW + DAY, reply)
    kept = stones(conn, ANN, (BO,), NOW)[BO][0].reply
    assert kept is not None
    assert (kept.code, kept.enhanced) == (reply.code, reply.enhanced)
    assert reply.text.startswith(kept.text)
    assert len(kept.text) >= min(len(reply.text), 480)


def test_the_end_of_a_released_copy_settles_its_own_tombstone_only(conn: Connection) -> None:
    for to in (BO, CY):
        tombstones.make(conn, identity(mail(), to), PENDING, NOW, NOW + DAY, message="m1")
    tombstones.make(conn, identity(mail()), PENDING, NOW, NOW + DAY, message="m2")
    tombstones.settle_message(conn, "m1", BO, DELIVERED, NOW + 9 * DAY)
    found = stones(conn, ANN, (BO, CY), NOW)
    assert sorted(one.outcome for one in found[BO]) == [DELIVERED, PENDING]
    assert [one.outcome for one in found[CY]] == [PENDING]


def test_expired_tombstones_go_in_slices(conn: Connection) -> None:
    for number in range(3):
        tombstones.make(conn, identity(mail()), DELIVERED, NOW, NOW + number * DAY)
    assert [tombstones.forget_old(conn, NOW + DAY + SECOND, 1) for _ in range(3)] == [1, 1, 0]


# ---- decisions -----------------------------------------------------------------------------------------------------


def decided(reply_id: str = "r1", at=NOW, **more: object) -> Decision:  # type: ignore[no-untyped-def]
    reasons = (
        Reason(ReasonCode.GREYLIST_NEW, {"said": 'a "quote" \u2192 \x1b', "n": None}),
        Reason(ReasonCode.LEVEL_OFF),
    )
    verdict = Verdict(Action.DEFER, reasons, review=bool(more.pop("review", False)))
    values = {"stage": "data", "peer": "192.0.2.25", "sender": ANN, "recipient": BO, "facts": {"level": "greylist"}}
    return Decision(reply_id=reply_id, at=at, verdict=verdict, reply="451 4.7.0 later", **{**values, **more})  # type: ignore[arg-type]


def test_a_decision_is_found_by_the_id_of_its_reply_with_all_its_reasons(conn: Connection) -> None:
    decisions.add(conn, [decided(), decided(recipient=CY), decided("r2")])
    decisions.add(conn, [])
    first, second = decisions.find(conn, "r1")
    assert (first["recipient"], second["recipient"]) == (BO, CY)
    assert first["facts"]["v"] == decisions.VERSION
    assert [reason["code"] for reason in first["facts"]["reasons"]] == ["greylist.new", "level.off"]
    assert first["facts"]["reasons"][0]["evidence"] == {"said": 'a "quote" \u2192 \x1b', "n": None}
    assert decisions.find(conn, "r") == []


def test_decisions_about_somebody_are_told_newest_first(conn: Connection) -> None:
    decisions.add(conn, [decided(f"r{n}", NOW + n * SECOND) for n in range(5)])
    decisions.add(conn, [decided("other", sender="x@y.example", recipient=CY)])
    for who in (ANN, BO):
        assert [row["reply_id"] for row in decisions.about(conn, who, 3)] == ["r4", "r3", "r2"]


def test_only_what_is_listed_for_review_is_listed(conn: Connection) -> None:
    decisions.add(conn, [decided("no"), decided("yes", review=True)])
    assert [row["reply_id"] for row in reviews.on_list(conn, 10)] == ["yes"]


def test_a_timeline_keeps_its_order_and_its_detail(conn: Connection) -> None:
    for kind in ("taken", "viewed", "released"):
        decisions.happened(conn, kind, NOW, message="m1", recipient=BO, who="cy@cli", said="a → b", raw=True)
    decisions.happened(conn, "taken", NOW, message="m2")
    story = decisions.timeline(conn, "m1")
    assert [event["kind"] for event in story] == ["taken", "viewed", "released"]
    assert story[0]["detail"] == {"said": "a → b", "raw": True}


def test_history_is_forgotten_in_slices(conn: Connection) -> None:
    decisions.add(conn, [decided(f"r{n}", NOW + n * DAY) for n in range(3)])
    for day in range(3):
        decisions.happened(conn, "taken", NOW + day * DAY, message="m1")
    assert [decisions.forget_old(conn, NOW + 2 * DAY, 1) for _ in range(3)] == [2, 2, 0]
    assert [row["reply_id"] for row in decisions.about(conn, ANN, 9)] == ["r2"]


# ---- lists, switches, changes --------------------------------------------------------------------------------------


def test_a_list_entry_comes_back_as_it_was_added(conn: Connection) -> None:
    entry = NewEntry(
        ListVerb.ALLOW, ListKind.DOMAIN, "elsewhere.example", "192.0.2.0/24", BO, NOW + DAY, "cy@cli", "ärger"
    )
    number = lists.add(conn, entry, NOW)
    block = lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.NETWORK, "2001:db8::/32"), NOW)
    first, second = lists.entries(conn)
    assert (first.id, first.value, str(first.network), first.scope) == (number, "elsewhere.example", "192.0.2.0/24", BO)
    assert (first.expires, first.author, first.comment) == (NOW + DAY, "cy@cli", "ärger")
    assert (second.id, str(second.network), second.expires) == (block, "2001:db8::/32", None)
    assert [lists.withdraw(conn, number, "dee@cli", NOW + HOUR) for _ in range(2)] == [True, False]
    assert [one.id for one in lists.entries(conn)] == [block]
    gone = lists.find(conn, number)
    assert gone is not None
    assert (gone.withdrawn_at, gone.withdrawn_by, gone.created) == (NOW + HOUR, "dee@cli", NOW)
    assert lists.history(conn) == (gone, second)
    assert lists.find(conn, number + block) is None


def test_a_combination_comes_back_as_it_was_added(conn: Connection) -> None:
    entry = NewEntry(
        ListVerb.BLOCK, ListKind.ADDRESS, ANN, None, BO, signature="elsewhere.example", binds=Binds.UNAUTHENTICATED,
        message="06c2m5h8k1v3r",
    )  # fmt: skip
    number = lists.add(conn, entry, NOW)
    (found,) = lists.entries(conn)
    assert found == replace(entry.as_entry(number), created=NOW)
    assert NewEntry.of(found) == entry
    network = NewEntry(ListVerb.ALLOW, ListKind.NETWORK, "192.0.2.0/24")
    assert NewEntry.of(network.as_entry()) == network


def test_a_number_is_never_used_again(engine: Engine) -> None:
    """`known forget 7` must not strike another entry because the old 7 is gone."""
    entry = NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "x.example")
    with engine.begin() as conn:
        first = lists.add(conn, entry, NOW)
        conn.execute(delete(listed))
    with engine.begin() as conn:
        assert lists.add(conn, entry, NOW) > first


def test_entries_end(conn: Connection) -> None:
    for expires in (None, NOW, NOW + DAY):
        lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "x.example", expires=expires), NOW)
    withdrawn = lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "y.example"), NOW)
    assert lists.withdraw(conn, withdrawn, "dee@cli", NOW + SECOND)
    assert lists.forget_old(conn, NOW + SECOND) == 1
    assert [one.expires for one in lists.history(conn)] == [None, NOW + DAY, None]
    assert lists.forget_old(conn, NOW + 2 * SECOND) == 1
    assert [one.expires for one in lists.history(conn)] == [None, NOW + DAY]


def test_a_switch_is_on_until_its_end_and_the_last_word_counts(conn: Connection) -> None:
    changes.turn_on(conn, Switch.BYPASS, NOW + HOUR, "cy@cli", NOW)
    changes.turn_on(conn, Switch.BYPASS, NOW + SECOND, "dee@cli", NOW)
    changes.turn_on(conn, Switch.FREEZE_RELEASES, NOW + DAY, "cy@cli", NOW)
    assert changes.switches(conn) == {Switch.BYPASS: NOW + SECOND, Switch.FREEZE_RELEASES: NOW + DAY}
    assert (changes.turn_off(conn, Switch.BYPASS), changes.turn_off(conn, Switch.BYPASS)) == (True, False)


def test_every_announcement_counts_even_when_many_come_at_once(engine: Engine) -> None:
    def announce(conn: Connection, who: int) -> None:
        changes.announce(conn, f"node{who % 2}")

    at_once(engine, announce, 10)
    with engine.connect() as conn:
        assert changes.counts(conn) == {"node0": 5, "node1": 5}


def test_the_digest_of_a_mail_is_found_in_records_of_every_version() -> None:
    assert decisions.whole_of({"v": 1, "facts": {"data": {"whole": "abc"}}}) == "abc"
    assert decisions.whole_of({"v": 2, "facts": {"message": {"fingerprint": {"whole": "abc"}}}}) == "abc"
    assert decisions.whole_of({"v": 1, "facts": {}}) is decisions.whole_of({"v": 2, "facts": {}}) is None
