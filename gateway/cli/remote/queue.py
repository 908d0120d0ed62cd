"""greygate --api URL queue: what is kept, and what becomes of it."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from gateway import clock
from gateway.cli import queue as local
from gateway.cli.deciding import NARROWEST, OPINIONS
from gateway.cli.output import console, show_rows, shown
from gateway.cli.remote import cannot
from gateway.cli.remote.client import Api, Refused, in_path
from gateway.model import Label

MOMENTS = ("since", "seen", "expires", "releases", "due", "received_at", "decided_at", "at")


def moments(row: dict[str, Any]) -> dict[str, Any]:
    """With its moments as such."""
    found = {name: datetime.fromisoformat(row[name]) for name in MOMENTS if row.get(name)}
    return {**row, **found}


def row_of(told: dict[str, Any]) -> dict[str, Any]:
    """As the local command names it."""
    row = moments(told)
    first = {"created": row["since"]} if row["state"] in local.OWNED else {"first_seen": row["since"]}
    return {**row, **first, "message": row["mail"], "release_at": row["releases"]}


def list_(api: Api, review: bool, everything: bool, most: int, as_json: bool) -> None:
    if review:
        raise cannot("--review")
    owned = [row for state in local.OWNED for row in api.rows("/held", most, state=str(state))]
    rows = sorted(map(row_of, owned), key=lambda row: row["since"], reverse=True)[:most]
    rows += map(row_of, api.rows("/waiting", most))
    if everything:
        rows += map(row_of, api.rows("/waiting", most, state="abandoned"))
    if as_json:
        return local.print_json(rows)
    if not rows:
        return console.print("Nothing is kept.")
    headers = ("ID", "state", "since", "from", "to", "subject", "what next")
    now = clock.now()
    show_rows(headers, [local.cells(row, now) for row in rows], short=3)
    if console.is_terminal:
        for verb in ("why", "release", "refuse"):
            console.print(f"greygate --api {shown(api.url)} queue {verb} ID", style="dim")
    return None


def found(error: Refused, number: str) -> click.ClickException:
    """As the local command says it."""
    if error.kind == "not-found":
        return click.ClickException(f"nothing is kept under {number}. See: greygate queue list")
    raise error


def show(api: Api, number: str, raw: bool, as_json: bool, because: str | None) -> None:
    path = f"/mails/{in_path(number)}"
    try:
        if raw:
            sys.stdout.buffer.write(api.raw(f"{path}/raw", because=because))
            return
        mail, story = moments(api.get(path)), api.get(f"{path}/story")["items"]
    except Refused as error:
        raise found(error, number) from error
    if as_json:
        return local.print_json([{"message": mail, "recipients": mail["recipients"], "events": story}])
    local.describe(mail, mail["recipients"], ())
    for one in map(moments, story):
        console.print(f"  {one['at']:%Y-%m-%d %H:%M:%S}  {shown(one['words'])}", soft_wrap=True)
    return None


def why(api: Api, wanted: str, as_json: bool) -> None:
    wanted = wanted.strip("[]<> ").lower()
    rows = [decided(one) for one in api.rows("/find", 20 if "@" in wanted else 200, q=wanted)]
    rows = rows if "@" in wanted else rows[::-1]
    if as_json:
        return local.print_json(rows)
    if not rows:
        raise click.ClickException(f"no decision is on record under {wanted}")
    for row in rows:
        local.explain(row)
    return None


def decided(told: dict[str, Any]) -> dict[str, Any]:
    row = moments(told)
    return {**row, "reply_id": row["id"], "facts": {"reply": row["reply"], "reasons": row["reasons"]}}


# ---- to decide -----------------------------------------------------------------------------------------------------


def release(
    api: Api, number: str, recipients: tuple[str, ...], once: bool, choice: str | None, sure: bool, show: bool
) -> None:
    if show:
        return show_choices(api, number, "trust")
    if once and choice:
        raise click.UsageError("--once trusts nobody, so it does not go with --trust.")
    body = {"verb": "trust" if choice else "release", "recipients": list(recipients), "once": once, "sure": sure}
    return decide(api, number, body | chosen(choice), Label.HAM)


def refuse(
    api: Api, number: str, recipients: tuple[str, ...], choice: str | None, sure: bool, show: bool, together: bool
) -> None:
    if together:
        raise cannot("--siblings")
    if show:
        return show_choices(api, number, "block")
    body = {"verb": "block" if choice else "refuse", "recipients": list(recipients), "sure": sure}
    return decide(api, number, body | chosen(choice), Label.SPAM)


def chosen(choice: str | None) -> dict[str, int]:
    """At the prompt they are numbered from 1."""
    if choice in (None, NARROWEST):
        return {}
    if int(str(choice)) < 1:
        raise click.ClickException("that is no choice: they are numbered from 1. Nothing was decided.")
    return {"choice": int(str(choice)) - 1}


def decide(api: Api, number: str, body: dict[str, Any], label: Label) -> None:
    path = f"/mails/{in_path(number)}/decisions"
    try:
        return tell(api.change("POST", path, body)["recipients"])
    except Refused as error:
        if error.kind != "contradicted":
            return told(error, number)
        question = OPINIONS[label].format(p=float(error.told.get("spam", 0)))
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} Nobody is there to ask, so nothing was decided. Say --sure")
    click.confirm(question, abort=True)
    return decide(api, number, body | {"sure": True}, label)


def told(error: Refused, number: str) -> None:
    """That somebody was first is said for each recipient, as it is where the mail is."""
    if error.kind == "somebody-first" and error.told.get("recipients"):
        tell(error.told["recipients"])
        raise click.exceptions.Exit(1)
    raise found(error, number) from error


def tell(rows: Sequence[dict[str, Any]]) -> None:
    for one in rows:
        click.echo(f"{one['recipient']}: {one['words']}")
        if one["entry"] is not None:
            click.echo(f"  entry {one['entry']} of the lists; take it back: greygate known forget {one['entry']}")


def undo(api: Api, number: str) -> None:
    try:
        tell(api.change("POST", f"/mails/{in_path(number)}/undo", {})["recipients"])
    except Refused as error:
        told(error, number)


def show_choices(api: Api, number: str, verb: str) -> None:
    try:
        rows = api.get(f"/mails/{in_path(number)}/choices", verb=verb)["items"]
    except Refused as error:
        raise found(error, number) from error
    for one in rows:
        mark = "*" if one["usual"] else " "
        why = f" ({one['risk']}: {one['because']})" if one["because"] else ""
        console.print(f"{mark}{one['place'] + 1:2}  {shown(one['entry'] + why)}", soft_wrap=True)
    if not rows:
        console.print("Nothing about this mail tells its sender from others.")
