"""greygate simulate: weeks of mail in minutes, and what became of every mail."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway import compose
from gateway.cli.output import console, shown
from gateway.evidence.gather import Evidence
from gateway.model import Level
from gateway.settings import BadSettings, Settings, read, words
from gateway.simulate import settings as simulated
from gateway.simulate.backend import Backend
from gateway.simulate.figures import Figures, Line, minutes
from gateway.simulate.house import DOMAIN, House, Inline
from gateway.simulate.model import Model
from gateway.simulate.page import page
from gateway.simulate.senders import crowd
from gateway.simulate.week import PEOPLE, Plan, Week, simulate
from gateway.simulate.zone import Zone
from gateway.store.engine import Database, sync_engine
from gateway.store.lookup import Lookup
from sql import schema

LOOKUP_WITHIN = 5.0  # seconds
IN_MEMORY = Path("/dev/shm")  # noqa: S108  (nothing of it is read again, and its folder is ours alone)
NEEDED = 512 * 2**20  # bytes there

T = TypeVar("T")
COLUMNS = (
    "mails", "never delayed", "p50", "p95", "max", "shown only", "bounced", "lost", "by sender", "doubled", "let in",
)  # fmt: skip
BARS = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())


async def build(settings: Settings, folder: Path, zone: Zone, backend: Backend) -> House:
    """The real parts of a house, with the simulated edges."""
    compose.make_folders(settings)
    engine = sync_engine(compose.database_url(settings))
    schema.upgrade(engine)
    engine.dispose()
    database = Database(Inline(compose.database_url(settings)))
    alive = compose.alive(settings)
    hops = {DOMAIN: backend}
    bodies = compose.bodies(settings)
    door = replace(
        compose.door(settings, database, alive),
        hops=hops,
        bodies=bodies,
        lookup=Lookup(database),
        evidence=Evidence(zone, own_servers=True, within=LOOKUP_WITHIN),
    )
    return House(
        door=door,
        courier=replace(compose.courier(settings, database, alive), hops=hops, bodies=bodies),
        sweep=replace(compose.sweep(settings, database), bodies=bodies),
        database=database,
        bodies=bodies,
        backend=backend,
        terms=compose.terms(settings),
        reviewed=settings.hold.reviewed,
    )


# ---- the command ---------------------------------------------------------------------------------------------------


def among(known: Callable[[], Sequence[tuple[str, T]]]) -> Callable[[Any, Any, str | None], tuple[T, ...]]:
    """An option with a list of names, separated by commas; none are all."""

    def chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[T, ...]:
        by_name = dict(known())
        names = [name.strip() for name in value.split(",")] if value else list(by_name)
        if unknown := [name for name in names if name not in by_name]:
            raise click.BadParameter(f"no such name: {', '.join(unknown)}. There are: {', '.join(by_name)}")
        return tuple(by_name[name] for name in names)

    return chosen


def given(context: click.Context, parameter: click.Parameter, value: Path | None) -> Settings:
    try:
        return read(value) if value else simulated.plain()
    except BadSettings as error:
        raise click.ClickException("\n".join(["the settings have errors:", *error.problems])) from error


TO_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="simulate")
@click.option("--days", type=click.FloatRange(0.1, 60), default=7.0, show_default=True, help="How long mail is sent.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many such times.")
@click.option("--levels", callback=among(lambda: [(str(one), one) for one in Level]), help="Only these: a,b,…")
@click.option(
    "--models", callback=among(lambda: [(one.name, one) for one in crowd()]), help="Only these senders: a,b,…"
)
@click.option("--settings", callback=given, type=TO_FILE, help="The policy and timers of this file, not the defaults.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="How many weeks at a time.")
@click.option("--html", type=TO_FILE, help="Write a report with plots.")
@click.option("--json", "as_json", type=TO_FILE, help="Write all figures.")
@click.option("--config", hidden=True, expose_value=False, help="Taken as every command takes it.")
def simulate_(
    days: float,
    seeds: int,
    levels: tuple[Level, ...],
    models: tuple[Model, ...],
    settings: Settings,
    jobs: int,
    html: Path | None,
    as_json: Path | None,
) -> None:
    """Play weeks of mail before the real policy and store, and account for every mail."""
    began = perf_counter()
    figures = Figures(settings.greylist.wait, models)
    plans = [(Plan(settings, levels, models, days, one), seed) for seed in range(1, seeds + 1) for one in (False, True)]
    with progress() as bar:
        for week in played(plans, jobs, bar):
            figures.add(week)
    about = sentence(settings, days, seeds, perf_counter() - began)
    for level, lines in figures.levels.items():
        console.print(table_of(level, list(lines.values())))
    tell(figures, about)
    if html is not None:
        html.write_text(page(figures, about), encoding="utf-8")
    if as_json is not None:
        as_json.write_text(json.dumps({"about": about, **figures.as_json()}, indent=1), encoding="utf-8")
    if not figures.is_good:
        raise click.exceptions.Exit(1)


def played(plans: Sequence[tuple[Plan, int]], jobs: int, bar: "Bar") -> Iterator[Week]:
    """All weeks in their order; several at a time are played by as many processes."""
    if jobs == 1:
        for number, (plan, seed) in enumerate(plans):
            yield one_week(plan, seed, partial(bar.moved, number, len(plans)))
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for number, week in enumerate(pool.map(one_week, *zip(*plans, strict=True))):
            bar.moved(number, len(plans), 1.0)
            yield week


def one_week(plan: Plan, seed: int, tell: Callable[[float], None] = lambda done: None) -> Week:
    folder = Path(tempfile.mkdtemp(prefix="greygate-simulate-", dir=roomy()))
    try:
        fitted = simulated.fitted(plan.settings, folder, plan.levels, PEOPLE, reviewed=plan.reviewed)
        return simulate(replace(plan, settings=fitted), seed, folder, build, tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def roomy() -> Path | None:
    """Memory that looks like a folder, where there is enough of it; else where temporary files are."""
    try:
        return IN_MEMORY if shutil.disk_usage(IN_MEMORY).free >= NEEDED else None
    except OSError:
        return None


class Bar:
    """How far it is, at a terminal."""

    def __init__(self, shown_as: Progress) -> None:
        self.shown_as = shown_as
        self.task = shown_as.add_task("", total=1.0)

    def moved(self, week: int, weeks: int, done: float) -> None:
        """So much of a week is done, and all of those before it."""
        self.shown_as.update(self.task, description=f"week {week + 1} of {weeks}", completed=(week + done) / weeks)


@contextmanager
def progress() -> Iterator[Bar]:
    with Progress(*BARS, console=console, transient=True, disable=not console.is_terminal) as shown_as:
        yield Bar(shown_as)


# ---- what it tells -------------------------------------------------------------------------------------------------


def sentence(settings: Settings, days: float, seeds: int, took: float) -> str:
    timers = f"wait {words(settings.greylist.wait)}, window {words(settings.greylist.window)}"
    runs = f"{days:g} days, {seeds} seeds, with and without somebody who looks at what is kept"
    return f"{runs}; {timers}; took {took:.0f} s"


def table_of(level: str, lines: Sequence[Line]) -> Table:
    table = Table(title=level, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    table.add_column("sender", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*row(line))
    return table


def row(line: Line) -> list[str]:
    delays = [minutes(line.delay(share)) for share in (0.5, 0.95, 1.0)]
    bad = [red(line.lost), str(line.lost_by_sender or ""), red(line.doubled), str(line.let_in or "")]
    share = f"{line.never_delayed:.0f} %" if line.wanted else ""
    return [shown(line.model), str(line.mails), share, *delays, str(line.shown or ""), str(line.bounced or ""), *bad]


def red(count: int) -> str:
    return f"[bold red]{count}[/]" if count else "0"


def tell(figures: Figures, about: str) -> None:
    """The sum of all, and whatever should not be."""
    sums = {name: figures.sum(name) for name in ("mails", "lost", "doubled", "altered", "lost_by_sender", "let_in")}
    console.print(f"\n{about}.", soft_wrap=True)
    console.print(
        f"{sums['mails']} mails, lost {red(sums['lost'])}, doubled {red(sums['doubled'])}, "
        f"changed {red(sums['altered'])}; lost by senders that never come back {sums['lost_by_sender']}; "
        f"spam let in {sums['let_in']} (levels off and watch included).",
        soft_wrap=True,
    )
    for one in sorted(set(figures.trouble))[:10]:
        console.print(f"[bold red]the gate complained:[/] {shown(one)}", soft_wrap=True)
    if figures.stray:
        console.print(f"[bold red]{figures.stray} mails arrived that nobody had sent[/]")
