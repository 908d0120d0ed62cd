"""Hooks: which places are told what happens to mail, and what they get."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from gateway import clock
from gateway.model import Act, HookEvent, Scope
from gateway.posting import Hook as Place
from gateway.settings.writing import HookSettings
from gateway.store import hooks as posts
from gateway.store.hooks import Standing
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import BO, MAIL, WHEN, Noun, Text
from webui.guard import house

LATELY = timedelta(days=1)  # that something was given up
MEANS: Mapping[HookEvent, str] = {
    HookEvent.HELD: "Mail waits for a decision.",
    HookEvent.RELEASED: "Somebody released it.",
    HookEvent.REFUSED: "Somebody refused it.",
    HookEvent.UNDONE: "A decision was taken back.",
    HookEvent.EXPIRED: "Nobody decided in time.",
    HookEvent.DELIVERED: "Mail that was held, or somebody released, has come to the mail server.",
    HookEvent.UNDELIVERABLE: "Mail that was held, or somebody released, could not be delivered.",
    HookEvent.CODE: "Mail that waits looks like a code to sign in, and who wants to know was written to at once.",
    HookEvent.CAMPAIGN: "A mail that is here turned out to be one of a campaign.",
}


class Hook(Noun):
    """A place that is told what happens to mail, as the settings name it, and how it fares."""

    name: str = Field(examples=["siem"])
    where: str = Field(description="The host; the rest of its address may be a secret.", examples=["siem.example.com"])
    events: list[HookEvent] = Field(examples=[["mail.held", "mail.released"]])
    domains: list[str] = Field(description="Only about mail for these; empty is all.", examples=[[]])
    sent: datetime | None = Field(description="When it was told last.", examples=[WHEN])
    waiting: int = Field(description="How much it is still to be told.", examples=[0])
    waits_since: datetime | None = Field(examples=[None])
    given_up: int = Field(description="How much it was not told for a day, of the last day.", examples=[0])
    said: str = Field(description="What went wrong last with what waits.", examples=[""])


class Hooks(Noun):
    items: list[Hook]


class Happened(Noun):
    """About which mail something is. What is in it, its subject and sender are not told: ask for the mail."""

    mail: str = Field(examples=[MAIL])
    recipient: Text | None = Field(description="null: all of its recipients.", examples=[BO])
    reason: str | None = Field(description="The code, of mail.held and campaign.found.", examples=["greylist.new"])
    by: Text | None = Field(description="Who, or what of the gateway, did it.", examples=["bo"])
    page: str | None = Field(description="Where people see it.", examples=[f"https://gate.example.com/mail/{MAIL}"])


class HookTold(Noun):
    """What a hook gets."""

    type: HookEvent = Field(examples=["mail.held"])
    timestamp: datetime = Field(description="When it happened.", examples=[WHEN])
    data: Happened


@call("GET", "/hooks", Scope.HEALTH, "House", answer=Hooks, act=Act.HEALTH)
def hooks(asked: Asked) -> Hooks:
    """Places that are told what happens

    Those that the settings name, and how they fare. What they get is below `webhooks` in the document.
    """
    with house().reading() as conn:
        found = posts.standings(conn, clock.now() - LATELY)
    return Hooks(items=[described(one, found.get(one.name, Standing())) for one in house().settings.hook])


def described(one: HookSettings, fares: Standing) -> Hook:
    return Hook(
        name=one.name,
        where=str(Place(one.address, b"")),
        events=list(map(HookEvent, one.events)),
        domains=list(one.domains),
        sent=fares.sent,
        waiting=fares.waiting,
        waits_since=fares.waits_since,
        given_up=fares.given_up,
        said=fares.said,
    )


def webhooks(schema: Mapping[str, Any], example: Any) -> dict[str, Any]:
    """That part of the document (OpenAPI 3.1, 4.8.1)."""
    text = {"type": "string"}
    named = {
        "webhook-id": "The same whenever the same news is sent: what has it was told before.",
        "webhook-timestamp": "When it is sent, in seconds of 1970.",
        "webhook-signature": "v1 and the HMAC-SHA256, as Standard Webhooks says.",
    }
    headers = [
        {"name": name, "in": "header", "required": True, "schema": text, "description": says}
        for name, says in named.items()
    ]
    return {
        str(one): {
            "post": {
                "operationId": f"told_{one.replace('.', '_')}",
                "tags": ["House"],
                "summary": MEANS[one].rstrip("."),
                "security": [],
                "parameters": headers,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": schema, "example": {**example, "type": str(one)}}},
                },
                "responses": {"2XX": {"description": "It is told. After anything else it is sent again, for a day."}},
            }
        }
        for one in HookEvent
    }
