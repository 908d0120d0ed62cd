"""greygate person: what is on record about somebody, and its erasure."""

import json

import click

from gateway import clock, compose, privacy
from gateway.cli.connection import person as who_asks
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.policy.address import BadAddress, parse_address
from gateway.privacy import StillOurs
from gateway.settings import Settings
from gateway.store import changes, decisions


@click.group()
def person() -> None:
    """A person's data: export, erase."""


def read_address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return parse_address(value).key
    except BadAddress as error:
        raise click.BadParameter(f"{value!r} is no mail address: {error}") from error


address = click.argument("address", callback=read_address)


@person.command()
@address
@with_settings
def export(address: str, settings: Settings) -> None:
    """Print all that is on record about ADDRESS, as JSON."""
    with transaction(settings) as conn:
        found = privacy.export(conn, address)
        decisions.happened(conn, "person exported", clock.now(), who=who_asks().name)
    click.echo(json.dumps(found, indent=1))


@person.command()
@address
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def erase(address: str, yes: bool, settings: Settings) -> None:
    """Erase all that is on record about ADDRESS, kept mail included."""
    if not yes:
        click.confirm(f"Erase everything about {address}? This cannot be undone", abort=True)
    who = who_asks()
    try:
        with transaction(settings) as conn:
            gone = privacy.erase(conn, compose.bodies(settings), address)
            decisions.happened(conn, "person erased", clock.now(), who=who.name, rows=sum(gone.values()))
            changes.announce(conn, who.node)
    except StillOurs as error:
        raise click.ClickException(
            f"we answer for mail of or for {address} that is not delivered yet: {error}. "
            "Release or refuse it first: greygate queue release ID"
        ) from error
    click.echo(f"Erased {sum(gone.values())} rows.")
