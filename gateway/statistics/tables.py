"""The figures as tables: below each plot, at a prompt, and as CSV. One form for all of them. Cells are said in the
language that is spoken; titles and the words of columns are English until they are shown."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Any

from gateway.i18n import _
from gateway.marked import N_
from gateway.model import ReasonCode
from gateway.policy.words import sentence
from gateway.statistics.figures import Figures, Line, Rate
from gateway.statistics.kinds import ANSWERS, NULL, OTHERS, Kind

ACTS = "=+-@\t\r\n"  # with these, a cell is a formula to a spreadsheet (OWASP, CSV injection)
Cell = str | int | float | datetime | None


class Form(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"  # 0 to 1
    MOMENT = "moment"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs, `words` for people. `is_ours`: its texts are sentences of ours, not names or codes."""

    name: str
    words: str
    form: Form = Form.COUNT
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()

    def of(self, rows: Iterable[tuple[Cell, ...]]) -> "Table":
        """The same with rows."""
        return replace(self, rows=tuple(rows))


ANSWERED: Mapping[str, str] = {
    Kind.ACCEPT: N_("Accepted"),
    Kind.DEFER: N_("Asked to come back"),
    Kind.HOLD: N_("Held"),
    Kind.REJECT: N_("Refused"),
    Kind.DISCARD: N_("Delivered before"),
}
ANSWER_COLUMNS = tuple(Column(kind, ANSWERED[kind]) for kind in ANSWERS)
BEFORE = Column("before", N_("All, the time before"))
HOLD_COLUMNS = (
    Column("released", N_("Released")),
    Column("decided", N_("Of held mail decided")),
    Column("released_share", N_("Released, share"), Form.SHARE),
)


TIME = Table(
    "time",
    N_("Answers over time"),
    (Column("from", N_("From"), Form.MOMENT), *ANSWER_COLUMNS, Column("all", N_("All")), BEFORE),
)
TOTALS = Table(
    "totals",
    N_("Answers"),
    (Column("answer", N_("Answer"), Form.TEXT), Column("count", N_("Mails")), Column("before", N_("The time before"))),
)
WAITS = Table(
    "waits",
    N_("How long mail waited"),
    (
        Column("over", N_("More than"), Form.SECONDS),
        Column("up_to", N_("Up to"), Form.SECONDS),
        Column("count", N_("Mails")),
        Column("share", N_("Share"), Form.SHARE),
    ),
)
QUANTILES = Table(
    "quantiles",
    N_("How long at most"),
    (
        Column("share", N_("Of the mail"), Form.SHARE),
        Column("seconds", N_("Waited at most"), Form.SECONDS),
        Column("low", N_("More than"), Form.SECONDS),
        Column("high", N_("Up to"), Form.SECONDS),
        Column("before", N_("The time before"), Form.SECONDS),
    ),
)
ERRORS = Table(
    "errors",
    N_("Held and let in by mistake"),
    (
        Column("figure", N_("Figure"), Form.TEXT),
        Column("part", N_("So many")),
        Column("whole", N_("Of")),
        Column("share", N_("Share"), Form.SHARE),
        Column("low", N_("Likely from"), Form.SHARE),
        Column("high", N_("to"), Form.SHARE),
        Column("before", N_("The time before"), Form.SHARE),
    ),
)
REASONS = Table(
    "reasons",
    N_("By reason"),
    (
        Column("reason", N_("Reason"), Form.TEXT, is_ours=False),
        Column("because", N_("Because"), Form.TEXT),
        *ANSWER_COLUMNS,
        *HOLD_COLUMNS,
        BEFORE,
    ),
)
LEVELS = Table(
    "levels",
    N_("By level of protection"),
    (Column("level", N_("Level"), Form.TEXT, is_ours=False), *ANSWER_COLUMNS, *HOLD_COLUMNS, BEFORE),
)
SENDERS = Table(
    "senders",
    N_("Who sent most"),
    (Column("sender", N_("Sender's domain"), Form.TEXT, is_ours=False), *ANSWER_COLUMNS, *HOLD_COLUMNS),
)


def over_time(found: Figures) -> Table:
    rows = [
        (one.at, *(one.counts.get(kind, 0) for kind in ANSWERS), sum(one.counts.values()), one.before)
        for one in found.points
    ]
    return TIME.of(rows)


