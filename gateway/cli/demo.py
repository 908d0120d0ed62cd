"""greygate demo: a day before the gate, played with a real gate in a temporary folder."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console

from gateway.cli.connection import transaction
from gateway.demo import play
from gateway.demo.backend import Backend
from gateway.demo.day import Day
from gateway.demo.gate import Gate, GateFailed
from gateway.demo.records import Records
from gateway.demo.screen import PLAIN_WIDTH, Screen
from gateway.settings import read

MINUTE, FAST_MINUTE = 1.5, 0.4  # real seconds that stand for a minute of the story
PACE = 0.07  # seconds of reading for each word
WAIT = 3  # minutes of the story: the default of [greylist] wait
GREET_PAUSE, FAST_GREET_PAUSE = timedelta(seconds=2), timedelta(milliseconds=500)
STOPPED = 130  # the status of what Ctrl-C ended


@click.command()
@click.option("--config", hidden=True, expose_value=False, help="Taken as every command takes it.")
@click.option("--fast", is_flag=True, help="No pauses for reading, and less waiting.")
@click.option("--pause", is_flag=True, help="Wait for Enter between the scenes.")
@click.option("--keep", is_flag=True, help="Leave the folder with settings, database, log and mail.")
def demo(fast: bool, pause: bool, keep: bool) -> None:
    """Play a made-up day of mail before a real gate, and tell what happens and why."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    screen = Screen(console, 0.0 if fast else PACE, asks=pause)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with stage(screen, FAST_MINUTE if fast else MINUTE, FAST_GREET_PAUSE if fast else GREET_PAUSE, keep) as day:
            good = play.play(day)
    except GateFailed as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        raise click.exceptions.Exit(STOPPED) from None
    if not good:
        raise click.exceptions.Exit(1)


@contextmanager
def stage(
    screen: Screen, minute: float, greet_pause: timedelta, keep: bool, backend: Backend | None = None
) -> Iterator[Day]:
    """Everything that the play needs, in a folder of its own; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="greygate-demo-"))
    behind = backend or Backend()
    gate = Gate(folder, timedelta(minutes=WAIT) * minute / 60, greet_pause)
    try:
        behind.start()
        gate.configure(behind.url)
        settings = read(gate.config)
        yield Day(screen, gate, behind, Records(lambda: transaction(settings, reads=True)), minute)
    finally:
        with undisturbed():
            gate.stop()
            behind.stop()
            if keep:
                click.echo(f"Everything is still in {folder}. For instance:")
                click.echo(f"  greygate queue list --all --config {gate.config}")
            else:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Impatient fingers do not keep us from cleaning up."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
