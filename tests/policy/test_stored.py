"""Facts as JSON and back: nothing that a rule may read is lost on the way."""

import json
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import model
from gateway.model import DataFacts, IPAddress, IPNetwork, MessageFacts, RcptFacts, Relayed, Verdict
from gateway.policy import stored
from tests.policy.stranger import HOST, NETWORK, NOW, PEER, data, rcpt, seen

# ---- everything that may be ----------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
MOMENTS = st.datetimes(timezones=st.just(UTC))
EVIDENCE = st.dictionaries(WORDS, WORDS | st.integers(-9, 9) | st.booleans() | st.none() | st.just(0.25), max_size=2)

st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(str, WORDS)
st.register_type_strategy(float, st.just(0.25) | st.just(-1.5))


def anything(kind: type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Every value of a noun; one that holds its own kind does so once."""
    hints = get_type_hints(kind)
    left_out = stored.LEFT_OUT.get(kind, {})
    return st.builds(
        kind,
        **{one.name: of(hints[one.name], depth) for one in fields(kind) if one.name not in left_out},
        **{name: st.just(value) for name, value in left_out.items()},
    )


def of(hint: Any, depth: int) -> st.SearchStrategy[Any]:
    if hint in (IPAddress, IPNetwork):
        return st.from_type(hint)
    inner = get_args(hint)
    if type(None) in inner:
        rest = [one for one in inner if one is not type(None)]
        if rest == [Verdict] and depth:
            return st.none()
        return st.none() | st.one_of(*(of(one, depth) for one in rest))
    if str(hint).startswith("collections.abc.Mapping"):
        return EVIDENCE
    if str(hint).startswith("tuple") and inner[-1] is Ellipsis:
        return st.lists(of(inner[0], depth), max_size=2).map(tuple)
    if str(hint).startswith("tuple"):
        return st.tuples(*(of(one, depth) for one in inner))
    if str(hint).startswith("frozenset"):
        return st.frozensets(of(inner[0], depth), max_size=2)
    if hint is Verdict:
        return st.deferred(lambda: anything(Verdict, depth + 1))
    if hint is timedelta:
        return st.timedeltas(timedelta(0), timedelta(days=9))
    return st.deferred(lambda: anything(hint, depth)) if is_dataclass(hint) else st.from_type(hint)


def through_json(facts: stored.Facts) -> stored.Facts:
    return stored.from_json(json.loads(json.dumps(stored.to_json(facts))))


@settings(max_examples=150, deadline=None)
@given(anything(RcptFacts))
def test_what_was_known_at_rcpt_comes_back(facts: RcptFacts) -> None:
    assert through_json(facts) == facts


@settings(max_examples=150, deadline=None)
@given(anything(DataFacts))
def test_what_was_known_after_the_dot_comes_back(facts: DataFacts) -> None:
    assert through_json(facts) == facts


# ---- the form ------------------------------------------------------------------------------------------------------


def nouns(kind: type, found: set[type] | None = None) -> set[type]:
    """A noun and all that it is made of."""
    found = set() if found is None else found
    if kind not in found and is_dataclass(kind):
        found.add(kind)
        for hint in get_type_hints(kind).values():
            for inner in parts(hint):
                nouns(inner, found)
    return found


def parts(hint: Any) -> set[type]:
    inner = get_args(hint)
    return {hint} if not inner and isinstance(hint, type) else {part for one in inner for part in parts(one)}


@pytest.mark.parametrize("kind", sorted(nouns(DataFacts), key=lambda one: one.__name__))
def test_every_field_of_the_facts_is_stored_or_left_out_on_purpose(kind: type) -> None:
    """A field whose type stored.py does not know fails here by name, and so does one whose default it misreads."""
    left_out = stored.LEFT_OUT.get(kind, {})
    assert set(stored.stored_fields(kind)) == {one.name for one in fields(kind)} - set(left_out)
    if kind is not model.Rung:  # has a shorter form
        stored.noun(kind)
    for one in fields(kind):
        assert one.default_factory is MISSING or one.name == "evidence", f"{one.name}: a default that is made each time"


def test_only_what_no_rule_reads_is_left_out() -> None:
    assert set(stored.LEFT_OUT) == {MessageFacts}
    facts = data(message=replace(data().message, author="ann@elsewhere.example", subject="Hello"))
    assert "ann@elsewhere" not in json.dumps(stored.to_json(facts)["message"])
    assert through_json(facts) == replace(facts, message=replace(facts.message, author="", subject=""))


def test_it_is_short_and_readable() -> None:
    told = json.loads(json.dumps(stored.to_json(rcpt(rungs=frozenset({NETWORK, HOST})))))
    assert told == {
        "now": "2026-03-01T12:00:00+00:00",
        "peer": {"address": "192.0.2.7", "helo": "mail.elsewhere.example"},
        "rungs": [[1, "192.0.2.0/24"], [2, "mail.elsewhere.example"]],
        "sender": "Ann@elsewhere.example".lower(),
        "recipient": {"raw": "bo@example.com", "local": "bo", "domain": "example.com"},
        "is_local": True,
        "recipient_exists": True,
        "level": "greylist",
        "reviewed": False,
        "listed": [],
        "grade": 0,
        "sightings": [],
    }


def test_moments_of_another_zone_are_the_same_moments() -> None:
    facts = rcpt(now=NOW.astimezone(timezone(timedelta(hours=2))))
    assert stored.to_json(facts)["now"] == "2026-03-01T12:00:00+00:00"
    assert through_json(facts) == facts


def test_what_could_not_be_found_out_is_not_what_is_not_there() -> None:
    facts = rcpt(grade=None, sightings=None, recipient_exists=None, relayed=Relayed(frozenset({NETWORK}), PEER))
    assert through_json(facts) == facts
    assert through_json(rcpt(sightings=(seen(timedelta(0)),))) != facts


# ---- records of other versions -------------------------------------------------------------------------------------


def test_an_earlier_record_says_that_it_cannot_be_read() -> None:
    with pytest.raises(stored.Unreadable, match="earlier version"):
        stored.from_json({"level": "greylist"}, version=1)


def test_a_later_record_is_read_as_far_as_it_is_understood() -> None:
    facts = rcpt()
    assert stored.from_json(stored.to_json(facts) | {"weather": "fine"}) == facts


@pytest.mark.parametrize("damage", [{"level": "lukewarm"}, {"peer": {}}, {"now": "soon"}, {"sightings": [7]}])
def test_a_damaged_record_says_so(damage: dict[str, Any]) -> None:
    with pytest.raises(stored.Unreadable, match="damaged"):
        stored.from_json(stored.to_json(rcpt()) | damage)


def test_enumerations_are_told_by_their_values() -> None:
    assert all(issubclass(kind, str | int) for kind in vars(model).values()
               if isinstance(kind, type) and issubclass(kind, Enum))  # fmt: skip


def test_of_a_flood_the_newest_and_the_oldest_are_kept() -> None:
    flood = tuple(seen(timedelta(minutes=minute), id=minute) for minute in range(stored.MOST_SIGHTINGS + 9))
    told = through_json(rcpt(sightings=flood))
    assert isinstance(told, RcptFacts)
    assert told.sightings == flood[: stored.HALF] + flood[-stored.HALF :]