def totals(found: Figures) -> Table:
    names = {**ANSWERED, Kind.WAITED: N_("Accepted after a wait")}
    rows = [
        (_(words), found.totals.get(kind, 0), None if found.before is None else found.before.get(kind, 0))
        for kind, words in names.items()
    ]
    return TOTALS.of(rows)


def waits(found: Figures) -> Table:
    rows = [
        (one.low, None if one.high == inf else one.high, one.count, one.count / found.waits.count)
        for one in found.waits.bars
    ]
    return WAITS.of(rows)


def quantiles(found: Figures) -> Table:
    """How long at most; each exact figure is between two others."""
    rows = []
    for one in found.waits.quantiles:
        then = found.waits_before.quantile(one.share) if found.waits_before else None
        high = None if one.high == inf else one.high
        rows.append((one.share, one.seconds, one.low, high, then.seconds if then else None))
    return QUANTILES.of(rows)


def reviewed(found: Figures) -> Table:
    before = found.holds_before
    rows = (
        rated(_("Held, and released by a person"), found.holds, before.share if before else None),
        rated(_("Let in, and called spam by a person"), found.audit, None),
    )
    return ERRORS.of(rows)


def rated(name: str, rate: Rate, before: float | None) -> tuple[Cell, ...]:
    low, high = rate.between or (None, None)
    return (name, rate.part, rate.whole, rate.share, low, high, before)


def by_reason(found: Figures) -> Table:
    return REASONS.of((one.name, because(one.name), *line_cells(one), one.before) for one in found.by_reason)


def by_level(found: Figures) -> Table:
    return LEVELS.of((one.name or _("not on record"), *line_cells(one), one.before) for one in found.by_level)


def by_sender(found: Figures) -> Table:
    names = {NULL: _("(notices, without a sender)"), OTHERS: _("(all others)")}
    return SENDERS.of((names.get(one.name, one.name), *line_cells(one)) for one in found.by_sender)


def line_cells(one: Line) -> tuple[Cell, ...]:
    decided = one.holds
    answers = [one.counts.get(kind, 0) for kind in ANSWERS]
    return (*answers, decided.part, decided.whole, decided.share)


def because(code: str) -> str:
    return _(sentence(ReasonCode(code))) if code in list(ReasonCode) else code


ALL: Mapping[str, Callable[[Figures], Table]] = {
    "time": over_time,
    "totals": totals,
    "waits": waits,
    "quantiles": quantiles,
    "errors": reviewed,
    "reasons": by_reason,
    "levels": by_level,
    "senders": by_sender,
}


SHAPES: Mapping[str, Table] = {
    one.name: one for one in (TIME, TOTALS, WAITS, QUANTILES, ERRORS, REASONS, LEVELS, SENDERS)
}
BY: Mapping[str, str] = {  # tables that are asked for by themselves
    "time": "time", "reason": "reasons", "level": "levels", "sender": "senders", "wait": "waits",
}  # fmt: skip


def csv_of(table: Table) -> str:
    """A table as CSV (RFC 4180): moments as ISO 8601 in UTC, seconds and shares as numbers."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([column.name for column in table.columns])
    writer.writerows([harmless(plain(cell)) for cell in row] for row in table.rows)
    return file.getvalue()


def plain(cell: Cell) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return round(cell, 6) if isinstance(cell, float) else "" if cell is None else cell


def harmless(cell: Any) -> Any:
    """Words of others never begin like a formula: an apostrophe before them makes spreadsheets show them. What cannot
    be seen, or moves a terminal's cursor, is replaced."""
    if not isinstance(cell, str):
        return cell
    seen = "".join(letter if letter.isprintable() else "\ufffd" for letter in cell)
    return f"'{seen}" if cell[:1] in tuple(ACTS) else seen


def rows_of(table: Table) -> list[dict[str, Any]]:
    """For programs that read JSON."""
    names = [column.name for column in table.columns]
    return [dict(zip(names, (jsonable(cell) for cell in row), strict=True)) for row in table.rows]


def of_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table from the rows that `rows_of` made of it."""
    shape = SHAPES[name]
    return shape.of(tuple(cell_of(row[column.name], column) for column in shape.columns) for row in rows)


def cell_of(said: Any, column: Column) -> Cell:
    cell: Cell = datetime.fromisoformat(said) if column.form is Form.MOMENT else said
    return cell


def jsonable(cell: Cell) -> Any:
    return cell.isoformat() if isinstance(cell, datetime) else cell


def named(found: Figures, names: Iterable[str]) -> list[Table]:
    return [ALL[name](found) for name in names]
