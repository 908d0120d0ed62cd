"""What mails of different senders have in common, and how it fared."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Link:
    """What a mail links to. `domain`: what somebody registered, else the host; `page`: host and shape of the path."""

    host: str
    domain: str
    page: str


class Common(StrEnum):
    """What mails may have in common."""

    LINK = "link"
    TEXT = "text"


class Fate(StrEnum):
    """What a person said of a mail."""

    REFUSED = "refused"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Source:
    """Who brought something: network (/24 or /48), identity (the strongest rung) and the envelope's organisation."""

    network: str
    identity: str
    domain: str
    at: datetime
    fate: Fate | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What a mail has in common with others, and its record, this mail included.

    `hour`, `day` and `week` count independent sources of that time. `refused` and `released`: mails that people
    decided about. `known_days` and `other_days`: days on which it was in accepted mail, of known senders and of others.
    """

    kind: Common
    value: str  # the domain or page of a link; "" of a text
    hour: int
    day: int
    week: int
    refused: int = 0
    released: int = 0
    known_days: int = 0
    other_days: int = 0


@dataclass(frozen=True, slots=True)
class Campaigns:
    """What is on record about all that a mail shares with others. `accepted`: mails that taught what is usual here."""

    shared: tuple[Shared, ...] = ()
    accepted: int = 0
    list_approved: bool = False  # people released mail of this List-Id from this identity
