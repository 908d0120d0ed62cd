"""Who decides, by what terms, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.model import Label
from gateway.policy import campaign
from gateway.policy.campaign import CampaignTerms
from gateway.store.audit import Entry


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, on which node, and from where: "" is a terminal.

    `approves`: the domains that they are an approver of, "" among them: all, as at a terminal. `token`: by which token,
    where a program acts.
    """

    name: str
    node: str
    peer: str = ""
    approves: frozenset[str] = frozenset({""})
    token: str = ""

    def entry(self, at: datetime, act: str, about: str, detail: Mapping[str, Any] | None = None) -> Entry:
        """What they did, for the audit."""
        by_token = {"token": self.token} if self.token else {}
        return Entry(at, self.name, act, about, self.peer, {**(detail or {}), **by_token})


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say about decisions."""

    memory: timedelta  # how long an act of ours is remembered
    tombstones: timedelta
    campaigns: CampaignTerms = campaign.USUAL
    only_approvers: bool = False  # let in mail that may do harm


@dataclass(frozen=True, slots=True)
class Done:
    """What a decision did for one recipient. `words`: how it went, in the language of whoever decides; `for_approvers`:
    nothing happened, and an approver of the domain could do it."""

    recipient: str
    happened: bool
    words: str
    listed: int | None = None  # the entry of the lists that came of it
    for_approvers: bool = False


# Who learns from a verdict: of this mail, for this recipient, what it is, who says so, and when.
Teach = Callable[[Connection, dict[str, Any], str, Label, str, datetime], Any]


def teach_nobody(conn: Connection, row: dict[str, Any], account: str, label: Label, person: str, now: datetime) -> None:
    """Nobody learns from it."""


class NoSuchMail(Exception):
    """Nothing is kept under that id."""
