"""greygate queue campaigns: what mails of different senders share, and how far that is."""

import json
from typing import Any

import click

from gateway import campaign_words, campaigns, clock, compose
from gateway.campaigns import Campaign
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.settings import Settings
from gateway.store.shelves import EVERYBODY


@click.command(name="campaigns")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1000), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(most: int, as_json: bool, settings: Settings) -> None:
    """Show what kept mails of different senders share: a link, or their text. The newest first."""
    terms, now = compose.terms(settings).campaigns, clock.now()
    found: list[Campaign] = []
    with transaction(settings, reads=True) as conn:
        learning = campaign_words.learning(campaigns.learnt(conn, now), terms)
        before = None
        while len(found) < most:
            page = campaigns.page(conn, EVERYBODY, terms, before, now)
            found += page.found
            before = page.after
            if before is None:
                break
    if as_json:
        return click.echo(json.dumps([plain(one) for one in found[:most]], default=str, indent=1))
    if learning:
        console.print(learning, soft_wrap=True)
    if not found:
        console.print("No kept mails of different senders share anything.")
        return None
    headers = ("a mail of it", "level", "senders", "open", "since", "what they share", "state")
    show_rows(headers, [cells(one) for one in found[:most]], short=5)
    if console.is_terminal:
        for words in ("siblings ID", "refuse ID --siblings"):
            console.print(f"greygate queue {words}", style="dim")
    return None


def what(one: Campaign) -> str:
    return " and ".join(filter(None, (one.link, "their text" if one.text_too or not one.link else "")))


def cells(one: Campaign) -> tuple[str, ...]:
    number = next((part.message for part in one.open or one.parts), "")
    level = campaign_words.LEVELS[one.stage].lower()
    by = f" by {one.refused.decided_by}" if one.refused and one.refused.decided_by else ""
    state = f"{campaign_words.RULINGS[one.ruling]}{by}"
    return (
        number, level, str(one.sources), str(len(one.mails)), f"{one.first:%Y-%m-%d %H:%M}", shown(what(one)),
        shown(state),
    )  # fmt: skip


def plain(one: Campaign) -> dict[str, Any]:
    return {
        "link": one.link or None,
        "text": one.text_too or not one.link,
        "level": one.stage.name.lower(),
        "state": str(one.ruling),
        "sources": one.sources,
        "open": one.mails,
        "recipients": one.accounts,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
    }
