"""greygate bypass, greylist-off, freeze-releases: switches for a bad hour. Each ends by itself and is on record."""

from datetime import timedelta

import click

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.model import Switch
from gateway.settings import Settings, words
from gateway.store import changes, decisions

LONGEST = timedelta(days=7)


def turn(settings: Settings, switch: Switch, life: timedelta | None, off: bool) -> None:
    """Turn a switch on for a while, off, or tell how it stands."""
    if off and life is not None:
        raise click.UsageError("Either DURATION or --off.")
    who, now = person(), clock.now()
    with transaction(settings) as conn:
        until = changes.switches(conn).get(switch)
        if off:
            changes.turn_off(conn, switch)
            said = "is off"
        elif life is not None:
            if not timedelta(0) < life <= LONGEST:
                raise click.UsageError(f"A switch is on for some time, and for at most {words(LONGEST)}.")
            changes.turn_on(conn, switch, now + life, who.name, now)
            said = f"is on for {words(life)}, until {now + life:%Y-%m-%d %H:%M} UTC"
        else:
            is_on = until is not None and until > now
            said = f"is on until {until:%Y-%m-%d %H:%M} UTC" if is_on and until is not None else "is off"
        if off or life is not None:
            decisions.happened(conn, f"switch {switch}", now, who=who.name, said=said)
            changes.announce(conn, who.node)
    click.echo(f"{switch} {said}.")


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
