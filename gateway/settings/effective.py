"""The settings in force, section by section: what each key is, what it would be, and who says so; no secrets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings.document import allowed, nested, purpose, sections, shape_of, toml_value
from gateway.settings.schema import REPEATED, Settings
from gateway.settings.shapes import toml_text

LONGEST = 30  # items of a list or a table that are shown


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is in force. `is_given`: the file names it; `differs`: from its default."""

    name: str
    value: str
    default: str
    is_given: bool
    differs: bool
    meaning: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the file; `place` is how the file heads it."""

    name: str
    place: str
    purpose: str
    keys: tuple[Key, ...]

    @property
    def changed(self) -> int:
        return sum(key.differs for key in self.keys)


@dataclass(frozen=True, slots=True)
class Pending:
    """A key that the file says otherwise now than when it was read."""

    place: str
    name: str
    in_force: str
    in_file: str


def parts(settings: Settings) -> list[Part]:
    """All of them, in the order of the file; a part for each route and hook."""
    return [part for name, model in sections() for part in parts_of(settings, name, model)]


def parts_of(settings: Settings, name: str, model: type[BaseModel]) -> Iterator[Part]:
    if name in REPEATED:
        for number, one in enumerate(getattr(settings, name), 1):
            yield part(f"{name}-{number}", f"[[{name}]]", one)
    else:
        yield part(name, f"[{name}]", getattr(settings, name))


def part(name: str, place: str, section: BaseModel) -> Part:
    model = type(section)
    keys = (key(one, field, section) for one, field in model.model_fields.items())
    return Part(name, place, purpose(model), tuple(keys))


def key(name: str, field: FieldInfo, section: BaseModel) -> Key:
    value = getattr(section, name)
    default = "" if field.is_required() else shown(field.default, field)
    given = name in section.model_fields_set
    return Key(
        name, shown(value, field), default, given, value != field.default, field.description or "", allowed(field)
    )


def pending(in_force: Settings, in_file: Settings) -> list[Pending]:
    """What takes effect when the settings are read again."""
    later = {(part.name, key.name): key.value for part in parts(in_file) for key in part.keys}
    now = {(part.name, key.name): (part.place, key.value) for part in parts(in_force) for key in part.keys}
    found = [
        Pending(place, name, value, later.get((part, name), "(gone)"))
        for (part, name), (place, value) in now.items()
        if later.get((part, name)) != value
    ]
    return found + [
        Pending(f"[[{part.partition('-')[0]}]]", name, "(none yet)", value)
        for (part, name), value in later.items()
        if (part, name) not in now
    ]


def masking(field: FieldInfo) -> Any:
    """How values of a field are shown that may hold a secret; None where they cannot."""
    shape = shape_of(field.metadata) or shape_of(nested(field.annotation))
    return shape.masked if shape else None


def shown(value: Any, field: FieldInfo) -> str:
    """A value as the file would write it, without what is secret in it; long lists are cut."""
    if value is None:
        return "(none)"
    if (mask := masking(field)) is not None:
        return str(mask(value))
    if isinstance(value, Mapping):
        some = [
            f"{toml_text(name)} = {one if isinstance(one, float) else toml_text(one)}" for name, one in value.items()
        ]
        return f"{{ {cut(some)} }}" if some else "{}"
    if isinstance(value, tuple):
        return f"[{cut([toml_text(one) for one in value])}]"
    return toml_value(value, field)


def cut(items: list[str]) -> str:
    more = len(items) - LONGEST
    return ", ".join(items[:LONGEST]) + (f", and {more} more" if more > 0 else "")
