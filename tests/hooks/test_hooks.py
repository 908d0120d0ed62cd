"""Places are told what happened to mail: once it is on record, in order, until they took it, and by one node."""

import asyncio
import http.client
import re
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from structlog.testing import capture_logs

from gateway import clock, posting
from gateway.hooks.job import Hooks, Place, pause_after
from gateway.model import DeliveryState, HookEvent
from gateway.posting import Hook
from gateway.store import decisions, hooks
from gateway.store.hooks import SETTLED_AFTER, Standing, Wanted
from sql.tables import event, hook_post
from tests.gate import until
from tests.hooks.receiver import Receiver
from tests.house.source import ROOT
from tests.store.making import BO, DAY, HOUR, MINUTE, NOW, SECOND, copied, held, mail, row_of
from webui.api.told import HookTold

ALL = frozenset(HookEvent)
SECRET = bytes(range(32))
DEE = "dee@other.example"
STOP = asyncio.Event()


@dataclass
class Node:
    """The job of one node; the test says what time it is."""

    engine: Engine
    name: str = "node1"
    places: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job = Hooks(self.engine, self.name, "gate", "https://gate.example.com", self.places)

    def place(self, to: Receiver, name: str = "siem", events: frozenset[str] = ALL, *domains: str) -> Place:
        made = Place(Wanted(name, frozenset(map(str, events)), frozenset(domains)), Hook(to.url + "/in?x=1", SECRET))
        self.places.append(made)
        self.job.turn(made, STOP)  # from now on
        return made

    def turn(self, place: Place) -> int:
        return self.job.turn(place, STOP)


@dataclass
class Time:
    now: datetime = NOW


@pytest.fixture
def time() -> Iterator[Time]:
    made = Time()
    with clock.told_by(lambda: made.now):
        yield made


@pytest.fixture
def node(engine: Engine, time: Time) -> Node:
    return Node(engine)


def hold(engine: Engine, number: str = "m1", to: str = BO, state: DeliveryState = DeliveryState.HELD) -> None:
    with engine.begin() as conn:
        held(conn, row_of(conn, mail(number, recipients=(to,))), state, clock.now())


def happen(engine: Engine, kind: str, number: str | None = "m1", to: str | None = BO, **more: Any) -> None:
    with engine.begin() as conn:
        decisions.happened(conn, kind, clock.now(), message=number, recipient=to, **{"who": "bo", **more})


def noted(engine: Engine) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(select(hook_post).order_by(hook_post.c.id)).mappings())


# ---- of what -------------------------------------------------------------------------------------------------------


def test_each_event_is_told_with_what_it_is_about(node: Node, engine: Engine, receiver: Receiver, time: Time) -> None:
    place = node.place(receiver)
    hold(engine)
    for kind in ("released", "delivered", "undone", "refused", "expired", "undeliverable", "code"):
        time.now += SECOND
        happen(engine, kind)
    happen(engine, "campaign", to=None, who="gateway", code="campaign.shared_url")
    assert node.turn(place) == 9
    assert receiver.types == [
        "mail.held", "mail.released", "mail.delivered", "mail.undone", "mail.refused", "mail.expired",
        "mail.undeliverable", "mail.code", "campaign.found",
    ]  # fmt: skip
    assert set(receiver.types) == set(HookEvent)
    assert receiver.told[0].data == {
        "mail": "m1", "recipient": BO, "reason": "content.suspicious", "by": None,
        "page": "https://gate.example.com/mail/m1",
    }  # fmt: skip
    assert receiver.told[1].data["by"] == "bo"
    assert (receiver.told[-1].data["recipient"], receiver.told[-1].data["reason"]) == (None, "campaign.shared_url")
    for one in receiver.told:
        HookTold.model_validate_json(one.body)
        for private in (b"ann@", b"Hello", b"A few words"):
            assert private not in one.body
    assert node.turn(place) == 0
    time.now += HOUR
    assert node.turn(place) == 0, "each once"


