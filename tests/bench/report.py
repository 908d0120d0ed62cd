"""Figures, what they should be, and how they are shown: as tables for people and as one JSON object."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

WIDE = 150  # columns where the output goes into a file

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


@dataclass(frozen=True)
class Spread:
    """Some runs of the same measurement."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def __str__(self) -> str:
        """Median, lowest and highest."""
        return " / ".join(shown(one) for one in (self.median, min(self.runs), max(self.runs)))


@dataclass(frozen=True)
class Target:
    """A figure and its limit; `stretch` is what would be better still."""

    what: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False
    stretch: float | None = None

    def meets(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit

    @property
    def met(self) -> bool:
        return self.meets(self.limit)

    @property
    def judgement(self) -> str:
        if self.stretch is not None and self.meets(self.stretch):
            return "met, and the stretch too"
        return "met" if self.met else "MISSED"

    @property
    def wanted(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {shown(self.limit)}" + (f" (stretch {shown(self.stretch)})" if self.stretch else "")


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)


@dataclass
class Report:
    """What one measurement found. `facts` say under which conditions; `raw` has every single figure."""

    what: str
    facts: dict[str, str]
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def show(self) -> None:
        for name, fact in self.facts.items():
            console.print(f"[dim]{name}:[/] {escape(fact)}", soft_wrap=True)
        for table in [*self.tables, judged(self.targets)]:
            if table.rows:
                console.print()
                console.print(rich_table(table))

    def write(self, path: Path) -> None:
        told = [{**asdict(target), "met": target.met} for target in self.targets]
        path.write_text(json.dumps({**asdict(self), "targets": told}, indent=1) + "\n")


def judged(targets: Sequence[Target]) -> Table:
    rows = [(one.what, f"{shown(one.value)} {one.unit}".strip(), one.wanted, one.judgement) for one in targets]
    return Table("against the targets", ("figure", "measured", "wanted", ""), rows)


def rich_table(table: Table) -> RichTable:
    made = RichTable(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(table.columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*row)
    return made


def shown(value: float) -> str:
    """Three digits that count; counts and large figures as they are."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(seconds: float) -> str:
    return f"{shown(seconds * 1000)} ms"
