"""Sessions are rows: the cookie holds nothing but a secret, and whoever is signed out is out everywhere at once."""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask import request as asked
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import CallbackDict

from gateway import clock
from gateway.store import sittings

if TYPE_CHECKING:
    from webui.house import House

BYTES = 32  # of a secret
ENDS_AFTER = timedelta(hours=12)
ENDS_AFTER_NOBODY = timedelta(minutes=30)  # of whoever is still on the way in
IDLE = timedelta(minutes=30)  # of whoever decides about the mail of others
IDLE_USER = timedelta(hours=4)
NOTED_EVERY = timedelta(minutes=1)  # how exactly it is known when somebody was here last


class Sitting(CallbackDict[str, Any], SessionMixin):
    """What is known of a browser. `secret` is what its cookie holds; `created` is when it got it."""

    def __init__(self, secret: str, created: datetime, held: dict[str, Any] | None = None, *, new: bool) -> None:
        def changed(itself: "Sitting") -> None:
            itself.modified = True

        super().__init__(held, changed)
        self.secret, self.created, self.new, self.modified = secret, created, new, False
        self.seen = created
        self.trouble: SQLAlchemyError | None = None  # why nobody knows whose it is
        self.old = ""  # the secret that this one takes the place of
        self.is_unattended = False  # the page asked by itself: nobody is here because of that

    @property
    def person(self) -> int | None:
        number = self.get("person")
        return number if isinstance(number, int) else None

    def renew(self) -> None:
        """Another secret for the same browser, as somebody signs in: what was known before is worth nothing."""
        self.old, self.secret, self.created, self.modified = self.secret, fresh(), clock.now(), True


def fresh() -> str:
    return secrets.token_urlsafe(BYTES)


class DatabaseSessions(SessionInterface):
    """One row a browser; none for whoever only looks at the page to sign in, until it posts something."""

    def __init__(self, house: "House") -> None:
        self.house = house

    def get_cookie_name(self, app: Flask) -> str:
        return "greygate"

    def name(self, request: Request) -> str:
        """With TLS the browser promises that nobody else set it (RFC 6265bis 4.1.3.2)."""
        return "__Host-greygate" if request.is_secure else "greygate"

    def open_session(self, app: Flask, request: Request) -> Sitting:
        now = clock.now()
        secret = "" if is_for_programs(request) else request.cookies.get(self.name(request), "")
        if secret:
            try:
                with self.house.reading() as conn:
                    row = sittings.load(conn, secret, now)
            except SQLAlchemyError as error:  # told by the page, which cannot be made before there is a session
                unknown = Sitting(fresh(), now, new=True)
                unknown.trouble = error
                return unknown
            if row is not None and now - row["seen"] <= idle(row):
                sitting = Sitting(secret, row["created"], dict(row["data"]), new=False)
                sitting.seen = row["seen"]
                return sitting
        return Sitting(fresh(), now, new=True)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, Sitting)
        now = clock.now()
        if session.is_unattended:
            if session.modified and not session.new:
                with self.house.writing() as conn:
                    sittings.amend(conn, session.secret, dict(session), session.seen)
        elif session.modified:
            self.write(session, now)
            cookie = {"httponly": True, "samesite": "Lax", "secure": asked.is_secure, "path": "/"}
            response.set_cookie(self.name(asked), session.secret, **cookie)  # type: ignore[arg-type]
        elif not session.new and not session.is_unattended and now - session.seen > NOTED_EVERY:
            with self.house.writing() as conn:
                sittings.seen(conn, session.secret, now)

    def write(self, session: Sitting, now: datetime) -> None:
        values = {
            "person_id": session.person,
            "data": dict(session),
            "created": session.created,
            "seen": now,
            "expires": session.created + (ENDS_AFTER if session.person else ENDS_AFTER_NOBODY),
            "peer": (asked.remote_addr or "")[:45],
            "agent": str(asked.user_agent)[:200],
        }
        with self.house.writing() as conn:
            if session.old:
                sittings.end(conn, session.old)
            if session.new or session.old:
                sittings.save(conn, session.secret, values)
            else:
                sittings.keep(conn, session.secret, values)


def is_for_programs(request: Request) -> bool:
    """The API knows no cookies: what a browser sends along by itself opens nothing there."""
    return request.path.startswith("/api/")


def idle(row: dict[str, Any]) -> timedelta:
    return IDLE if row["data"].get("decides") else IDLE_USER
