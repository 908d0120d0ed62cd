"""greygate observe: what would have been delayed, by whom and for how long; and the one command that arms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import click

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import bar, console, mode_sentence, shown
from gateway.model import Mode, ReasonCode
from gateway.observed import WOULD_HOLD, WOULD_TAG, WOULD_WAIT, Report, Times
from gateway.observed import report as made_report
from gateway.policy.words import sentence
from gateway.settings import Settings, words
from gateway.store import changes, decisions, memory

LINES = 8  # of each kind of who


@click.group()
def observe() -> None:
    """Only observe, see what would have been delayed, and put it in force."""


# ---- the mode ------------------------------------------------------------------------------------------------------


@observe.command()
@with_settings
def arm(settings: Settings) -> None:
    """Put it in force on all nodes within a second: strangers wait. `observe start` takes it back."""
    remembered = turn(settings, Mode.ENFORCE)
    click.echo(f"In force: from now on a stranger waits at least {words(settings.greylist.wait)}.")
    click.echo(f"{remembered} correspondences are remembered and do not wait. Back: greygate observe start")
    differs(settings, Mode.ENFORCE)


@observe.command()
@with_settings
def start(settings: Settings) -> None:
    """Only observe from now on, on all nodes: nobody waits and nothing is held. `observe arm` ends it."""
    turn(settings, Mode.OBSERVE)
    click.echo("Observing: from now on nobody waits and nothing is held; what is refused stays refused.")
    click.echo("What would have happened: greygate observe report. In force again: greygate observe arm")
    differs(settings, Mode.OBSERVE)


def turn(settings: Settings, mode: Mode) -> int:
    """Set the mode for all nodes, on record; how many are remembered."""
    who, now = person(), clock.now()
    with transaction(settings) as conn:
        changes.set_mode(conn, mode, who.name, now)
        decisions.happened(conn, f"mode {mode}", now, who=who.name)
        changes.announce(conn, who.node)
        return memory.size(conn)


def differs(settings: Settings, mode: Mode) -> None:
    if settings.protection.mode.in_force is not mode.in_force:
        click.echo(f'The settings say [protection] mode = "{settings.protection.mode}"; this comes before them.')


# ---- the report ----------------------------------------------------------------------------------------------------


@observe.command()
@click.option("--since", type=DURATION, default="7d", show_default=True, help="How far back, such as 12h or 30d.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def report(since: timedelta, as_json: bool, settings: Settings) -> None:
    """Tell what would have been delayed or held, by whom and for how long."""
    now = clock.now()
    with transaction(settings, reads=True) as conn:
        made = made_report(conn, now - since, now, most=1000 if as_json else LINES)
        set_by = changes.mode(conn)
    if as_json:
        mode = set_by.mode if set_by else settings.protection.mode
        waits = {"mode": str(mode), "wait": settings.greylist.wait.total_seconds()}
        return click.echo(json.dumps({**waits, **plain(asdict(made)), "silent": made.silent}, indent=1))
    console.print(mode_sentence(settings, set_by))
    console.print(f"The last {words(since)}, until {now:%Y-%m-%d %H:%M} UTC.\n")
    tell(made, settings.greylist.wait)
    return None


def plain(value: Any) -> Any:
    """Times as text, durations as seconds, tops as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime | date) else value


def tell(made: Report, wait: timedelta) -> None:
    if not made.let_in:
        console.print(f"Nothing was let in because we observe. Mails accepted: {made.accepted}.")
        return tell_refused(made)
    share = f"{made.let_in / made.accepted:.0%}" if made.accepted else "-"
    console.print(f"[bold]{made.let_in}[/] of {made.accepted} accepted mails ({share}) would not have passed at once:")
    for word, meaning in (
        (WOULD_WAIT, f"asked to come back, after {words(wait)} at the earliest"),
        (WOULD_HOLD, "held: until a person decides, or until the wait is over"),
        (WOULD_TAG, "delivered, but tagged for Junk"),
    ):
        if count := made.would.get(word, 0):
            console.print(f"  {count:>6}  [cyan]{bar(count, made.let_in):24}[/]  {meaning}")
    console.print("\n[bold]Why[/]")
    for code, count in sorted(made.because.items(), key=lambda one: -one[1]):
        console.print(f"  {count:>6}  {code}: {sentence(ReasonCode(code))}", soft_wrap=True)
    tell_delays(made, wait)
    tell_top("Senders", made.by_sender, made.let_in)
    tell_top("Their domains", made.by_domain, made.let_in)
    tell_top("Networks", made.by_network, made.let_in)
    most = max(count for _, count in made.by_day)
    tell_top("Days", [(f"{day:%a %d %b}", count) for day, count in made.by_day], most)
    return tell_refused(made)


def tell_delays(made: Report, wait: timedelta) -> None:
    """What the data tell, and what they cannot."""
    console.print(f"\n[bold]How long[/]  {made.senders} senders in {made.correspondences} correspondences "
                  "(sender, recipient, network)", soft_wrap=True)  # fmt: skip
    console.print(f"  Each would have waited once, at least {words(wait)}; observing cannot show when it would retry.")
    if made.again is not None:
        console.print(f"  {made.again.count} wrote again, their next mail {spread(made.again)}.", soft_wrap=True)
    console.print(f"  {made.silent} were not seen again in this time.")
    if made.waited is not None:
        console.print(f"  For comparison: {made.waited.count} mails really waited while it was in force, "
                      f"{spread(made.waited)}.", soft_wrap=True)  # fmt: skip


def spread(found: Times) -> str:
    least, middle, most = (words(rough(one)) for one in (found.least, found.middle, found.most))
    return f"after {middle}" if found.count == 1 else f"after {least} to {most}, half of them within {middle}"


def rough(span: timedelta) -> timedelta:
    """A duration as precisely as a person wants to read it."""
    seconds = span.total_seconds()
    step = 86400 if seconds > 2 * 86400 else 3600 if seconds > 7200 else 60 if seconds > 120 else 1
    return timedelta(seconds=round(seconds / step) * step)


def tell_top(title: str, rows: Sequence[tuple[str, int]], whole: int) -> None:
    console.print(f"\n[bold]{title}[/]")
    width = min(40, max(len(name) for name, _ in rows))
    for name, count in rows:
        console.print(f"  {count:>6}  {shown(name):{width}}  [cyan]{bar(count, whole, 20)}[/]", soft_wrap=True)


def tell_refused(made: Report) -> None:
    if made.refused:
        refused = ", ".join(f"{count} {code}" for code, count in sorted(made.refused.items()))
        console.print(f"\nRefused all the same: {refused}.", soft_wrap=True)
