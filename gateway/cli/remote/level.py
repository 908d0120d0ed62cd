"""greygate --api URL level: how much protection accounts have."""

from typing import Any

import click

from gateway.cli import level as local
from gateway.cli.remote.client import Api, Refused, in_path
from gateway.model import Level

MOST = 10_000


def told(api: Api, account: str, ask: Any) -> None:
    try:
        one = ask()
    except Refused as error:
        if error.kind == "not-found":
            raise click.ClickException(f"{account} is no account and no domain of ours") from error
        raise
    click.echo(local.sentence(one["account"], Level(one["level"]), one["by"] or ""))


def show(api: Api, account: str) -> None:
    told(api, account, lambda: api.get(f"/accounts/{in_path(account)}"))


def list_(api: Api) -> None:
    rows = [one for one in api.rows("/accounts", MOST) if one["chosen"]]
    local.show_levels([(one["account"], one["level"], one["by"]) for one in rows])


def choose(api: Api, account: str, chosen: str) -> None:
    body = {"level": None if chosen == local.AS_USUAL else chosen}
    told(api, account, lambda: api.change("PUT", f"/accounts/{in_path(account)}", body))