def test_what_is_not_news_of_held_mail_is_not_told(node: Node, engine: Engine, receiver: Receiver) -> None:
    place = node.place(receiver)
    hold(engine, state=DeliveryState.RELEASING)
    happen(engine, "delivered")
    happen(engine, "tried")
    happen(engine, "viewed")
    happen(engine, "refused", who="retention")
    happen(engine, "refused", number=None)
    assert node.turn(place) == 0


def test_it_begins_with_what_happens_from_then_on(node: Node, engine: Engine, receiver: Receiver) -> None:
    hold(engine)
    happen(engine, "released")
    place = node.place(receiver)
    assert node.turn(place) == 0
    happen(engine, "undone")
    assert node.turn(place) == 1


def test_each_place_is_told_what_it_wants(node: Node, engine: Engine, receiver: Receiver, other: Receiver) -> None:
    ours = node.place(receiver, "ours", ALL, "example.com")
    ends = node.place(other, "ends", frozenset({HookEvent.RELEASED, HookEvent.CAMPAIGN}))
    hold(engine, "m1")
    hold(engine, "m2", DEE)
    with engine.begin() as conn:
        copied(conn, row_of(conn, mail("m3", recipients=(BO,))))
    happen(engine, "released", "m2", DEE)
    happen(engine, "released", "m1", BO)
    for number in ("m1", "m2", "m3"):
        happen(engine, "campaign", number, None, code="campaign.shared_url")
    node.turn(ours)
    node.turn(ends)
    assert [(one.type, one.data["mail"]) for one in receiver.told] == [
        ("mail.held", "m1"), ("mail.released", "m1"), ("campaign.found", "m1"), ("campaign.found", "m3"),
    ]  # fmt: skip
    assert other.types == ["mail.released"] * 2 + ["campaign.found"] * 3


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)  # SQLite has one writer
def test_what_is_written_late_with_a_lower_number_is_told(
    node: Node, engine: Engine, receiver: Receiver, time: Time
) -> None:
    """Nodes of MariaDB hand out numbers before they commit."""
    place = node.place(receiver)
    happen(engine, "released")
    with engine.begin() as conn:
        last = conn.execute(select(event.c.id).order_by(event.c.id.desc()).limit(1)).scalar_one()
        row = {"at": time.now, "message": "m1", "recipient": BO, "who": "bo", "detail": {}}
        conn.execute(insert(event).values(id=last + 7, kind="refused", **row))
    assert node.turn(place) == 2
    with engine.begin() as conn:
        conn.execute(insert(event).values(id=last + 3, kind="expired", **row))
    time.now += MINUTE
    assert node.turn(place) == 1
    for _ in range(3):
        time.now += SETTLED_AFTER
        assert node.turn(place) == 0
    assert receiver.types == ["mail.released", "mail.refused", "mail.expired"]
    with engine.connect() as conn:
        assert not hooks.has_work(conn, "siem", "node1", time.now, time.now + SECOND), (
            "where nothing happens, nothing is written"
        )


# ---- how -----------------------------------------------------------------------------------------------------------


def test_it_is_signed_so_that_others_can_check_it(node: Node, engine: Engine, receiver: Receiver) -> None:
    """By openssl, which knows nothing of us."""
    place = node.place(receiver)
    hold(engine)
    node.turn(place)
    (one,) = receiver.told
    assert (one.path, one.headers["content-type"]) == ("/in?x=1", "application/json")
    assert one.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{one.number}.{one.headers['webhook-timestamp']}.".encode() + one.body
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{SECRET.hex()}", "-binary"]
    digest = subprocess.run(command, input=signed, capture_output=True, check=True).stdout
    said = subprocess.run(["openssl", "base64", "-A"], input=digest, capture_output=True, check=True).stdout.decode()
    assert one.headers["webhook-signature"] == f"v1,{said}"


