"""What calls take: parameters and bodies. What is not named here is refused."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.model import DeliveryState, Level
from webui.api.nouns import ANN, BO, Noun

MOST = 200  # rows of a page
USUAL = 50
MAIL_ID = r"^[0-9a-z]{1,20}$"


def whole_number(said: object) -> object:
    """In a query everything is text, and a number is written as digits."""
    if isinstance(said, str):
        if not (said.isascii() and said.isdecimal() and len(said) < 20):
            raise ValueError("That is no whole number.")
        return int(said)
    return said


def integral(said: object) -> object:
    """In JSON 30.0 is a whole number too (JSON Schema, section 6.1.1 of its validation)."""
    return int(said) if isinstance(said, float) and said.is_integer() else said


Integral = BeforeValidator(integral)
Days = Annotated[int, Field(ge=1, le=3660), Integral]
Limit = Annotated[int, Field(ge=1, le=MOST, description="Rows of a page."), BeforeValidator(whole_number)]
After = Annotated[str | None, Field(max_length=500, description="`next` of the page before.")]
WRITTEN = r"^[^\x00]*$"  # one database reads up to a NUL, the other all
Words = Annotated[str, Field(max_length=200, pattern=WRITTEN)]
Line = Annotated[str, Field(max_length=500)]
Because = Annotated[
    str | None,
    Field(
        min_length=4,
        max_length=200,
        description="Why mail is looked into that is not the owner's; it is on record.",
        examples=["Asked by the recipient"],
    ),
]
Recipients = Annotated[
    list[Annotated[str, Field(max_length=512)]],
    Field(max_length=100, description="Only for these; all for whom the owner decides, if none is named."),
]


class Paged(Noun):
    limit: Limit = USUAL
    after: After = None


class HeldWanted(Paged):
    q: Words = Field("", description="Words in sender, author, subject or recipient.")
    sender: Words = Field("", alias="from", description="A part of the sender's or author's address.")
    recipient: Words = Field("", alias="to", description="A recipient, or a part of one.")
    subject: Words = Field("", description="Words of the subject.")
    why: Words = Field("", description="The code of the reason.")
    state: Literal["held", "releasing", "undeliverable", "expired"] = Field("held")

    @property
    def states(self) -> tuple[DeliveryState, ...]:
        return (DeliveryState(self.state),)


class WaitingWanted(Paged):
    q: Words = Field("", description="Words in sender, author, subject or recipient.")
    sender: Words = Field("", alias="from", description="A part of the sender's or author's address.")
    recipient: Words = Field("", alias="to", description="A recipient, or a part of one.")
    subject: Words = Field("", description="Words of the subject.")
    state: Literal["sender_held", "abandoned"] = Field("sender_held")


class Reading(Noun):
    because: Because = None


class ChoicesWanted(Noun):
    verb: Literal["trust", "block"] = Field("trust")


class FindWanted(Paged):
    q: Annotated[str, Field(min_length=1, max_length=500, pattern=WRITTEN)] = Field(
        description="The id in one of our answers or of a mail, an address, a Message-ID, or words of the subject.",
        examples=[ANN],
    )


class KnownWanted(Noun):
    q: Words = Field("", description="A part of what it names, whom it is for, its comment or author.")
    show: Literal["all", "servers", "domains", "addresses", "combinations", "past"] = "all"
    limit: Limit = USUAL
    after: After = None


class PeopleWanted(Paged):
    q: Words = Field("", description="A part of the name, or of an address of theirs.")


class WindowsWanted(Paged):
    account: Annotated[str | None, Field(max_length=512, description="Only of this one.")] = None


# ---- bodies --------------------------------------------------------------------------------------------------------


class Decision(Noun):
    """What is to become of a kept mail."""

    verb: Literal["release", "trust", "refuse", "block"] = Field(
        description="`trust` releases it and lets its sender in from now on; `block` refuses it and its sender.",
        examples=["release"],
    )
    recipients: Recipients = Field([], examples=[[BO]])
    choice: Annotated[int, Field(ge=0, le=999), Integral] | None = Field(
        None, description="The entry that comes of `trust` or `block`; see the choices of the mail.", examples=[None]
    )
    once: bool = Field(False, description="With `release`: its sender stays a stranger.", examples=[False])
    sure: bool = Field(False, description="Also where the classifier is sure of the opposite.", examples=[False])


class Undoing(Noun):
    recipients: Recipients = Field([], examples=[[]])


class NewKnown(Noun):
    """An entry for the lists."""

    verb: Literal["allow", "block"] = Field(examples=["allow"])
    party: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="An address, a domain or a network.", examples=[ANN]
    )
    scope: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        description="For whom: an address or a domain of ours; null is everybody.", examples=[BO]
    )
    network: Annotated[str, Field(min_length=1, max_length=50)] | None = Field(
        None, description="A name counts only from there.", examples=[None]
    )
    signature: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="A name counts only when this domain signed for it.", examples=["elsewhere.example"]
    )
    days: Days | None = Field(None, description="null: for ever.", examples=[400])
    comment: Line = Field("", examples=["our printer"])
    unless_proved: bool = Field(False, description="A block of uses that no signature proves.", examples=[False])


class KnownChange(Noun):
    """Until when an entry holds, and why it is there. What is left out stays."""

    days: Days | None = Field(None, description="From now on; null: for ever.", examples=[30])
    comment: Line = Field("", examples=["until the fair is over"])


Role = Annotated[str, Field(pattern=r"^(approver|lists|auditor|admin)(:[A-Za-z0-9._-]{1,253})?$")]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Addresses = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=50)]


class NewPerson(Noun):
    """Somebody who may sign in, with the link that comes of it."""

    name: Name = Field(description="A word or a mail address.", examples=["olga"])
    roles: Annotated[list[Role], Field(max_length=50)] = Field(
        [], description="approver, lists, auditor, admin; for one domain approver:example.com.", examples=[["auditor"]]
    )
    addresses: Addresses = Field([], description="Whose mail is theirs.", examples=[["olga@example.com"]])


class PersonChange(Noun):
    """What is left out stays."""

    roles: Annotated[list[Role], Field(max_length=50)] | None = Field(
        None, description="These and no others.", examples=[["approver:example.com"]]
    )
    addresses: Addresses | None = Field(None, description="These of their own and no others.", examples=[None])
    disabled: Literal[True] | None = Field(
        None, description="Lock them out: at once and everywhere. An invitation lets them in again.", examples=[None]
    )


class LevelChosen(Noun):
    level: Level | None = Field(description="null: as its domain or the settings say.", examples=["review-before"])


class NewWindow(Noun):
    account: Annotated[str, Field(min_length=3, max_length=512)] = Field(examples=[BO])
    domain: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="Only mail of this one; it may be expected for longer.", examples=["shop.example"]
    )
    minutes: Annotated[int, Field(ge=1, le=60), Integral] | None = Field(
        None, description="null: as long as the settings allow.", examples=[10]
    )
