"""greygate smtpd, courier, sweep: one process each."""

import socket

import click

from gateway import processes
from gateway.cli.options import with_settings
from gateway.settings import Settings

lifeline = click.option("--lifeline", type=int, hidden=True, help="Given by the supervisor.")


@click.command()
@with_settings
@click.option("--fd", "numbers", type=int, multiple=True, hidden=True, help="An inherited listening socket.")
@lifeline
def smtpd(settings: Settings, numbers: tuple[int, ...], lifeline: int | None) -> None:
    """Run one SMTP worker."""
    try:
        sockets = [socket.socket(fileno=number) for number in numbers] or processes.listen(settings)
    except OSError as error:
        raise click.ClickException(str(error.strerror)) from error
    processes.smtpd(settings, sockets, lifeline)


@click.command()
@with_settings
@lifeline
def courier(settings: Settings, lifeline: int | None) -> None:
    """Run the courier, which delivers mail that is ours."""
    processes.courier(settings, lifeline)


@click.command()
@with_settings
@lifeline
def sweep(settings: Settings, lifeline: int | None) -> None:
    """Run the sweep, which expires, forgets and cleans."""
    processes.sweep(settings, lifeline)
