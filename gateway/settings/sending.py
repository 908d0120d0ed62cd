"""The section about mail that our people send through us."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator

from gateway.settings.addresses import account
from gateway.settings.listening import Section
from gateway.settings.quantities import quoted
from gateway.settings.shapes import Backends, Flag, Listeners, Mailbox, Network, Number, Shape

_HASH = re.compile(r"scrypt:(?:1[4-9]|20):8:1:[0-9a-f]{32}:[0-9a-f]{64}")
_NAME = re.compile(r"[!-~]{1,200}")
LEAST_SECRET = 16  # characters


@dataclass(frozen=True, slots=True)
class User:
    """Who may submit mail: a password as `greygate submission password` prints it, and the senders it may name.

    `senders` are addresses and domains; empty: all local domains.
    """

    password: str
    senders: tuple[str, ...] = ()


def users(value: object) -> Mapping[str, User]:
    """A table of names, each with a password or a table of one and senders. Raises ValueError, without a password."""
    if not isinstance(value, Mapping):
        raise ValueError('is not a table; write { ann = "scrypt:…" }')
    return {name: user(name, given) for name, given in value.items()}


def user(name: str, given: object) -> User:
    if isinstance(given, User):
        return given
    if not _NAME.fullmatch(name):
        raise ValueError(f"{quoted(name)} is no user name; write printable ASCII without spaces")
    table = {"password": given} if isinstance(given, str) else given
    if not isinstance(table, Mapping) or not set(table) <= {"password", "senders"}:
        raise ValueError(f'{quoted(name)} takes a password, or {{ password = "scrypt:…", senders = ["example.com"] }}')
    password, senders = table.get("password"), table.get("senders", [])
    if not isinstance(password, str) or not _HASH.fullmatch(password):
        raise ValueError(f"{quoted(name)} has no password in the form that greygate submission password prints")
    if not isinstance(senders, list):
        raise ValueError(f"senders of {quoted(name)} is not a list; name addresses or domains")
    return User(password, tuple(account(one) for one in senders))


def secret(value: object) -> str:
    """A secret of ours, or nothing; raises ValueError, without the secret."""
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) < LEAST_SECRET or not value.isascii() or not value.isprintable():
        raise ValueError(f"is too short or not printable ASCII; write at least {LEAST_SECRET} characters")
    return value


Users = Annotated[
    Mapping[str, User],
    PlainValidator(users),
    PlainSerializer(lambda _: "not shown"),
    Shape(
        'a table: { ann = "scrypt:…" } or { ann = { password = "scrypt:…", senders = ["example.com"] } }',
        masked=lambda named: f"{{ {', '.join(sorted(named))} }}, passwords not shown" if named else "{}",
    ),
]
Secret = Annotated[
    str,
    PlainValidator(secret),
    Shape(f'at least {LEAST_SECRET} characters; "" is none', masked=lambda key: "not shown" if key else '""'),
]


class Submission(Section):
    """Mail that our people send through us to a smarthost; nothing is queued here. Off without a listener."""

    listen: Listeners = Field(default=(), description="Where mail is submitted, with STARTTLS; port 587 as a rule.")
    listen_tls: Listeners = Field(default=(), description="The same with TLS from the first byte; port 465 as a rule.")
    smarthost: Backends = Field(
        default=(), description="Who sends it on, smtp:// only; with several, the next is tried when one is down."
    )
    smarthost_tls: Literal["may", "require", "off"] = Field(
        default="may", description="Whether we encrypt to it: where offered, always, or never."
    )
    users: Users = Field(
        default={}, description="Who may log in, under TLS only; senders are those of local domains unless named."
    )
    trusted: tuple[Network, ...] = Field(
        default=(), description="Networks that may send without a login, for senders of local domains."
    )
    sessions: Number = Field(default=200, ge=1, description="Sessions at a time.")
    failures: Number = Field(
        default=10, ge=1, description="Failed logins of one address, or /64, within an hour before it may try no more."
    )
    form_accounts: tuple[Mailbox, ...] = Field(
        default=(), description="Senders that strangers can make write: whom they write to does not become known."
    )
    sign: Flag = Field(
        default=False, description="Whether the envelope sender of submitted mail gets a tag made with batv_key."
    )
    batv_key: Secret = Field(
        default="",
        description="The key of our tags (prvs=) in recipients; all nodes and outgoing servers share it.",
    )
    backscatter: Literal["off", "hold"] = Field(
        default="off",
        description="Whether reports on mail that we never sent are suspicious, a week after the first we noted.",
    )

    @property
    def is_on(self) -> bool:
        return bool(self.listen or self.listen_tls)
