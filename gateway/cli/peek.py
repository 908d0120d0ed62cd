"""greygate queue peek: the text of a kept mail, safe to read."""

import click

from gateway import clock, compose
from gateway import peek as look
from gateway.bodies import NoBody
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.desk import NoSuchMail
from gateway.settings import Settings

MADE_OF = {look.HTML: "made of HTML", look.NOTHING: "it has no text to show"}


@click.command()
@click.argument("number", metavar="ID")
@click.option("--because", default="", metavar="TEXT", help="Why you look; it is on record with your name.")
@with_settings
def peek(number: str, because: str, settings: Settings) -> None:
    """Show the text of a kept mail: no links, no pictures, no attachments. Its sender learns nothing of it."""
    try:
        with transaction(settings) as conn:
            found = look.peek(conn, compose.bodies(settings), number, person(), clock.now(), because=because)
    except NoSuchMail as error:
        raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list") from error
    except NoBody as error:
        raise click.ClickException(f"the bytes are gone: {error}") from error
    click.echo(f"From      {found.author or '(none)'}")
    click.echo(f"Subject   {found.subject or '(none)'}")
    click.echo(f"Sender    {found.sender or '<>'}")
    click.echo(f"Proved    {', '.join(found.proved) or 'nothing: anybody may have written it'}")
    click.echo()
    click.echo(found.excerpt.text)
    notes = [MADE_OF[found.excerpt.kind]] if found.excerpt.kind in MADE_OF else []
    notes += ["there is more"] if found.excerpt.cut else []
    if notes:
        click.echo(f"\n({'; '.join(notes)})")
