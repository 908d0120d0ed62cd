"""greygate stats: what happened to mail, how long it waited, and how often we were wrong."""

import json
from datetime import datetime, timedelta
from typing import Any

import click
from rich.table import Table as RichTable
from sqlalchemy import Connection

from gateway import clock
from gateway.cli.connection import transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import UNBOUNDED, bar, console, shown
from gateway.policy.address import BadAddress, parse_address
from gateway.settings import Settings
from gateway.statistics import Against, BadPeriod, Figures, Period, figures, period
from gateway.statistics.plainly import plain
from gateway.statistics.tables import ALL, BY, Cell, Column, Form, Table, csv_of, of_rows
from gateway.statistics.telling import duration, percent
from gateway.store.shelves import EVERYBODY, View

AT_FIRST = ("totals", "quantiles", "errors")  # without --by
WIDE = ("time", "reasons", "levels", "senders")  # of which columns without anything in them are left out
NARROW = {"reasons": "reason"}  # columns that are left out at a terminal: the sentence says the same


@click.command()
@click.option("--since", type=DURATION, default="30d", show_default=True, help="How far back, such as 24h or 90d.")
@click.option("--from", "first", metavar="DAY", help="Instead: from this day on, as 2026-03-04 (UTC).")
@click.option("--to", "last", metavar="DAY", help="The last day of that; today if it is left out.")
@click.option("--by", type=click.Choice(list(BY)), help="One table: by hour or day, reason, level, sender, or wait.")
@click.option(
    "--against", type=click.Choice(list(map(str, Against))), default="before", show_default=True,
    help="Compare with the time before, or with the same weekdays.",
)  # fmt: skip
@click.option("--for", "whose", metavar="NAME", help="Only mail for one address, or for one domain.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets; by time unless --by says otherwise.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def stats(
    since: timedelta, first: str | None, last: str | None, by: str | None, against: str, whose: str | None,
    as_csv: bool, as_json: bool, settings: Settings,
) -> None:  # fmt: skip
    """Tell what happened to mail: answers, waits, mistakes, reasons and senders."""
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both.")
    now, view = clock.now(), whom(whose)
    time = asked(since, first, last, now)
    with transaction(settings, reads=True) as conn:
        found = told(conn, view, time, Against(against), now)
    return show_all(plain(found, wanted(by, as_csv, as_json), now), as_csv, as_json, by)


def wanted(by: str | None, as_csv: bool, as_json: bool) -> list[str]:
    """The names of the tables that are shown."""
    if by:
        return [BY[by]]
    return list(ALL) if as_json else ["time"] if as_csv else list(AT_FIRST)


def show_all(found: dict[str, Any], as_csv: bool, as_json: bool, by: str | None) -> None:
    """What was found here, or by the API elsewhere."""
    if as_json:
        return click.echo(json.dumps(found, indent=1))
    tables = [of_rows(name, found[name]) for name in wanted(by, as_csv, as_json)]
    if as_csv:
        return click.echo(csv_of(tables[0]), nl=False)
    about, counted = found["words"]
    console.print(about)
    console.print(f"[dim]{counted}[/]\n")
    for table in tables:
        show(table)
    if not by:
        console.print(f"[dim]More: greygate stats --by {'|'.join(BY)}[/]")
    return None


def told(conn: Connection, view: View, period: Period, against: Against, now: datetime) -> Figures:
    return figures(conn, view, period, now, against)


def asked(since: timedelta, first: str | None, last: str | None, now: datetime) -> Period:
    try:
        return period.asked(since, first, last, now)
    except BadPeriod as error:
        raise click.UsageError(str(error)) from error


def whom(whose: str | None) -> View:
    """Whoever is at the prompt of this machine sees everything."""
    if not whose:
        return EVERYBODY
    if "@" not in whose:
        return View(domains=frozenset({whose.lower()}))
    try:
        return View(addresses=frozenset({parse_address(whose).key}))
    except BadAddress as error:
        raise click.UsageError(f"{whose} is no address: {error}") from error


# ---- for people ----------------------------------------------------------------------------------------------------


def show(table: Table) -> None:
    """Columns that say nothing are left out."""
    if not table.rows:
        console.print(f"[bold]{table.title}[/]  nothing.\n")
        return
    kept = [place for place, column in enumerate(table.columns) if is_told(table, place, column)]
    made = RichTable(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    if console.width >= UNBOUNDED:  # a program, or a file, reads it
        made.expand = False
    for place in kept:
        text = table.columns[place].form is Form.TEXT
        made.add_column(table.columns[place].words, justify="left" if text else "right", overflow="fold")
    if "count" in [column.name for column in table.columns]:
        made.add_column("")
    for row in table.rows:
        cells = [written(row[place], table.columns[place]) for place in kept]
        made.add_row(*cells, *drawn(table, row))
    console.print(made)
    console.print()


def is_told(table: Table, place: int, column: Column) -> bool:
    if NARROW.get(table.name) == column.name:
        return False
    wide = column.form is Form.COUNT and table.name in WIDE
    return column.form is Form.TEXT or any(row[place] if wide else row[place] is not None for row in table.rows)


def drawn(table: Table, row: tuple[Cell, ...]) -> list[str]:
    names = [column.name for column in table.columns]
    if "count" not in names:
        return []
    counts = [int(one[names.index("count")] or 0) for one in table.rows]  # type: ignore[arg-type]
    return [f"[cyan]{bar(int(row[names.index('count')] or 0), max(counts), 20)}[/]"]  # type: ignore[arg-type]


def written(cell: Cell, column: Column) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if column.form is Form.SHARE:
        return percent(float(cell))
    if column.form is Form.SECONDS:
        return duration(float(cell))
    return f"{cell:,}" if isinstance(cell, int) else shown(cell)
