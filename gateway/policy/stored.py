"""Facts as they are stored with a decision, and back: what was known then can be decided about once more.

The form follows from the nouns themselves: a field that is added to a noun is stored from then on, and a record from
before it has its default. Fields that still have their default are left out. Whatever has no place in a record for
ninety days stands in LEFT_OUT; no rule reads it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import Any, Union, get_args, get_origin, get_type_hints

from gateway.model import DataFacts, IPAddress, IPNetwork, MessageFacts, RcptFacts, Rung, RungKind, Sighting

VERSION = 2  # of the record; 1 told people what was known, and not everything

# Words of the mail itself, and whom else it names. They are kept with its bytes, for as long as those.
LEFT_OUT: Mapping[type, Mapping[str, Any]] = {MessageFacts: {"author": "", "addressed": (), "subject": ""}}

Facts = RcptFacts | DataFacts
Shape = Callable[[Any], Any]

MOST_SIGHTINGS = 40
HALF = MOST_SIGHTINGS // 2
MICROSECOND = timedelta(microseconds=1)
PLAIN = frozenset({str, int, float, bool})
UNIONS = (Union, type(int | None))


class Unreadable(Exception):
    """A record that cannot be decided about once more; says why."""


def to_json(facts: Facts) -> dict[str, Any]:
    """The facts in terms of JSON; enumerations are left to it, which writes their values."""
    told: dict[str, Any] = noun(type(facts)).write(facts)
    return told


def from_json(told: Mapping[str, Any], version: int = VERSION) -> Facts:
    """The facts again. Raises Unreadable."""
    if version < VERSION:
        raise Unreadable("its record is of an earlier version, without all of the facts")
    kind = DataFacts if "rcpt" in told else RcptFacts
    try:
        found = noun(kind).read(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"its record is damaged ({type(error).__name__}: {error})") from error
    assert isinstance(found, RcptFacts | DataFacts)
    return found


# ---- nouns ---------------------------------------------------------------------------------------------------------


class Noun:
    """How one kind of noun is written and read."""

    __slots__ = ("kind", "reads", "write")

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.reads: dict[str, Shape | None] = {}
        self.write: Shape = lambda one: self.write(one)  # until it has learnt: a noun may hold another of its kind

    def learn(self) -> None:
        hints, known = get_type_hints(self.kind), stored_fields(self.kind)
        ways = {name: shapes(hints[name]) for name in known}
        self.reads = {name: read for name, (_, read) in ways.items()}
        self.write = writer([(name, default, ways[name][0]) for name, default in known.items()])

    def read(self, told: Mapping[str, Any]) -> Any:
        """What the record knows and we do not is passed over: it may be of a later version."""
        values = {}
        for name, value in told.items():
            if name in self.reads:
                read = self.reads[name]
                values[name] = value if read is None else read(value)
        return self.kind(**values)


def writer(known: list[tuple[str, Any, Shape | None]]) -> Shape:
    """A function as one would write it by hand, made as dataclasses make theirs: it runs for every decision."""
    lines = ["def write(one):", " told = {}"]
    uses: dict[str, Any] = {}
    for number, (name, default, shape) in enumerate(known):
        uses |= {f"shape{number}": shape, f"default{number}": default}
        told = "value" if shape is None else f"shape{number}(value)"
        lines.append(f" value = one.{name}")
        unless = "" if default is MISSING else f"if value is not default{number}: "
        lines.append(f" {unless}told['{name}'] = {told}")
    exec("\n".join([*lines, " return told"]), uses)  # noqa: S102  (of names of fields, nothing else)
    made: Shape = uses["write"]
    return made


def stored_fields(kind: type) -> dict[str, Any]:
    """The names of what is stored of a noun, and their defaults (MISSING where there is none)."""
    left_out = LEFT_OUT.get(kind, {})
    return {one.name: one.default for one in fields(kind) if one.name not in left_out}


NOUNS: dict[type, Noun] = {}  # also while they still learn


def noun(kind: type) -> Noun:
    if (known := NOUNS.get(kind)) is not None:
        return known
    made = NOUNS[kind] = Noun(kind)
    made.learn()
    return made


# ---- values --------------------------------------------------------------------------------------------------------


def shapes(hint: Any) -> tuple[Shape | None, Shape | None]:
    """How a value of this type is written and read; None where it needs no change."""
    if hint in EXACT:
        return EXACT[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in UNIONS and type(None) in inner:
        return tuple(perhaps(shape) for shape in shapes(without_none(inner)))  # type: ignore[return-value]
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return many(shapes(inner[0]), tuple)
    if origin is tuple:
        return many_kinds([shapes(one) for one in inner])
    if origin is frozenset:
        return many(shapes(inner[0]), frozenset)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict, dict
    return single(hint)


def single(kind: Any) -> tuple[Shape | None, Shape | None]:
    if kind in PLAIN:
        return None, None
    if isinstance(kind, type) and issubclass(kind, Enum):
        return None, kind
    if isinstance(kind, type) and is_dataclass(kind):
        made = noun(kind)
        return made.write, made.read
    raise TypeError(f"say in gateway/policy/stored.py how {kind} is stored")


def without_none(inner: Iterable[Any]) -> Any:
    rest = [one for one in inner if one is not type(None)]
    return Union[tuple(rest)]  # noqa: UP007  (how many they are is known only here)


def perhaps(shape: Shape | None) -> Shape | None:
    return None if shape is None else lambda value: None if value is None else shape(value)


def many(one: tuple[Shape | None, Shape | None], collection: type) -> tuple[Shape, Shape]:
    write, read = one
    return (
        list if write is None else lambda values: [write(value) for value in values],
        collection if read is None else lambda told: collection([read(value) for value in told]),
    )


def many_kinds(kinds: list[tuple[Shape | None, Shape | None]]) -> tuple[Shape, Shape]:
    def shaped(which: int) -> Callable[[Iterable[Any]], list[Any]]:
        ways = [kind[which] for kind in kinds]
        return lambda values: [way(one) if way else one for way, one in zip(ways, values, strict=True)]

    read = shaped(1)
    return shaped(0), lambda told: tuple(read(told))


def write_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat() if moment.tzinfo is not UTC else moment.isoformat()


def write_rungs(rungs: frozenset[Rung]) -> list[Any]:
    return sorted([(int(rung.kind), rung.value) for rung in rungs])


def read_rungs(told: Iterable[Any]) -> frozenset[Rung]:
    return frozenset([Rung(RungKind(kind), value) for kind, value in told])


def write_sightings(sightings: tuple[Sighting, ...]) -> list[Any]:
    """The newest and the oldest, where a flood left more than anybody wants on record for each of its mails."""
    few = sightings if len(sightings) <= MOST_SIGHTINGS else (*sightings[:HALF], *sightings[-HALF:])
    write = noun(Sighting).write
    return [write(one) for one in few]


def read_sightings(told: Iterable[Any]) -> tuple[Sighting, ...]:
    return tuple([noun(Sighting).read(one) for one in told])


# What has a shorter form than its fields would give it.
EXACT: dict[Any, tuple[Shape, Shape]] = {
    datetime: (write_moment, datetime.fromisoformat),
    timedelta: (lambda span: span // MICROSECOND, lambda told: timedelta(microseconds=told)),
    IPAddress: (str, ip_address),
    IPNetwork: (str, ip_network),
    frozenset[Rung]: (write_rungs, read_rungs),
    tuple[Sighting, ...]: (write_sightings, read_sightings),
}
