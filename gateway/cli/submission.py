"""greygate submission: passwords for those who send mail through us, and the process that takes it."""

import socket
import ssl

import click

from gateway import processes
from gateway.cli.options import with_channel, with_settings
from gateway.settings import Settings
from gateway.submission.logins import hashed

LEAST = 8  # characters


@click.group()
def submission() -> None:
    """Mail that our people send through us."""


@submission.command()
@click.password_option("--password", help="The password; asked for when it is not given.")
def password(password: str) -> None:
    """Ask for a password and print what [submission] users takes for it."""
    if len(password) < LEAST:
        raise click.UsageError(f"A password has at least {LEAST} characters.")
    click.echo(hashed(password))


@submission.command()
@with_settings
@click.option("--fd", "numbers", type=int, multiple=True, required=True, help="An inherited listening socket.")
@with_channel
def serve(settings: Settings, numbers: tuple[int, ...], channel: int | None) -> None:
    """Run the process; greygate up does so."""
    sockets = [socket.socket(fileno=number) for number in numbers]
    try:
        processes.submission(settings, sockets, channel)
    except ssl.SSLError as error:
        raise click.ClickException(f"[tls] {settings.tls.certificate} and its key do not load: {error}") from error
