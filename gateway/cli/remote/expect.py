"""greygate --api URL expect: mail that an account waits for."""

from datetime import datetime
from typing import Any

import click

from gateway.cli import expect as local
from gateway.cli.output import show_rows, shown
from gateway.cli.remote.client import Api, Refused, in_path
from gateway.expecting import Offer
from gateway.model import Address, Expectation


def window_of(told: dict[str, Any]) -> Expectation:
    opened, until = (datetime.fromisoformat(told[name]) for name in ("opened", "until"))
    return Expectation(told["id"], told["account"], told["domain"], opened, until, told["by"])


def open_(api: Api, address: Address, domain: str | None, minutes: int | None, release: bool) -> None:
    told = api.change("POST", "/expecting", {"account": address.key, "domain": domain, "minutes": minutes})
    made, offers = window_of(told["window"]), told["offers"]
    done = {one["mail"]: released(api, one["mail"], made) for one in offers if release and not one["suspicious"]}
    click.echo(
        f"{made.recipient} expects mail of {local.source(made)} until {made.until:%H:%M} UTC (number {made.id})."
    )
    for one in offers:
        at = datetime.fromisoformat(one["received_at"])
        offer = Offer(one["mail"], one["sender"], one["author"], one["subject"], at, one["state"],
                      tuple(one["proved"]), tuple(one["suspicious"]))  # fmt: skip
        local.describe(offer, made.recipient, done.get(offer.message))


def released(api: Api, mail: str, made: Expectation) -> str:
    """What came of it, in words; what cannot be released keeps the others from nothing."""
    body = {"verb": "release", "recipients": [made.recipient], "once": True}
    try:
        told = api.change("POST", f"/mails/{in_path(mail)}/decisions", body)
    except Refused as error:
        return error.words
    return str(told["recipients"][0]["words"])


def list_(api: Api) -> None:
    found = [window_of(one) for one in api.rows("/expecting", local.MOST)]
    if not found:
        click.echo("Nothing is expected.")
        return
    rows = [(str(one.id), one.recipient, one.domain or "anybody", f"{one.until:%H:%M} UTC", one.who) for one in found]
    show_rows(("number", "for", "from", "until", "said by"), [tuple(map(shown, row)) for row in rows])


def close(api: Api, wanted: str) -> None:
    ended = [number for number in numbers(api, wanted) if is_ended(api, number)]
    if not ended:
        raise click.ClickException(f"nothing runs under {wanted}. See: greygate expect list")
    click.echo(f"Ended: {', '.join(map(str, ended))}.")


def numbers(api: Api, wanted: str) -> list[int]:
    if wanted.isdecimal():
        return [int(wanted)]
    return [one["id"] for one in api.rows("/expecting", local.MOST, account=local.read_account(wanted).key)]


def is_ended(api: Api, number: int) -> bool:
    """False where somebody was first, or there is none."""
    try:
        api.change("DELETE", f"/expecting/{number}")
    except Refused as error:
        if error.kind not in ("not-found", "somebody-first"):
            raise
        return False
    return True
