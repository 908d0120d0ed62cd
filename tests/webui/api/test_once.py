"""A call with an Idempotency-Key happens once, whatever becomes of its answer: on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.store import answers
from gateway.store.keys import digest
from sql.tables import api_answer, api_token
from tests.store.making import BO
from tests.webui.api.conftest import Program, kind_of, program, token_for
from tests.webui.conftest import BOS, BOTH, Office
from webui.api import once
from webui.app import create_app

NEW = {"verb": "allow", "party": "shop.example", "scope": BO}


def kept(office: Office) -> list[dict[str, Any]]:
    with office.begin() as conn:
        return [dict(row) for row in conn.execute(select(api_answer)).mappings()]


def acts(office: Office, act: str) -> int:
    return len(office.record(act))


def test_the_same_call_is_answered_as_before(either: Office) -> None:
    one = program(either, "bo")
    first = one.post("/known", NEW, Idempotency_Key='"a-1"')
    again = one.post("/known", NEW, Idempotency_Key='"a-1"')
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    for name in ("Location", "ETag", "Content-Type"):
        assert first.headers[name] == again.headers[name]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert acts(either, "entry added") == 1
    assert one.post("/known", NEW, Idempotency_Key="a-1").data == first.data, "in quotes or not"
    assert one.post("/known", NEW).get_json()["id"] != first.get_json()["id"], "without a key it happens again"


def test_so_it_is_after_a_restart_and_on_another_node(either: Office) -> None:
    one = program(either, "bo")
    first = one.post("/known", NEW, Idempotency_Key="a")
    either.app = create_app(either.house)
    assert one.post("/known", NEW, Idempotency_Key="a").data == first.data
    assert acts(either, "entry added") == 1


@pytest.mark.parametrize("other", [{**NEW, "comment": "x"}, {**NEW, "party": "b.example"}])
def test_another_call_with_the_same_key_is_refused(either: Office, other: Any) -> None:
    one = program(either, "bo")
    one.post("/known", NEW, Idempotency_Key="a")
    assert kind_of(one.post("/known", other, Idempotency_Key="a")) == "key-used"
    assert kind_of(one.post(f"/mails/{BOS}/undo", {}, Idempotency_Key="a")) == "key-used"
    assert acts(either, "entry added") == 1


def test_the_same_key_of_another_token_is_another(office: Office) -> None:
    first = program(office, "bo").post("/known", NEW, Idempotency_Key="a").get_json()
    second = program(office, "bo").post("/known", NEW, Idempotency_Key="a").get_json()
    assert first["id"] != second["id"]


def claim(office: Office, key: str) -> None:
    """Somebody else answers a call with this key just now."""
    with office.begin() as conn:
        number = conn.execute(select(api_token.c.id)).scalar_one()
        assert answers.claim(conn, digest("answer", str(number), key), "a" * 64, "another", office.now)


def test_while_the_first_still_runs_the_second_is_told_so(either: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    one = program(either, "bo")
    seen = []
    carry_out = once.Running.keep

    def meanwhile(self: Any, conn: Any, response: Any) -> None:
        """Another thread asks, before the transaction of the first is over."""
        seen.append(answers.load(conn, self.key))
        carry_out(self, conn, response)

    monkeypatch.setattr(once.Running, "keep", meanwhile)
    assert one.post("/known", NEW, Idempotency_Key="a").status_code == 201
    assert seen[0] is not None
    assert seen[0]["status"] is None, "it was claimed before"
    with either.begin() as conn:
        conn.execute(api_answer.update().values(status=None))
    said = one.post("/known", NEW, Idempotency_Key="a")
    assert kind_of(said) == "still-running"
    assert said.headers["Retry-After"] == "1"
    assert acts(either, "entry added") == 1


def test_whoever_began_and_was_killed_is_taken_over(either: Office) -> None:
    one = program(either, "bo")
    claim(either, "a")
    assert kind_of(one.post("/known", NEW, Idempotency_Key="a")) == "key-used"
    either.later(once.GONE_AFTER + timedelta(seconds=1))
    assert one.post("/known", NEW, Idempotency_Key="a").status_code == 201
    assert one.post("/known", NEW, Idempotency_Key="a").headers["Idempotent-Replayed"] == "true"


def test_whoever_was_taken_over_does_nothing_any_more(either: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was very slow, and comes to its end after all: what it did is rolled back."""
    one = program(either, "bo")
    claimed = once.claimed

    def overtaken(mine: once.Running) -> Any:
        found = claimed(mine)
        assert found is None
        with either.begin() as conn:
            assert mine.key is not None
            assert answers.take_over(conn, mine.key, mine.claim, mine.asked, "another", either.now)
        return found

    monkeypatch.setattr(once, "claimed", overtaken)
    assert kind_of(one.post("/known", NEW, Idempotency_Key="a")) == "still-running"
    assert acts(either, "entry added") == 0
    assert one.get("/known").get_json()["items"] == []