def test_what_was_not_taken_comes_again_as_the_same(node: Node, engine: Engine, receiver: Receiver, time: Time) -> None:
    place = node.place(receiver)
    receiver.answer = lambda _: 500
    hold(engine)
    with capture_logs() as logs:
        assert node.turn(place) == 0
    assert [(one["event"], one["tries"], one["error"]) for one in logs] == [("a hook could not be told", 1, "HTTP 500")]
    time.now += 9 * SECOND
    node.turn(place)
    assert len(receiver.told) == 1
    receiver.answer = lambda _: 200
    time.now += 2 * SECOND
    assert node.turn(place) == 1
    first, second = receiver.told
    assert (first.number, first.body) == (second.number, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert noted(engine)[0]["state"] == "sent"


def test_it_is_given_up_after_a_day_and_said_so(node: Node, engine: Engine, receiver: Receiver, time: Time) -> None:
    place = node.place(receiver)
    receiver.answer = lambda _: 503
    hold(engine)
    pauses = [pause_after(number) for number in range(1, 12)]
    assert pauses[:3] == [10 * SECOND, 40 * SECOND, 160 * SECOND]
    assert pauses[-1] == 6 * HOUR == max(pauses)
    with capture_logs() as logs:
        for _ in range(200):
            node.turn(place)
            time.now += 10 * MINUTE
    assert 8 < len(receiver.told) < 14
    assert len({one.number for one in receiver.told}) == 1
    assert [one["event"] for one in logs][-1] == "a hook was not told and is given up"
    with engine.connect() as conn:
        assert hooks.standings(conn, time.now - DAY)["siem"].given_up == 1
    receiver.answer = lambda _: 200
    hold(engine, "m2")
    assert node.turn(place) == 1


def test_they_come_in_order_as_far_as_the_place_takes_them(
    node: Node, engine: Engine, receiver: Receiver, time: Time
) -> None:
    """It is not well: nothing is tried after that. It does not like one: the next ones come."""
    place = node.place(receiver)
    for number in ("m1", "m2", "m3"):
        hold(engine, number)
        time.now += SECOND
    receiver.answer = lambda _: 502
    node.turn(place)
    assert (len(receiver.told), place.rest > 0) == (1, True)
    receiver.told.clear()
    receiver.answer = lambda one: 422 if one.data["mail"] == "m1" else 204
    time.now += MINUTE
    assert node.turn(place) == 2
    assert [one.data["mail"] for one in receiver.told] == ["m1", "m2", "m3"]
    assert place.rest == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(node: Node, engine: Engine, receiver: Receiver, status: int) -> None:
    place = node.place(receiver)
    receiver.answer = lambda _: status
    hold(engine)
    assert node.turn(place) == 0
    assert [one.path for one in receiver.told] == ["/in?x=1"]


def test_whoever_answers_a_byte_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "WITHIN", 1.0)
    server, done = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip() -> None:
        line, _ = server.accept()
        try:
            while not done.wait(0.1):
                line.sendall(b"H")
        except OSError:
            pass
        line.close()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with pytest.raises((OSError, http.client.HTTPException)):
        Hook(f"http://127.0.0.1:{server.getsockname()[1]}/", SECRET).post("msg_1", b"{}", 1)
    done.set()
    thread.join()
    server.close()


def test_an_address_is_told_to_the_log_without_what_is_secret_in_it() -> None:
    assert str(Hook("https://user:word@siem.example.com:8443/in/secret?token=x", SECRET)) == "siem.example.com:8443"


# ---- by whom -------------------------------------------------------------------------------------------------------


def test_of_two_nodes_one_tells_and_the_other_goes_on_when_it_is_gone(
    node: Node, engine: Engine, receiver: Receiver, time: Time
) -> None:
    ours, second = node.place(receiver), Node(engine, "node2")
    theirs = second.place(receiver)
    hold(engine)
    assert (second.turn(theirs), node.turn(ours), second.turn(theirs)) == (0, 1, 0)
    hold(engine, "m2")
    time.now += 3 * MINUTE
    assert (second.turn(theirs), node.turn(ours)) == (1, 0)
    assert [one.data["mail"] for one in receiver.told] == ["m1", "m2"]


