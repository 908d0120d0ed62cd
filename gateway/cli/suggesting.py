"""greygate known suggest: candidates for the lists, with their evidence and the command that would list them."""

import json
from datetime import timedelta

import click

from gateway import clock
from gateway.cli.connection import transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import console, shown
from gateway.policy.suggest import Thresholds
from gateway.settings import Settings
from gateway.suggest import suggestions

TITLES = {
    "allow": "Senders that people let in again and again",
    "hoster": "Places whose strangers never came back",
    "shared": "Identities that many share",
}
AT_LEAST_ONE = click.IntRange(1, 1_000_000)
DEFAULTS = Thresholds()


@click.command()
@click.option("--since", type=DURATION, default="30d", show_default=True, help="How far to look back.")
@click.option("--released", type=AT_LEAST_ONE, default=DEFAULTS.released, show_default=True, help="Mails let in.")
@click.option("--strangers", type=AT_LEAST_ONE, default=DEFAULTS.strangers, show_default=True, help="Of one place.")
@click.option("--domains", type=AT_LEAST_ONE, default=DEFAULTS.domains, show_default=True, help="Of these strangers.")
@click.option("--sharers", type=AT_LEAST_ONE, default=DEFAULTS.sharers, show_default=True, help="Of one identity.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def suggest(
    since: timedelta, released: int, strangers: int, domains: int, sharers: int, as_json: bool, settings: Settings
) -> None:
    """Propose entries out of what is on record; nothing is done by itself."""
    now = clock.now()
    thresholds = Thresholds(released, strangers, domains, sharers, settings.greylist.give_up)
    with transaction(settings, reads=True) as conn:
        found = suggestions(conn, now - since, now, thresholds)
    if as_json:
        names = ("about", "value", "evidence", "command")
        return click.echo(json.dumps([{name: getattr(one, name) for name in names} for one in found], indent=1))
    for about, title in TITLES.items():
        these = [one for one in found if one.about == about]
        if these:
            console.print(f"[bold]{title}[/]")
        for one in these:
            console.print(f"  {shown(one.value)}: {shown(one.evidence)}", soft_wrap=True)
            console.print(f"      {shown(one.command)}", style="dim", soft_wrap=True)
    if not found:
        console.print("Nothing on record suggests an entry.")
    return None