def test_what_was_refused_is_refused_again_with_the_same_words(either: Office) -> None:
    one = program(either, "bo")
    one.post(f"/mails/{BOS}/decisions", {"verb": "refuse"})
    first = one.post(f"/mails/{BOS}/decisions", {"verb": "release"}, Idempotency_Key="a")
    assert kind_of(first) == "somebody-first"
    one.post(f"/mails/{BOS}/undo", {})
    again = one.post(f"/mails/{BOS}/decisions", {"verb": "release"}, Idempotency_Key="a")
    assert (again.status_code, again.data, again.content_type) == (409, first.data, first.content_type)
    assert either.states(BOS) == {BO: "held"}


def test_what_could_not_be_read_uses_no_key_up(office: Office) -> None:
    one = program(office, "bo")
    assert kind_of(one.post("/known", {**NEW, "verb": "like"}, Idempotency_Key="a")) == "invalid"
    assert one.post("/known", NEW, Idempotency_Key="a").status_code == 201


def test_our_own_fault_uses_no_key_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    one = program(office, "bo")
    with monkeypatch.context() as patch:
        patch.setattr("gateway.entries.add", lambda *a, **k: 1 / 0)
        said = one.post("/known", NEW, Idempotency_Key="a")
    assert kind_of(said) == "broken"
    assert "division" not in said.text
    assert kept(office) == []
    assert one.post("/known", NEW, Idempotency_Key="a").status_code == 201


def test_answers_are_forgotten_after_a_day(either: Office) -> None:
    one = Program(either, token_for(either, "bo", days=90))
    one.post("/known", NEW, Idempotency_Key="a")
    either.later(once.GOOD_FOR)
    assert one.post("/known", NEW, Idempotency_Key="a").headers.get("Idempotent-Replayed") == "true"
    with either.begin() as conn:
        assert answers.forget_old(conn, either.now - once.GOOD_FOR, 10) == 0
    either.later(timedelta(seconds=1))
    said = one.post("/known", NEW, Idempotency_Key="a")
    assert (said.status_code, said.headers.get("Idempotent-Replayed")) == (201, None), "nobody has swept yet"
    either.later(timedelta(days=2))
    with either.begin() as conn:
        assert answers.forget_old(conn, either.now - once.GOOD_FOR, 10) == 1


def test_who_reads_the_database_reads_no_answer(office: Office) -> None:
    """Not even an invitation, which lets somebody in."""
    one = program(office, "admin")
    link = one.post("/people", {"name": "zoe"}, Idempotency_Key="a").get_json()["link"]
    (row,) = kept(office)
    assert "zoe" not in repr(row)
    assert link.rpartition("/")[2] not in repr(row)
    assert one.post("/people", {"name": "zoe"}, Idempotency_Key="a").get_json()["link"] == link


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "é", "a\tb", "a b", "\x7f"])
def test_what_is_no_key_is_said(office: Office, key: str) -> None:
    assert kind_of(program(office, "bo").post("/known", NEW, Idempotency_Key=key)) == "bad-key"
    assert acts(office, "entry added") == 0


def test_nothing_is_noted_for_calls_that_change_nothing(office: Office) -> None:
    one = program(office, "bo")
    assert one.get("/held", **{"Idempotency-Key": "a"}).status_code == 200
    assert one.post(f"/mails/{BOTH}/decisions", {"verb": "refuse"}).status_code == 200
    assert kept(office) == []
