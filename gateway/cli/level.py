"""greygate level: how much protection accounts have."""

import click
from sqlalchemy import Connection

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import Level
from gateway.policy.address import BadAddress, domain_key, parse_address
from gateway.settings import Settings
from gateway.store import audit, changes, levels

AS_USUAL = "usual"


@click.group()
def level() -> None:
    """Levels of protection that people chose: show, list, choose."""


def read_account(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return parse_address(value).key if "@" in value else domain_key(value)
    except BadAddress as error:
        raise click.BadParameter(f"{value!r} is no address and no domain: {error}") from error


account_argument = click.argument("account", callback=read_account)


def ours(account: str, settings: Settings) -> None:
    if account.rpartition("@")[2] not in settings.domains.local:
        raise click.ClickException(f"{account} is no account and no domain of ours")


def in_force(conn: Connection, account: str, settings: Settings) -> tuple[Level, str]:
    """The level, and who chose it; "" where nobody did: then that of its domain, or of the settings."""
    given, domain = settings.protection, account.rpartition("@")[2]
    mine = levels.of(conn, account)
    if mine is not None:
        return Level(mine["level"]), mine["author"]
    whole = levels.of(conn, domain) if domain != account else None
    chosen = Level(whole["level"]) if whole else None
    return given.overrides.get(account) or chosen or given.overrides.get(domain) or given.level, ""


def sentence(account: str, found: Level, by: str) -> str:
    return f"{account}: {found}, {f'chosen by {by}' if by else 'as its domain or the settings say'}."


@level.command()
@account_argument
@with_settings
def show(account: str, settings: Settings) -> None:
    """Show the level of ACCOUNT, an address or a domain of ours."""
    ours(account, settings)
    with transaction(settings, reads=True) as conn:
        found, by = in_force(conn, account, settings)
    click.echo(sentence(account, found, by))


@level.command(name="list")
@with_settings
def list_(settings: Settings) -> None:
    """Show which levels people chose."""
    with transaction(settings, reads=True) as conn:
        found = levels.chosen(conn)
        rows = [(account, str(found[account]), (levels.of(conn, account) or {})["author"]) for account in sorted(found)]
    show_levels(rows)


def show_levels(rows: list[tuple[str, str, str]]) -> None:
    if not rows:
        console.print("Nobody chose a level: what the settings say holds for all.")
        return
    show_rows(("account", "level", "chosen by"), [tuple(map(shown, row)) for row in rows], short=2)


@level.command()
@account_argument
@click.argument("chosen", metavar="LEVEL", type=click.Choice([*(str(one) for one in Level), AS_USUAL]))
@with_settings
def choose(account: str, chosen: str, settings: Settings) -> None:
    """Choose the LEVEL of ACCOUNT; "usual" is that of its domain or of the settings."""
    ours(account, settings)
    who, now = person(), clock.now()
    with transaction(settings) as conn:
        levels.choose(conn, account, None if chosen == AS_USUAL else Level(chosen), who.name, now)
        said = "as the settings say" if chosen == AS_USUAL else chosen
        audit.add(conn, who.node, who.entry(now, "level chosen", account, {"level": said}))
        changes.announce(conn, who.node)
        found, by = in_force(conn, account, settings)
    click.echo(sentence(account, found, by))
