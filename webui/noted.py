"""Who acts from where, and what is entered into the audit of it."""

from typing import Any

from flask import g, request
from sqlalchemy import Connection

from gateway import clock
from gateway.desk import Person
from gateway.model import Actor, Role
from gateway.store import audit
from webui.guard import actor, house


def peer() -> str:
    """The address that the browser is at, as far as anybody can tell."""
    return (request.remote_addr or "")[:45]


def me() -> Person:
    """Whoever is signed in, as the services of the gateway want to know them."""
    return person_of(actor())


def person_of(who: Actor) -> Person:
    return Person(who.name, house().node, peer(), who.domains(Role.APPROVER), g.get("token", ""))


def note(conn: Connection, act: str, about: str, *, who: str = "", **detail: Any) -> None:
    """What somebody did or saw. `who`: somebody who is not signed in."""
    by = Person(who, house().node, peer()) if who else me()
    audit.add(conn, by.node, by.entry(clock.now(), act, about, detail))
