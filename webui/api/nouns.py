"""What the API speaks of. Names are public: more may come, none is renamed.

What others wrote is told letter by letter as it came, so whoever shows it has to escape it.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.model import Level, Mode, Scope, Switch

WHEN = "2026-03-09T08:15:00Z"
MAIL = "06c2m5h8k1v3r"
ANN, BO = "ann@elsewhere.example", "bo@example.com"
LARGEST = 2**63 - 1


def plain(said: Any) -> Any:
    """Bytes of a sender that are no Unicode are shown as what they are not."""
    return said.encode("utf-8", "replace").decode() if isinstance(said, str) else said


Text = Annotated[str, BeforeValidator(plain)]


class Noun(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), serialize_by_alias=True)


T = TypeVar("T")


class Listing(Noun, Generic[T]):
    """A page of a list. While `next` is not null there may be more, even where `items` is short or empty."""

    items: list[T]
    next: str | None = Field(description="What `after` has to be for the next page.", examples=[None])


# ---- mail ----------------------------------------------------------------------------------------------------------


class Kept(Noun):
    """A mail for one recipient."""

    mail: str = Field(description="Its id, the same for all of its recipients.", examples=[MAIL])
    recipient: Text = Field(examples=[BO])
    state: str = Field(description="held, releasing, …: see the glossary.", examples=["held"])
    sender: Text = Field(description='The envelope sender; "" is the null sender.', examples=[ANN])
    author: Text = Field(description="The From field.", examples=["Ann <ann@elsewhere.example>"])
    subject: Text = Field(examples=["Your offer"])
    size: int = Field(description="Bytes.", examples=[4711])
    peer: str = Field(description="The address that it came from.", examples=["192.0.2.25"])
    since: datetime = Field(description="When it came first.", examples=[WHEN])
    seen: datetime = Field(description="When it came last.", examples=[WHEN])
    reason: str | None = Field(description="The code it waits for.", examples=["greylist.new"])
    why: str | None = Field(description="The same in words.", examples=["its sender is a stranger here"])
    expires: datetime | None = Field(description="When holding ends.", examples=[WHEN])
    releases: datetime | None = Field(description="When it is released by itself.", examples=[None])
    due: datetime | None = Field(description="When it is delivered, or tried next.", examples=[None])
    tries: int = Field(description="Of its sender to bring it, or of us to deliver it.", examples=[1])
    last_reply: Text = Field(description="What the mail server said last.", examples=[""])


class RecipientState(Noun):
    """How a mail stands for one recipient."""

    recipient: Text = Field(examples=[BO])
    state: str = Field(examples=["held"])
    decided_by: Text | None = Field(examples=[None])
    decided_at: datetime | None = Field(examples=[None])


class Mail(Noun):
    """One mail, as far as the owner of the token may know of it."""

    id: str = Field(examples=[MAIL])
    sender: Text = Field(examples=[ANN])
    author: Text = Field(examples=["Ann <ann@elsewhere.example>"])
    subject: Text = Field(examples=["Your offer"])
    size: int = Field(examples=[4711])
    peer: str = Field(examples=["192.0.2.25"])
    peer_name: Text | None = Field(description="Its name that resolves back to it.", examples=["mx.elsewhere.example"])
    helo: Text = Field(description="What it calls itself.", examples=["mx.elsewhere.example"])
    received_at: datetime = Field(examples=[WHEN])
    stored: str = Field(description="Where its bytes are: files, database, or none.", examples=["files"])
    recipients: list[RecipientState]
    may_read: bool = Field(description="Whether its text may be looked at.", examples=[True])
    must_say_why: bool = Field(description="Whether `because` is wanted for that.", examples=[False])


class File(Noun):
    name: Text = Field(examples=["offer.pdf"])
    kind: Text = Field(description="As its sender calls it.", examples=["application/pdf"])
    real: Text = Field(description='What it is by how it begins; "" where that is unknown.', examples=["PDF"])
    size: int = Field(examples=[2345])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    warnings: list[Text] = Field(description="What is dangerous in it.", examples=[[]])


class MailText(Noun):
    """What is in a mail, as text."""

    text: Text = Field(examples=["Good morning, please find our offer attached."])
    is_cut: bool = Field(description="There is more than was looked at.", examples=[False])
    problem: Text = Field(description="Why it could not be looked into.", examples=[""])
    files: list[File]


class Reason(Noun):
    """A reason, the same as in the log, on the pages and in `greygate queue why`."""

    code: str = Field(examples=["greylist.new"])
    said: str = Field(description="Because …", examples=["its sender is a stranger here"])
    otherwise: str = Field(description="What would have changed it.", examples=["it comes back after the wait"])
    weight: float | None = Field(description="In the score; above 0 it speaks against the mail.", examples=[None])
    evidence: dict[str, Text] = Field(examples=[{"waited": "0"}])


class Decided(Noun):
    """What was decided about a mail for one recipient, and why. `reply` ends with the id under which it is found."""

    id: str = Field(description="The id in our answer to the sender.", examples=[MAIL])
    at: datetime = Field(examples=[WHEN])
    stage: str = Field(description="rcpt or data.", examples=["data"])
    action: str = Field(examples=["hold"])
    code: str = Field(examples=["greylist.new"])
    peer: str = Field(examples=["192.0.2.25"])
    sender: Text = Field(examples=[ANN])
    recipient: Text = Field(examples=[BO])
    reply: Text = Field(examples=[f"250 2.0.0 Accepted [{MAIL}]"])
    reasons: list[Reason]


class Moment(Noun):
    """Something that happened to a mail."""

    at: datetime = Field(examples=[WHEN])
    words: Text = Field(examples=["Held: its sender is a stranger here, for bo@example.com"])


class Proposal(Noun):
    """An entry of the lists that may come of a decision. `place` is what `choice` names."""

    place: int = Field(examples=[0])
    words: Text = Field(examples=["ann@elsewhere.example, if elsewhere.example signed it, to bo@example.com"])
    entry: Text = Field(
        description="The same as greygate known writes it.",
        examples=["allow ann@elsewhere.example signed by elsewhere.example for bo@example.com"],
    )
    risk: str = Field(examples=[""])
    because: Text = Field(description="Why there is a risk.", examples=[""])
    may_be_taken: bool = Field(examples=[True])
    usual: bool = Field(description="It is taken where no choice is named.", examples=[True])


class Outcome(Noun):
    """What a decision did for one recipient."""

    recipient: Text = Field(examples=[BO])
    happened: bool = Field(examples=[True])
    words: Text = Field(examples=["released, on its way"])
    entry: int | None = Field(description="The entry of the lists that came of it.", examples=[None])


class Outcomes(Noun):
    recipients: list[Outcome]


# ---- senders -------------------------------------------------------------------------------------------------------


class Entry(Noun):
    """An entry of the lists."""

    id: int = Field(ge=1, examples=[7])
    verb: str = Field(description="allow or block.", examples=["allow"])
    kind: str = Field(description="address, domain, network, signature or recipient.", examples=["address"])
    value: Text = Field(examples=[ANN])
    network: str | None = Field(examples=[None])
    signature: str | None = Field(examples=["elsewhere.example"])
    scope: Text | None = Field(description="For whom; null: everybody.", examples=[BO])
    unless_proved: bool = Field(description="Only uses of the name that no signature proves.", examples=[False])
    holds: bool = Field(examples=[True])
    until: datetime | None = Field(examples=[None])
    created: datetime = Field(examples=[WHEN])
    by: Text = Field(examples=["bo"])
    comment: Text = Field(examples=["our printer"])
    withdrawn_at: datetime | None = Field(examples=[None])
    withdrawn_by: Text = Field(examples=[""])
    words: Text = Field(examples=["ann@elsewhere.example, if elsewhere.example signed it, to bo@example.com"])
    may_change: bool = Field(examples=[True])


# ---- people and accounts -------------------------------------------------------------------------------------------


class Held(Noun):
    """An address of somebody."""

    address: Text = Field(examples=[BO])
    kind: str = Field(description="own, or delegate for somebody who stands in.", examples=["own"])
    until: datetime | None = Field(examples=[None])


class Somebody(Noun):
    """Who may sign in."""

    name: Text = Field(examples=["bo"])
    state: str = Field(description="invited, locked out, or what they sign in with", examples=["password"])
    roles: list[str] = Field(examples=[["approver:example.com"]])
    addresses: list[Held]
    created: datetime = Field(examples=[WHEN])


class Invitation(Noun):
    """A link to choose a password with: once, within three days. It is told here only."""

    name: Text = Field(examples=["bo"])
    link: str = Field(examples=["https://gate.example.com/invitation/kO2b"])
    expires: datetime = Field(examples=[WHEN])


class Account(Noun):
    """An address or a domain, with its level of protection."""

    account: Text = Field(examples=[BO])
    level: Level = Field(examples=["greylist"])
    chosen: bool = Field(description="False: the level is that of its domain or of the settings.", examples=[False])
    by: Text | None = Field(examples=[None])
    since: datetime | None = Field(examples=[None])


class Window(Noun):
    """Mail that an account expects."""

    id: int = Field(ge=1, examples=[3])
    account: Text = Field(examples=[BO])
    domain: Text | None = Field(description="Only of this one; null: whoever proves who it is.", examples=[None])
    opened: datetime = Field(examples=[WHEN])
    until: datetime = Field(examples=[WHEN])
    by: Text = Field(examples=["bo"])


class Offer(Noun):
    """A mail that came shortly before, waits, and fits."""

    mail: str = Field(examples=[MAIL])
    sender: Text = Field(examples=[ANN])
    author: Text = Field(examples=["Ann <ann@elsewhere.example>"])
    subject: Text = Field(examples=["Your code"])
    received_at: datetime = Field(examples=[WHEN])
    state: str = Field(examples=["sender_held"])
    proved: list[Text] = Field(examples=[["elsewhere.example"]])
    suspicious: list[str] = Field(examples=[[]])


class OpenedWindow(Noun):
    window: Window
    offers: list[Offer]


# ---- the house -----------------------------------------------------------------------------------------------------


class Me(Noun):
    """The owner of the token, and what it is for."""

    name: Text = Field(examples=["bo"])
    roles: list[str] = Field(examples=[[]])
    addresses: list[Text] = Field(examples=[[BO]])
    token: Text = Field(examples=["nightly triage (number 4)"])
    scopes: list[Scope] = Field(examples=[["read", "decide"]])
    expires: datetime = Field(examples=[WHEN])


class TurnedOn(Noun):
    """A switch for a bad hour."""

    name: Switch = Field(examples=["bypass"])
    on: bool = Field(examples=[False])
    until: datetime | None = Field(examples=[None])
    by: Text | None = Field(examples=[None])


class Switches(Noun):
    items: list[TurnedOn]


class Ailment(Noun):
    """Something that is amiss, and what to do."""

    words: str = Field(examples=["No courier process runs: released mail is not delivered."])
    do: str = Field(examples=["The supervisor starts it again after a pause; the log says why it ended."])
    is_grave: bool = Field(examples=[True])


class HouseHealth(Noun):
    """How this node is, as far as it looked."""

    at: datetime = Field(examples=[WHEN])
    node: str = Field(examples=["node1"])
    mode: Mode = Field(examples=["enforce"])
    headline: str = Field(examples=["All is well"])
    troubles: list[Ailment]
