"""From a TOML file to `Settings`, or to every problem in it at once."""

import difflib
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.settings.crosschecks import CHECKS, Place, Problem
from gateway.settings.document import allowed, written
from gateway.settings.quantities import quoted
from gateway.settings.schema import REPEATED, Settings

_WRONG = {
    "greater_than_equal": "is too little",
    "less_than_equal": "is too much",
    "int_type": "is not a number",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not a list",
    "dict_type": "is not a table",
    "mapping_type": "is not a table",
    "literal_error": "is not one of the values",
    "enum": "is not one of the values",
}


class BadSettings(Exception):
    """The settings cannot be used; `problems` has one line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(path: Path) -> Settings:
    """The settings in a file; raises BadSettings with every problem in it."""
    return from_table(_table(path), path.parent, str(path))


def from_table(table: Mapping[str, Any], folder: Path = Path(), source: str = "settings") -> Settings:
    """The settings in a parsed table; relative paths start at `folder`; raises BadSettings with every problem."""
    settings, problems = _validated(table, folder)
    blamed = {place for problem in problems for place in _places(problem)}
    for check in CHECKS:
        problems += [problem for problem in check(settings) if not blamed.intersection(_places(problem))]
    if problems:
        raise BadSettings([f"{source}: {problem}" for problem in sorted(problems, key=_order)])
    return settings


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSettings([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise BadSettings([f"{path}: is not UTF-8 text (at byte {error.start + 1})"]) from None
    except (ValueError, RecursionError) as error:  # besides its own error, for endless numbers and nesting
        raise BadSettings([f"{path}: is not TOML: {error}"]) from None


def _validated(table: Mapping[str, Any], folder: Path) -> tuple[Settings, list[Problem]]:
    """The settings without what is wrong in them, and what that is."""
    try:
        return Settings.model_validate(table, context={"folder": folder}), []
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _repeats(detail)]
    rest = _without(table, details)
    return Settings.model_validate(rest, context={"folder": folder}), [_problem(detail) for detail in details]


def _repeats(detail: ErrorDetails) -> bool:
    """True for the list that is too short only because of its wrong items, which are told already."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _without(table: Mapping[str, Any], details: list[ErrorDetails]) -> dict[str, Any]:
    """The table without the keys, or the sections, that are wrong; a wrong route takes all of them away."""
    rest = {name: dict(section) if isinstance(section, dict) else section for name, section in table.items()}
    for detail in details:
        section, *keys = detail["loc"]
        if not keys or section in REPEATED:
            rest.pop(str(section), None)
        elif isinstance(rest.get(str(section)), dict):
            rest[str(section)].pop(keys[0], None)
    return rest


def _places(problem: Problem) -> set[Place]:
    """The keys that a problem is about; for a route, routes as such."""
    if not problem.section:
        whole = Settings.model_fields.get(problem.key)
        return {(problem.key, key) for key in getattr(whole and whole.default, "__dict__", ())}
    section, _, key = problem.section.partition(".")
    own = (section, "" if section in REPEATED else key or problem.key.split(" ")[0])
    return {own, *problem.beside}


def _order(problem: Problem) -> tuple[int, str]:
    sections = ["", *Settings.model_fields]
    section = problem.section.partition(".")[0]
    return (sections.index(section) if section in sections else len(sections), problem.section)


def _problem(detail: ErrorDetails) -> Problem:
    section, *keys = [str(part) for part in detail["loc"] if part != "[key]"]
    if not keys:
        return _section_problem(section, detail)
    if section in REPEATED:
        return Problem(
            section, " ".join((str(int(keys[0]) + 1), *keys[1:2])), _what(detail, REPEATED[section], keys[1:])
        )
    model = type(Settings.model_fields[section].default)
    if keys[0] == "overrides" and len(keys) > 1:
        return Problem("protection.overrides", quoted(keys[1]), _what(detail, model, ["level"]))
    return Problem(section, keys[0], _what(detail, model, keys))


def _section_problem(section: str, detail: ErrorDetails) -> Problem:
    if detail["type"] == "tuple_type":
        return Problem(section, "", f"stands in single brackets; write [[{section}]] for each {section}")
    if detail["type"] != "extra_forbidden":
        return Problem("", section, f"is a section; write [{section}] on a line and its keys below")
    if not isinstance(detail["input"], dict | list):
        return Problem("", section, f"stands in no section; {_home(section) or 'write it below the section it is of'}")
    return Problem(section, "", f"unknown section; {_near(section, list(Settings.model_fields))}")


def _what(detail: ErrorDetails, model: type[BaseModel], keys: list[str]) -> str:
    """What is wrong with a key, and what is allowed."""
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {_nearest_key(keys[0], model)}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "model_type":
        name = next(name for name, one in REPEATED.items() if one is model)
        return f"is not a table; write [[{name}]] on a line and its keys below"
    field = model.model_fields[keys[0]]
    if kind in ("missing", "too_short"):
        return f"{'is missing' if kind == 'missing' else 'is empty'}; {allowed(field)}"
    return f"{_shown(detail['input'], field)} {_WRONG.get(kind, 'is wrong')}; {allowed(field)}"


def _shown(value: object, field: FieldInfo) -> str:
    """A value as it was, or could have been, written."""
    if isinstance(value, timedelta):
        return quoted(written(value, field))
    return written(value, field) if isinstance(value, int) and not isinstance(value, bool) else quoted(value)


def _nearest_key(key: str, model: type[BaseModel]) -> str:
    known = list(model.model_fields)
    return (not difflib.get_close_matches(key, known) and _home(key)) or _near(key, known)


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}"


def _home(key: str) -> str:
    """Where a key belongs that stands in the wrong place; nothing when no section knows it."""
    homes = [
        f"[{name}]" for name, field in Settings.model_fields.items() if key in getattr(field.default, "__dict__", {})
    ]
    return f"it belongs in {' or '.join(homes)}" if homes else ""
