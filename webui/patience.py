"""Who is asking, and how long whoever guesses has to wait."""

from datetime import datetime, timedelta
from ipaddress import ip_network

from flask import request
from sqlalchemy import Connection

from gateway.i18n import _
from gateway.store import sittings
from webui.guard import house
from webui.noted import peer
from webui.peers import address_of

FREE = 5  # wrong attempts that cost nothing
LONGEST_WAIT = timedelta(minutes=15)


def network() -> str:
    found = address_of(peer())
    if found is None:
        return ""
    return str(ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def is_plain() -> bool:
    """True where what is typed could be read on the way."""
    if request.is_secure or house().settings.web.plain:
        return False
    found = address_of(peer())
    return found is None or not found.is_loopback


def must_wait(conn: Connection, name: str, now: datetime) -> timedelta:
    """Nobody is locked out: after some failures the next attempt is looked at a little later, twice as late each time.

    By name and by network, so that neither guessing one password nor trying one password on all names is quick.
    """
    return max(wait_of(conn, "name", name, now), wait_of(conn, "network", network(), now, FREE * 4))


def too_many(wait: timedelta) -> str:
    """What is told to whoever has to wait."""
    return _("Too many attempts. Try again in %(count)d s.") % {"count": int(wait.total_seconds()) + 1}


def wait_of(conn: Connection, kind: str, value: str, now: datetime, free: int = FREE) -> timedelta:
    fails, last = sittings.failures(conn, kind, value, now)
    if last is None or fails < free:
        return timedelta(0)
    pause = min(timedelta(seconds=2 ** min(fails - free, 12)), LONGEST_WAIT)
    return last + pause - now


def note_failure(conn: Connection, name: str, now: datetime) -> None:
    sittings.failed(conn, "name", name, now)
    sittings.failed(conn, "network", network(), now)
