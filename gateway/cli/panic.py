"""greygate bypass, greylist-off, freeze-releases: switches for a bad hour. Each ends by itself and is on record."""

from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from gateway import clock, switching
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.model import Switch
from gateway.settings import Settings, words
from gateway.store import changes
from gateway.switching import LONGEST, BadLife


def turn(settings: Settings, switch: Switch, life: timedelta | None, off: bool) -> None:
    """Turn a switch on for a while, off, or tell how it stands."""
    if off and life is not None:
        raise click.UsageError("Either DURATION or --off.")
    now = clock.now()
    with transaction(settings, reads=life is None and not off) as conn:
        if off:
            switching.turn_off(conn, switch, person(), now)
            said = "is off"
        elif life is not None:
            said = f"is on for {words(life)}, until {turned_on(conn, switch, life, now):%Y-%m-%d %H:%M} UTC"
        else:
            one = changes.turned(conn, now).get(switch)
            said = "is off" if one is None else f"is on until {one.until:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{switch} {said}.")


def turned_on(conn: Connection, switch: Switch, life: timedelta, now: datetime) -> datetime:
    try:
        return switching.turn_on(conn, switch, life, person(), now)
    except BadLife as error:
        raise click.UsageError(f"A switch is on for some time, and for at most {words(LONGEST)}.") from error


duration = click.argument("duration", required=False, type=DURATION, default=None)
off = click.option("--off", is_flag=True, help="End it now.")


@click.command()
@duration
@off
@with_settings
def bypass(duration: timedelta | None, off: bool, settings: Settings) -> None:
    """Let everything in, tagged, for DURATION (such as 1h)."""
    turn(settings, Switch.BYPASS, duration, off)


@click.command(name="greylist-off")
@duration
@off
@with_settings
def greylist_off(duration: timedelta | None, off: bool, settings: Settings) -> None:
    """Ask no stranger to wait, for DURATION."""
    turn(settings, Switch.GREYLIST_OFF, duration, off)


@click.command(name="freeze-releases")
@duration
@off
@with_settings
def freeze_releases(duration: timedelta | None, off: bool, settings: Settings) -> None:
    """Deliver nothing that was held, for DURATION; what is released meanwhile waits."""
    turn(settings, Switch.FREEZE_RELEASES, duration, off)
