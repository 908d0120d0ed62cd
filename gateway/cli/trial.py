"""greygate try: a test message as a stranger would send it, again after the wait, and what happened."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

import click
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway import clock
from gateway.cli.options import with_settings
from gateway.cli.output import console
from gateway.model import Envelope, Recipient, Reply
from gateway.policy.address import BadAddress, parse_address
from gateway.relay.factory import make_hop
from gateway.relay.nexthop import AttemptEnd, Outgoing
from gateway.settings import Settings, words

MARGIN = 1  # seconds on top of the wait


@dataclass(frozen=True, slots=True)
class Sending:
    server: str
    sender: str
    to: str
    text: bytes


@click.command(name="try")
@click.option("--to", help="The recipient. [default: someone at the first local domain]")
@click.option("--from", "sender", help="The sender. [default: a new stranger each time]")
@with_settings
def try_(to: str | None, sender: str | None, settings: Settings) -> None:
    """Send a test message as a stranger, again after the wait, and tell what happened."""
    endpoint = settings.smtp.listen[0]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(endpoint.host, endpoint.host)  # noqa: S104
    server = f"smtp://[{host}]:{endpoint.port}" if ":" in host else f"smtp://{host}:{endpoint.port}"
    to = to or f"someone@{settings.domains.local[0]}"
    sender = sender or f"stranger-{secrets.token_hex(3)}@elsewhere.example"
    sending = Sending(server, sender, to, message(sender, to, clock.now()))
    try:
        asyncio.run(tell(sending, settings))
    except BadAddress as error:
        raise click.ClickException(f"an address is not right: {error}") from error


def message(sender: str, to: str, now: datetime) -> bytes:
    lines = (
        f"From: <{sender}>",
        f"To: <{to}>",
        "Subject: A test of greygate try",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{secrets.token_hex(8)}@elsewhere.example>",
        "",
        "If you can read this, the stranger was patient.",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


async def tell(sending: Sending, settings: Settings) -> None:
    console.print(f"Sending as {escape(sending.sender)} to {escape(sending.to)} by {sending.server} …", soft_wrap=True)
    first = await send(sending)
    console.print(f"  the answer: [bold]{escape(str(first))}[/]", soft_wrap=True)
    if first.is_positive:
        console.print(
            "Accepted at once: this sender is known, the recipient's level lets strangers in, or it only observes."
        )
    elif not first.is_transient:
        console.print("Refused for good. Why: greygate queue why with the id in brackets above.")
    else:
        wait = settings.greylist.wait
        console.print(f"A stranger is asked to come back. Real mail servers do; we wait {words(wait)}, too.")
        await sleep(wait.total_seconds() + MARGIN)
        second = await send(sending)
        console.print(f"  the answer now: [bold]{escape(str(second))}[/]", soft_wrap=True)
        if second.is_positive:
            console.print("Delivered: it was patient. From now on it does not wait for this recipient.")
        else:
            console.print("Still not accepted. Why: greygate queue why with the id in brackets above.")
            raise click.exceptions.Exit(1)


async def send(sending: Sending) -> Reply:
    hop = make_hop(sending.server, hostname="stranger.elsewhere.example", tls="may")
    envelope = Envelope(parse_address(sending.sender), (Recipient(parse_address(sending.to)),))
    try:
        attempt = (await hop.deliver(Outgoing(envelope, lambda: iter([sending.text]), len(sending.text))))[0]
    finally:
        await hop.close()
    if attempt.end is AttemptEnd.UNREACHABLE:
        raise click.ClickException(f"nothing answers at {sending.server}. Is it running? greygate up")
    return attempt.reply


async def sleep(seconds: float) -> None:
    bar = Progress(TextColumn("  waiting"), BarColumn(), TimeRemainingColumn(), console=console, transient=True)
    with bar:
        task = bar.add_task("wait", total=seconds)
        while not bar.finished:
            await asyncio.sleep(min(0.2, seconds))
            bar.advance(task, min(0.2, seconds))
