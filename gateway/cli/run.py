"""greygate smtpd, courier, pupil, sweep, web: one process each."""

import socket
import ssl

import click

from gateway import listeners, processes
from gateway.cli.options import with_channel, with_settings
from gateway.evidence.systems import BadSystems
from gateway.settings import Settings


@click.command()
@with_settings
@click.option("--fd", "numbers", type=int, multiple=True, hidden=True, help="An inherited listening socket.")
@with_channel
def smtpd(settings: Settings, numbers: tuple[int, ...], channel: int | None) -> None:
    """Run one SMTP worker."""
    try:
        sockets = [socket.socket(fileno=number) for number in numbers] or listeners.listen(settings)
    except listeners.Mismatch as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(str(error.strerror)) from error
    try:
        processes.smtpd(settings, sockets, channel)
    except BadSystems as error:
        raise click.ClickException(f"[hosters] asn_file has errors:\n{error}") from error
    except ssl.SSLError as error:
        raise click.ClickException(f"[tls] {settings.tls.certificate} and its key do not load: {error}") from error


@click.command()
@with_settings
@with_channel
def courier(settings: Settings, channel: int | None) -> None:
    """Run the courier, which delivers mail that is ours."""
    processes.courier(settings, channel)


@click.command()
@with_settings
@with_channel
def pupil(settings: Settings, channel: int | None) -> None:
    """Run the pupil, which learns what people say about mail."""
    processes.pupil(settings, channel)


@click.command()
@with_settings
@with_channel
def sweep(settings: Settings, channel: int | None) -> None:
    """Run the sweep, which expires, forgets and cleans."""
    processes.sweep(settings, channel)


@click.command()
@with_settings
@with_channel
@click.pass_context
def web(context: click.Context, settings: Settings, channel: int | None) -> None:
    """Serve the pages at [web] listen."""
    processes.web(settings, channel, context.meta["config"])
