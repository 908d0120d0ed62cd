"""Delivered mail that is listed for review: what people say of it, what time does, and what it never becomes."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway import archive, desk, privacy, reviewing
from gateway.bodies import Bodies, FileBodies, Owner
from gateway.desk import NoSuchMail, Person, Terms
from gateway.model import Action, CopyState, Label, Reason, ReasonCode, Verdict
from gateway.policy.hold import Keeping
from gateway.policy.standing import Outcome, Party
from gateway.store import copies, decisions, messages, reviews, standings
from gateway.store.decisions import Decision
from gateway.store.reviews import Audited, ListedMail
from gateway.sweep import Sweep
from tests.store.making import (
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    STRONG,
    TEXT,
    copied,
    keep,
    mail,
    read,
    recipient,
    settings,
)

STAFF = Person("staff", "node")
TERMS = Terms(400 * DAY, 8 * DAY)
LISTED, SPAM, HAM = CopyState.LISTED, CopyState.CALLED_SPAM, CopyState.CALLED_HAM
NUMBER = "0000000000009"
WHY = ReasonCode.AUDIT_SAMPLED


def decided(number: str, to: str, at: datetime) -> Decision:
    verdict = Verdict(Action.ACCEPT, (Reason(ReasonCode.GREYLIST_PASSED), Reason(WHY)), review=True)
    return Decision(number, at, "data", "192.0.2.25", ANN, to, verdict, {}, "250 OK")


def listed(
    conn: Connection,
    bodies: Bodies,
    number: str = NUMBER,
    *,
    recipients: tuple[str, ...] = (BO,),
    at: datetime = NOW,
    text: bytes = TEXT,
    why: ReasonCode = WHY,
) -> str:
    """A delivered mail as the front door lists it."""
    owners = [Owner(recipient(one), LISTED, why) for one in recipients]
    kept = mail(number, recipients=recipients, rungs=STRONG, text=text, owners=owners, received_at=at)
    bodies.write(kept, [text], durable=False)
    reviews.add(conn, [ListedMail(kept, bodies.kind, [(recipient(one), why) for one in recipients])])
    bodies.record(conn, kept, [text])
    decisions.add(conn, [decided(number, one, at) for one in recipients])
    return number


def states(conn: Connection, number: str = NUMBER) -> list[str]:
    return [str(state) for _, state in messages.states(conn, number)]


def on_list(conn: Connection) -> list[tuple[str, str, bool]]:
    return [(row["reply_id"], row["recipient"], row["kept"]) for row in reviews.on_list(conn, 10)]


def unwanted(conn: Connection, now: datetime = NOW) -> float:
    return standings.history(conn, Party.SERVER, "elsewhere.example", now).get(Outcome.REFUSED, 0.0)


# ---- people --------------------------------------------------------------------------------------------------------


def test_it_can_be_looked_at_and_leaves_the_list(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies, recipients=(BO, CY))
    assert set(on_list(conn)) == {(NUMBER, BO, True), (NUMBER, CY, True)}
    assert read(bodies, conn, NUMBER) == TEXT
    reviewing.looked(conn, NUMBER, STAFF, NOW)
    assert (on_list(conn), states(conn)) == ([], ["looked_at", "looked_at"])
    assert unwanted(conn) == 0
    with pytest.raises(NoSuchMail):
        reviewing.looked(conn, NUMBER, STAFF, NOW)


def test_what_has_no_copy_leaves_the_list_too(conn: Connection) -> None:
    """Mails of a campaign that was refused later are listed long after their bytes went."""
    decisions.add(conn, [decided("elsewhen", BO, NOW)])
    assert on_list(conn) == [("elsewhen", BO, False)]
    reviewing.looked(conn, "elsewhen", STAFF, NOW)
    assert on_list(conn) == []


def test_spam_counts_as_a_refusal_does_and_once(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies, recipients=(BO, CY))
    for _ in range(2):
        reviewing.called(conn, NUMBER, Label.SPAM, STAFF, NOW)
    assert unwanted(conn) == pytest.approx(1)
    assert (states(conn), on_list(conn)) == (["called_spam"] * 2, [])


def test_the_last_word_counts(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies)
    reviewing.called(conn, NUMBER, Label.SPAM, STAFF, NOW)
    reviewing.called(conn, NUMBER, Label.HAM, STAFF, NOW + MINUTE)
    assert unwanted(conn, NOW + MINUTE) == pytest.approx(0)
    assert states(conn) == ["called_ham"]


def test_what_was_taken_back_was_never_said(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies)
    reviewing.called(conn, NUMBER, Label.SPAM, STAFF, NOW)
    reviewing.taken_back(conn, NUMBER, STAFF, NOW + MINUTE)
    assert unwanted(conn, NOW + MINUTE) == pytest.approx(0)
    assert (states(conn), on_list(conn)) == (["listed"], [(NUMBER, BO, True)])
    assert reviewing.taken_back(conn, NUMBER, STAFF, NOW)[0].happened is False


def test_of_mail_that_is_not_listed_nothing_is_said_here(conn: Connection, bodies: Bodies) -> None:
    copied(conn, keep(conn, bodies, mail()))
    assert reviewing.called(conn, "0000000000001", Label.SPAM, STAFF, NOW) == []
    assert (states(conn, "0000000000001"), unwanted(conn)) == (["sender_held"], 0)


# ---- never again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [None, Label.SPAM, Label.HAM])
def test_nobody_can_deliver_or_refuse_it_again(conn: Connection, bodies: Bodies, said: Label | None) -> None:
    listed(conn, bodies)
    if said:
        reviewing.called(conn, NUMBER, said, STAFF, NOW)
    before = states(conn)
    assert [one.happened for one in desk.release(conn, bodies, NUMBER, (), STAFF, TERMS, NOW)] == [False]
    assert [one.happened for one in desk.refuse(conn, NUMBER, (), STAFF, TERMS, NOW)] == [False]
    (row,) = copies.of_message(conn, NUMBER)
    assert not copies.claim(conn, row["id"], "worker", NOW, NOW + HOUR)
    assert states(conn) == before
    assert copies.end_window(conn, NOW + 5 * DAY, 10) == 0
    assert copies.abandon(conn, NOW + 5 * DAY) == 0


def test_after_the_loss_of_every_row_it_is_still_delivered_mail(
    conn: Connection, bodies: Bodies, tmp_path: Path
) -> None:
    listed(conn, bodies)
    messages.remove(conn, [NUMBER])
    configured: Any = settings(f"sqlite://{tmp_path}/x.db", tmp_path)
    assert archive.reindex(conn, bodies, configured, NOW + DAY) == (1, 1)
    (row,) = copies.of_message(conn, NUMBER)
    assert (row["state"], row["note"], row["last_seen"]) == (LISTED, WHY, NOW)


def test_bytes_whose_row_was_never_written_are_no_mail_of_ours(conn: Connection, tmp_path: Path) -> None:
    bodies, big = FileBodies(tmp_path / "bodies"), b"x" * 300_000
    listed(conn, bodies, text=big)
    future = datetime.now(NOW.tzinfo) + DAY
    assert list(bodies.unowned(future)) == [NUMBER]


def test_who_asks_is_told_of_it_and_who_wants_it_gone_is_obeyed(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies)
    assert [row["state"] for row in privacy.export(conn, BO)["copy"]] == ["listed"]
    privacy.erase(conn, bodies, BO, NOW)
    assert (on_list(conn), messages.load(conn, NUMBER), list(bodies.scan(conn))) == ([], None, [])


# ---- time and room -------------------------------------------------------------------------------------------------


def sweeping(bodies: Bodies, room: int = 2**31) -> Sweep:
    keeping = Keeping(30 * DAY, 4 * DAY, 2 * DAY, 14 * DAY, 90 * DAY, listed=14 * DAY, room=room)
    return Sweep("node", Path(), None, bodies, keeping, 9, "gate", "pm@example.com")  # type: ignore[arg-type]


def swept(conn: Connection, sweep: Sweep, now: datetime) -> list[str]:
    """The mails whose bytes go."""
    for name, work in sweep.kinds():
        if name == "listed long enough":
            work(conn, now)
    return sweep.finish(conn, now)


def test_it_ends_by_itself(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies)
    assert swept(conn, sweeping(bodies), NOW + 14 * DAY) == []
    assert states(conn) == ["listed"]
    assert swept(conn, sweeping(bodies), NOW + 14 * DAY + SECOND) == [NUMBER]
    assert (states(conn), on_list(conn)) == (["unseen"], [])


def test_its_bytes_stay_for_an_hour_after_a_word(conn: Connection, bodies: Bodies) -> None:
    listed(conn, bodies)
    reviewing.called(conn, NUMBER, Label.HAM, STAFF, NOW)
    assert swept(conn, sweeping(bodies), NOW + HOUR - SECOND) == []
    assert swept(conn, sweeping(bodies), NOW + HOUR + SECOND) == [NUMBER]


def test_the_oldest_listed_mail_gives_way_and_nothing_else(conn: Connection, bodies: Bodies) -> None:
    keep(conn, bodies, mail("0000000000001", text=b"x" * 100), b"x" * 100)
    copied(conn, mail("0000000000001"))
    for number in range(2, 6):
        text = bytes([number]) * 100
        listed(conn, bodies, f"000000000000{number}", at=NOW + number * MINUTE, text=text)
    sweep = sweeping(bodies, room=400)  # from 300 on listed mail gives way
    assert swept(conn, sweep, NOW + HOUR) == ["0000000000002", "0000000000003"]
    assert swept(conn, sweep, NOW + HOUR) == []
    assert ("0000000000002", BO, False) in on_list(conn)
    assert states(conn, "0000000000002") == ["listed"]


def test_bytes_that_somebody_answers_for_do_not_give_way(conn: Connection, bodies: Bodies) -> None:
    """The same mail was deferred for another recipient, and is one row with it."""
    listed(conn, bodies)
    copies.note(conn, [copies.Deferred(NUMBER, recipient(CY), NOW)])
    assert swept(conn, sweeping(bodies, room=0), NOW + HOUR) == []


# ---- figures -------------------------------------------------------------------------------------------------------


def test_the_figure_counts_what_the_audit_chose_and_people_looked_at(conn: Connection, bodies: Bodies) -> None:
    for number, said in enumerate([None, Label.SPAM, Label.HAM, Label.SPAM]):
        one = listed(conn, bodies, f"000000000001{number}", text=bytes([number]))
        if said:
            reviewing.called(conn, one, said, STAFF, NOW)
    reviewing.looked(conn, listed(conn, bodies, "0000000000020", text=b"20"), STAFF, NOW)
    watched = listed(conn, bodies, "0000000000021", text=b"21", why=ReasonCode.LEVEL_WATCH)
    reviewing.called(conn, watched, Label.SPAM, STAFF, NOW)
    listed(conn, bodies, "0000000000022", text=b"22", at=NOW - DAY)
    assert reviews.audited(conn, NOW) == Audited(chosen=5, looked_at=4, spam=2)
    assert reviews.audited(conn, NOW - 2 * DAY) == Audited(chosen=6, looked_at=4, spam=2)


def test_mail_without_room_is_listed_without_bytes_and_a_word_still_counts(conn: Connection) -> None:
    bare = replace(mail(NUMBER, rungs=STRONG), author="", subject="")
    reviews.add(conn, [ListedMail(bare, "none", [(recipient(), WHY)])])
    decisions.add(conn, [decided(NUMBER, BO, NOW)])
    assert on_list(conn) == [(NUMBER, BO, False)]
    reviewing.called(conn, NUMBER, Label.SPAM, STAFF, NOW)
    assert (unwanted(conn), reviews.audited(conn, NOW).spam) == (pytest.approx(1), 1)
