"""greygate --api URL known: whom we allow and block."""

import json
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import click

from gateway import clock
from gateway.cli import entries as entry_commands
from gateway.cli import known as local
from gateway.cli.listfile import counted
from gateway.cli.output import console
from gateway.cli.remote import cannot
from gateway.cli.remote.client import Api, Refused
from gateway.model import Binds, ListEntry, ListKind, ListVerb

DAY = timedelta(days=1)
MOST = 100_000


def entry_of(told: dict[str, Any]) -> ListEntry:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(told[name]) if told[name] else None

    return ListEntry(
        id=told["id"],
        verb=ListVerb(told["verb"]),
        kind=ListKind(told["kind"]),
        value=told["value"],
        network=ip_network(told["network"]) if told["network"] else None,
        scope=told["scope"],
        expires=moment("until"),
        author=told["by"],
        comment=told["comment"],
        signature=told["signature"],
        binds=Binds.UNAUTHENTICATED if told["unless_proved"] else Binds.EVERYTHING,
        created=moment("created"),
        withdrawn_at=moment("withdrawn_at"),
        withdrawn_by=told["withdrawn_by"],
    )


def list_(api: Api, like: str | None, most: int, everything: bool, as_json: bool) -> None:
    shelves = ("all", "past") if everything else ("all",)
    rows = [row for shelf in shelves for row in api.rows("/known", MOST, show=shelf)]
    listed = sorted((entry_of(row) for row in rows), key=lambda one: one.id)
    listed = [one for one in listed if like is None or like.lower() in one.value]
    if as_json:
        return click.echo(json.dumps({"lists": [entry_commands.record(one) for one in listed]}, indent=1))
    if not listed:
        return console.print("Nobody is listed.")
    local.show_entries(listed)
    return None


def allow(api: Api, **given: Any) -> None:
    add(api, ListVerb.ALLOW, **given)


def block(api: Api, **given: Any) -> None:
    add(api, ListVerb.BLOCK, **given)


def add(api: Api, verb: ListVerb, party: str, life: timedelta | None, comment: str, **given: Any) -> None:
    if given["recipient"] or given["signer"]:
        raise cannot("--recipient or --signer")
    if life is not None and (life < DAY or life % DAY):
        raise click.ClickException("with --api an entry holds for whole days, such as --expires 30d")
    body = {
        "verb": str(verb),
        "party": party,
        "scope": given["scope"],
        "network": given["network"],
        "signature": given["signature"],
        "days": None if life is None else life // DAY,
        "comment": comment,
        "unless_proved": bool(given.get("unless_proved")),
    }
    made = entry_of(api.change("POST", "/known", body))
    click.echo(f"{made.id}: {verb} {made.kind} {made.value}. It takes effect within a second.")
    local.tell(made, (), clock.now())


def forget(api: Api, party: str) -> None:
    if not (party.isdecimal() and len(party) < 19):
        raise cannot("known forget with a name")
    try:
        api.change("DELETE", f"/known/{int(party)}")
    except Refused as error:
        if error.kind not in ("not-found", "somebody-first"):
            raise
        raise click.ClickException(f"nothing is on record under {party}. See: greygate known list") from error
    click.echo(f"Forgot {counted(1)}.")
