"""greygate classifier evaluate: how good the filter is on labelled mail, beside bogofilter on the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from classifier import rival
from classifier.evaluate import BadIndex, Protocol, index
from classifier.evaluate import evaluate as run
from classifier.metrics import Interval, Quality
from classifier.report import Report, report
from gateway.cli.output import console

BARS = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@click.command()
@click.argument("index_file", metavar="INDEX", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prior", is_flag=True, help="Begin with the prior. Never on mail that it was made from.")
@click.option("--noise", default=0.0, metavar="PERCENT", type=click.FloatRange(0, 50), help="Labels told wrong.")
@click.option("--prompt", is_flag=True, help="Doubted labels are asked for again, and told right.")
@click.option("--delay", default=0, metavar="MAILS", type=click.IntRange(min=0), help="How much later labels come.")
@click.option("--alone", is_flag=True, help="Without bogofilter, also where it is installed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def evaluate(index_file: Path, prior: bool, noise: float, prompt: bool, delay: int, alone: bool, as_json: bool) -> None:
    """Judge each mail of INDEX (lines `spam FILE` or `ham FILE`), then learn its label; begin with nothing.

    Nothing of yours is read or changed. Where bogofilter is installed, it does the same in the same run.
    """
    protocol = Protocol(noise / 100, prompt, delay, prior, rival=rival.is_installed() and not alone)
    try:
        listed = index(index_file)
        with Progress(*BARS, console=console, disable=as_json or not console.is_terminal, transient=True) as progress:
            task = progress.add_task("judging", total=len(listed))
            done = run(listed, protocol, lambda: progress.advance(task))
        found = report(done)
    except (BadIndex, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(found.facts()))
        return
    for line in lines(found):
        click.echo(line)


def lines(found: Report) -> Iterator[str]:
    yield f"{found.mails} mails, {found.spams} spam; {found.flipped} labels told wrong, {found.prompts} asked again"
    yield ""
    yield f"{'':12}{'1-ROCA%':>24}{'h=.1%':>9}{'lam%':>8}{'hm%':>8}{'sm%':>8}{'ms p50':>9}{'p95':>8}"
    yield row("Greygate", found.quality) + f"{found.judging.p50:9.2f}{found.judging.p95:8.2f}"
    if found.rival is not None and found.rival_judging is not None:
        yield row("bogofilter", found.rival) + f"{found.rival_judging.p50:9.2f}{found.rival_judging.p95:8.2f}"
    if found.ratio is not None:
        times = found.ratio
        yield f"1-ROCA% is {times.value:.2f} times bogofilter's ({times.low:.2f}-{times.high:.2f}, paired)"
    yield ""
    yield f"calibration: ECE {found.ece:.4f}, Brier {found.brier:.4f}"
    yield "1-ROCA% by stretch: " + ", ".join(f"{name} {value:.3f}" for name, value in found.curve)
    yield (
        f"if people decided what it is not confident of: {found.staff.share:.1f} % of the mail;"
        f" of the rest {found.staff.hams_lost} hams lost, {found.staff.spams_in} spams in"
    )
    pace = found.learning
    yield f"learning: {pace.p50:.2f} ms p50, {pace.p95:.2f} ms p95; memory at most {found.rss:.0f} MiB"


def row(name: str, quality: Quality) -> str:
    figures = f"{quality.missed_at:9.2f}{quality.lam:8.2f}{quality.hm:8.2f}{quality.sm:8.2f}"
    return f"{name:12}{interval(quality.roca):>24}{figures}"


def interval(found: Interval) -> str:
    return f"{found.value:.4f} ({found.low:.3f}-{found.high:.3f})"
