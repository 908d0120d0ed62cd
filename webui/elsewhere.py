"""Passwords of the directory and of the mail server, tried once a sign-in, behind the same patience as our own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.signin import arrival
from gateway.signin.nouns import NoAnswer, Proven, Welcome
from gateway.store import links, persons
from webui.guard import house
from webui.noted import peer
from webui.patience import must_wait


class TooSoon(Exception):
    """Whoever it is has to wait, under another of their names."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(str(wait))
        self.wait = wait


def welcome(way: str) -> Welcome:
    """Whom a way lets in, by the settings."""
    settings = house().settings
    chosen: Any = {"oidc": settings.oidc, "directory": settings.directory, "imap": settings.imap}[way]
    return Welcome(way, getattr(chosen, "roles", {}), chosen.create, frozenset(settings.domains.local))


@dataclass
class Attempt:
    """One name and one password. `names` are the ways in which somebody may be called that were met so far."""

    name: str
    password: str
    now: datetime
    names: tuple[str, ...] = field(default=(), init=False)
    welcome: Welcome | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.names = (self.name,)

    def ask(self) -> tuple[str, Proven | None]:
        """The way that knows them, and who it is; None: nobody knows them. Raises TooSoon, NotIn, and NoAnswer where
        somebody who does not answer could have known them."""
        silent: NoAnswer | None = None
        for way, door in house().doors.by_password():
            try:
                found = door.check(self.name, self.password, lambda who: self.admit(who))
            except NoAnswer as error:
                silent = silent or error
                continue
            if found is not None:
                self.welcome = welcome(way)
                return way, found
        if silent is not None:
            raise silent
        return "", None

    def admit(self, who: Proven) -> None:
        """Before a password is tried: whoever it is must not wait under their name here. Raises TooSoon."""
        with house().reading() as conn:
            link = links.found(conn, who.issuer, who.subject)
            row = persons.numbered(conn, link["person_id"]) if link else None
            for name in {row["name"] if row else who.address.casefold(), who.address.casefold()} - {"", *self.names}:
                self.names = (*self.names, name)
                if (wait := must_wait(conn, name, self.now)) > timedelta(0):
                    raise TooSoon(wait)

    def person(self, conn: Connection, found: Proven) -> dict[str, Any]:
        """Raises NotIn."""
        assert self.welcome is not None
        by = Person(self.name, house().node, peer())
        return arrival.person_for(conn, found, self.welcome, by, self.now)