def test_who_looks_at_the_same_moment_is_second(engine: Engine) -> None:
    """Both saw that nobody holds it."""
    with engine.begin() as conn:
        assert hooks.hold(conn, "siem", "node1", NOW, NOW + MINUTE)
        assert hooks.has_work(conn, "siem", "node2", NOW + MINUTE, NOW + 2 * MINUTE)
        assert not hooks.hold(conn, "siem", "node2", NOW + 59 * SECOND, NOW + 2 * MINUTE)
        assert hooks.hold(conn, "siem", "node2", NOW + MINUTE, NOW + 2 * MINUTE)
        assert not hooks.hold(conn, "siem", "node1", NOW + MINUTE, NOW + 2 * MINUTE)


def test_who_was_killed_after_telling_tells_it_again_as_the_same(
    node: Node, engine: Engine, receiver: Receiver
) -> None:
    place = node.place(receiver)
    hold(engine)
    row = node.job.next(place, clock.now())
    assert row is not None
    assert node.job.tell(place, row) == ("", True)
    again = Node(engine)
    assert again.turn(Place(place.wanted, place.hook)) == 1
    assert len({one.number for one in receiver.told}) == 1


async def test_a_place_that_hangs_delays_no_other(engine: Engine, receiver: Receiver, other: Receiver) -> None:
    node, stop = Node(engine), asyncio.Event()
    node.place(receiver, "hangs")
    node.place(other, "well")
    job = Hooks(engine, "node1", "gate", "", node.places)
    receiver.holds.clear()
    work = asyncio.create_task(job.work(stop))
    hold(engine)
    await asyncio.to_thread(until, lambda: bool(receiver.told))
    for number in ("m2", "m3"):
        hold(engine, number)
    await asyncio.to_thread(until, lambda: len(other.told) == 3)
    assert len(receiver.told) == 1
    stop.set()
    receiver.holds.set()
    await work
    assert [one.data["mail"] for one in other.told] == ["m1", "m2", "m3"]


async def test_what_is_wrong_with_one_is_said_and_the_others_are_told(
    engine: Engine, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, stop = Node(engine), asyncio.Event()
    well = node.place(other, "well")
    odd = Place(Wanted("odd", ALL), Hook("https://[::bad", SECRET))
    job = Hooks(engine, "node1", "gate", "", [odd, well])
    with engine.begin() as conn:
        hooks.hold(conn, "odd", "node1", clock.now(), clock.now() + MINUTE)
    with capture_logs() as logs:
        hold(engine)
        work = asyncio.create_task(job.work(stop))
        await asyncio.to_thread(
            until, lambda: bool(other.told) and any(one["event"] == "a hook failed" for one in logs)
        )
        stop.set()
        await work


# ---- and then ------------------------------------------------------------------------------------------------------


def test_what_waits_is_told_to_those_who_look(node: Node, engine: Engine, receiver: Receiver, time: Time) -> None:
    place = node.place(receiver)
    hold(engine)
    node.turn(place)
    receiver.answer = lambda _: 500
    hold(engine, "m2")
    time.now += HOUR
    node.turn(place)
    with engine.connect() as conn:
        assert hooks.standings(conn, NOW) == {"siem": Standing(1, time.now, NOW, 0, "HTTP 500")}


def test_what_was_told_is_forgotten_some_time_later(node: Node, engine: Engine, receiver: Receiver) -> None:
    place = node.place(receiver)
    hold(engine)
    node.turn(place)
    with engine.begin() as conn:
        assert hooks.forget_old(conn, NOW, 10) == 0
        assert hooks.forget_old(conn, NOW + SECOND, 10) == 1
    assert node.turn(place) == 0 or engine.dialect.name != "sqlite"


def test_what_the_howto_checks_by_is_right(node: Node, engine: Engine, receiver: Receiver) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/howto/hooks.md").read_text("utf-8"), flags=re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    place = node.place(receiver)
    hold(engine)
    node.turn(place)
    (one,) = receiver.told
    secret = "whsec_" + b64encode(SECRET).decode()
    assert made["is_ours"](one.headers, one.body, secret)
    assert not made["is_ours"](one.headers, one.body + b" ", secret)
    assert not made["is_ours"](one.headers, one.body, "whsec_" + b64encode(b"x" * 32).decode())
