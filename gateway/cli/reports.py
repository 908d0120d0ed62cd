"""greygate reports: what goes, or went, to the domains that ask for reports, and why it did not leave."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from gateway import clock, compose
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import show_rows, shown
from gateway.reports.destinations import Wanted
from gateway.reports.job import DmarcReports, Sending, day_before
from gateway.settings import Settings
from gateway.store import reports as noted
from gateway.store.reports import NewReport

MOST = 1000  # reports in a list
SAID = ("kind", "day", "domain", "number", "state", "mails", "rua", "told", "said", "attempts", "due")
OFF = "Nobody is told: [reports] dmarc is false."


@click.group()
def reports() -> None:
    """What other domains are told of mail in their name: list it, show one, see what would leave, send."""


@reports.command(name="list")
@click.option("--day", metavar="DAY", help="Only about one day, as 2026-03-04 (UTC).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(day: str | None, as_json: bool, settings: Settings) -> None:
    """The reports of the last two weeks, and how far they got."""
    with transaction(settings, reads=True) as conn:
        rows = noted.latest(conn, MOST, day=day_named(day) if day else None)
    if as_json:
        click.echo(json.dumps([{name: row[name] for name in SAID} for row in rows], default=str))
    elif rows:
        show_rows(["day", "domain", "mails", "state", "what was said"], [cells(row) for row in rows], short=4)
    else:
        click.echo("There are no reports." if settings.reports.dmarc else OFF)


def cells(row: dict[str, Any]) -> list[str]:
    told = [f"{to}: {said}" for to, said in row["told"].items()]
    words = "; ".join(dict.fromkeys([*told, *filter(None, row["said"].split("; "))]))
    return [f"{row['day']:%Y-%m-%d}", shown(row["domain"]), str(row["mails"]), row["state"], shown(words)]


@reports.command()
@click.argument("domain")
@click.option("--day", metavar="DAY", help="About which day, as 2026-03-04 (UTC); today: so far. [default: yesterday]")
@with_settings
def show(domain: str, day: str | None, settings: Settings) -> None:
    """The report to a domain as XML: the one that was made, or as it would be by what is on record now."""
    wanted = day_named(day) if day else day_before(clock.now())
    with transaction(settings, reads=True) as conn:
        rows = noted.latest(conn, 1, domain.lower(), wanted)
    if rows:
        return click.echo(gzip.decompress(rows[0]["document"]).decode())
    job = job_of(settings)
    found = [one for one in asyncio.run(made(job, wanted)) if one.domain == domain.lower()]
    if not found:
        raise click.ClickException(f"{domain} asked for no report on {wanted:%Y-%m-%d}, or there was no mail.")
    return click.echo(gzip.decompress(found[0].document).decode())


@reports.command()
@click.option("--dry-run", is_flag=True, help="Only say what would leave, and to whom.")
@click.option("--day", metavar="DAY", help="With --dry-run: about which day; today: so far. [default: yesterday]")
@with_settings
def send(dry_run: bool, day: str | None, settings: Settings) -> None:
    """Gather yesterday, unless that is done, and send what is due, as the job does by itself."""
    if day and not dry_run:
        raise click.UsageError("--day goes with --dry-run: a day is reported once, when it is over.")
    job = job_of(settings)
    with transaction(settings, reads=True):  # is there a database with the schema?
        pass
    if dry_run:
        return tell(asyncio.run(planned(job, day_named(day) if day else day_before(clock.now()))))
    tried = asyncio.run(one_turn(job))
    return click.echo(f"{tried} tried now. How they fared, and what is due later: greygate reports list")


def tell(plans: Sequence[tuple[NewReport, Sending]]) -> None:
    for one, plan in plans:
        click.echo(f"{shown(one.domain)}: {one.mails} mails, {len(plan.text)} bytes")
        for place in plan.places:
            click.echo(f"    {line(place)}")
    if not plans:
        click.echo("Nothing would leave: no domain that asks for reports sent mail, as far as is on record.")


def line(place: Wanted) -> str:
    return f"to {shown(', '.join(place.addresses))}" if place.addresses else shown(f"not to {place.uri}: {place.why}")


async def one_turn(job: DmarcReports) -> int:
    try:
        return await job.turn(clock.now())
    finally:
        await job.hop.close()
        job.engine.dispose()


async def planned(job: DmarcReports, day: datetime) -> list[tuple[NewReport, Sending]]:
    """What would leave; nothing is written down."""
    now = clock.now()
    plans = []
    for one in await made(job, day):
        row = {"document": one.document, "domain": one.domain, "day": day, "number": one.number, "rua": one.rua}
        plans.append((one, await job.sending({**row, "told": {}}, now)))
    return plans


async def made(job: DmarcReports, day: datetime) -> list[NewReport]:
    """The reports about a day as they would be now."""
    now = clock.now()
    found = await asyncio.to_thread(job.seen, day, await job.silent())
    job.engine.dispose()
    return [job.made(domain, seen, day, now) for domain, seen in found.items()]


def job_of(settings: Settings) -> DmarcReports:
    job = compose.reports(settings)
    if job is None:
        raise click.ClickException(OFF)
    return job


def day_named(text: str) -> datetime:
    """The beginning of a UTC day."""
    if text == "today":
        return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise click.UsageError(f"{text} is no day; write one such as 2026-03-04.") from None
