"""Who calls: the owner of a token, within what it is for.

Whatever is wrong with a token, the answer is the same. A right one is looked at even where wrong ones came from the
same network: nobody guesses 256 bits, and a neighbour's forgotten script keeps nobody out. Whoever goes on with wrong
ones is told to wait and costs nothing but a look.
"""

import hmac
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g, request

from gateway import clock, tokens
from gateway.model import Scope
from gateway.policy.rights import can
from gateway.store import persons, sittings
from gateway.store import tokens as store
from webui.api.problems import Problem
from webui.guard import Rule, house, owes_factor
from webui.patience import is_plain, network, wait_of

FREE = 20  # wrong tokens of a network that cost nothing
SHAPE = re.compile(r"bearer +(gg_[A-Za-z0-9_-]{43})", re.IGNORECASE | re.ASCII)
REALM = 'Bearer realm="Greygate"'


def admit(rule: Rule) -> None:
    """Raises Problem for whoever may not make this call at all."""
    g.actor = None
    if "Authorization" not in request.headers:
        raise Problem("no-token", headers={"WWW-Authenticate": REALM})
    if is_plain():
        raise Problem("not-encrypted")
    now = clock.now()
    found = owner_of(request.headers.getlist("Authorization"), now)
    if found is None:
        raise wrong(now)
    row, person = found
    g.person, g.token, g.scopes = person, tokens.called(row["id"], row["name"]), frozenset(map(Scope, row["scopes"]))
    g.token_row, g.secret = row, secret_in(request.headers["Authorization"])
    with house().reading() as conn:
        g.actor = persons.actor(conn, person, now)
    note_use(row, now)
    if owes_factor():
        raise Problem("second-factor")
    if rule.scope is not None and rule.scope not in g.scopes:
        said, headers = f"The token is not for “{rule.scope}”.", challenge("insufficient_scope", rule.scope)
        raise Problem("scope", said, {"needed": str(rule.scope)}, headers)
    if rule.act is not None and not can(g.actor, rule.act):
        raise Problem("not-yours")


def owner_of(said: list[str], now: datetime) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The token and the person whose it is; None where it is worth nothing, whatever the reason."""
    digest = tokens.digest_of(secret_in(said[0]) if len(said) == 1 else "")
    with house().reading() as conn:
        row = store.find(conn, digest)
        person = persons.numbered(conn, row["person_id"]) if row else None
    if row is None or person is None or not hmac.compare_digest(bytes(row["digest"]), digest):
        return None
    return (row, person) if tokens.is_in_use(row, now) and person["disabled_at"] is None else None


def secret_in(said: str) -> str:
    """The token of an Authorization field (RFC 6750, section 2.1); "" where there is none."""
    shaped = SHAPE.fullmatch(said)
    return shaped[1] if shaped else ""


def wrong(now: datetime) -> Problem:
    """What a wrong token is told; many of them from one network have to wait."""
    with house().reading() as conn:
        wait = wait_of(conn, "token", network(), now, FREE)
    if wait > timedelta(0):
        return Problem("too-many", headers={"Retry-After": str(math.ceil(wait.total_seconds()))})
    with house().writing() as conn:
        sittings.failed(conn, "token", network(), now)
    return Problem("bad-token", headers=challenge("invalid_token"))


def challenge(error: str, scope: Scope | None = None) -> dict[str, str]:
    """RFC 6750, section 3."""
    wanted = f', scope="{scope}"' if scope else ""
    return {"WWW-Authenticate": f'{REALM}, error="{error}"{wanted}'}


def note_use(row: dict[str, Any], now: datetime) -> None:
    """The day on which it was used last: enough to tell which one nobody needs, and one write a day."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if row["used"] is None or row["used"] < day:
        with house().writing() as conn:
            store.used(conn, row["id"], day)
