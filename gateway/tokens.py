"""Tokens of programs: made, looked at and revoked, for the command line, the pages and the API.

A token is 256 random bits, so its digest is plain SHA-256: there is nothing to guess that a slow hash would protect,
and every call is looked up by it.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.i18n import _, ngettext
from gateway.model import Scope
from gateway.people import NotPossible, known
from gateway.store import audit, tokens

START = "gg_"  # so that people, and programs that look for secrets in files, know what it is
USUAL = timedelta(days=90)
LONGEST = timedelta(days=366)
LONGEST_NAME = 100  # letters
MOST = 50  # of one person, at a time


class BadToken(ValueError):
    """What is no token to be made; args[0] says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new token; `secret` is what a program shows, and is told once."""

    number: int
    name: str
    secret: str
    expires: datetime


def read_scopes(said: Collection[str]) -> frozenset[Scope]:
    """Raises BadToken."""
    try:
        found = frozenset(map(Scope, said))
    except ValueError as error:
        raise BadToken(_("A token may: %(scopes)s.") % {"scopes": ", ".join(Scope)}) from error
    if not found:
        raise BadToken(_("Choose at least one thing that it may do."))
    return found


def make(
    conn: Connection,
    owner: str,
    name: str,
    scopes: Collection[Scope],
    life: timedelta,
    by: Person,
    now: datetime,
) -> Made:
    """Raises BadToken, NoSuchPerson and NotPossible."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadToken(_("Say what it is for, in at most %(count)d letters.") % {"count": LONGEST_NAME})
    if not timedelta(0) < life <= LONGEST:
        raise BadToken(_("It is good for some days, and for %(count)d at most.") % {"count": LONGEST.days})
    row = known(conn, owner)
    if row["disabled_at"] is not None:
        raise NotPossible(_("%(name)s is locked out.") % {"name": owner})
    if tokens.in_use(conn, row["id"], now) >= MOST:
        told = {"name": owner, "count": MOST}
        said = ngettext(
            "%(name)s has %(count)d token. Revoke one that nobody uses first.",
            "%(name)s has %(count)d tokens. Revoke one that nobody uses first.",
            MOST,
        )
        raise NotPossible(said % told)
    secret = START + secrets.token_urlsafe(32)
    values = {
        "digest": digest_of(secret),
        "person_id": row["id"],
        "name": name,
        "begins": secret[:8],
        "scopes": sorted(scopes),
        "created": now,
        "author": by.name,
        "expires": now + life,
    }
    number = tokens.add(conn, values)
    detail = {"token": called(number, name), "scopes": sorted(scopes), "expires": now + life}
    audit.add(conn, by.node, by.entry(now, "token made", owner, detail))
    return Made(number, name, secret, now + life)


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


def called(number: int, name: str) -> str:
    """As the audit calls a token."""
    return f"{name} (number {number})"


def is_in_use(row: dict[str, Any], now: datetime) -> bool:
    return row["revoked_at"] is None and bool(row["expires"] > now)


def revoke(conn: Connection, number: int, by: Person, now: datetime, *, owner: int | None = None) -> bool:
    """It is worth nothing from now on; False where there is none, or not of this `owner`, or it was revoked before."""
    row = tokens.numbered(conn, number)
    if row is None or owner not in (None, row["person_id"]) or not tokens.revoke(conn, number, now):
        return False
    audit.add(conn, by.node, by.entry(now, "token revoked", called(number, row["name"])))
    return True
