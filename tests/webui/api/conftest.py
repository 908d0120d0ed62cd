"""The API as programs meet it: tokens, calls, and a server on loopback where one is wanted."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from gateway import entries, tokens
from gateway.desk import Person
from gateway.model import Action, ListKind, ListVerb, Reason, ReasonCode, Scope, Verdict
from gateway.store import decisions, expecting
from gateway.store.decisions import Decision
from gateway.store.lists import NewEntry
from tests.store.making import ANN, BO, STRONG, held, keep, mail, owned_mail
from tests.webui.conftest import LETTER, SIGNED, Office
from webui.api.nouns import MAIL

ALL = tuple(Scope)


def token_for(office: Office, name: str, scopes: Sequence[Scope] = ALL, days: int = 90, called: str = "a test") -> str:
    """What a program of somebody shows."""
    with office.begin() as conn:
        by = Person("root@cli", "node1")
        return tokens.make(conn, name, called, scopes, timedelta(days=days), by, office.now).secret


@dataclass
class Program:
    """It calls with a token, or with none. `peer` is where it is."""

    office: Office
    token: str | None
    peer: str = "127.0.0.1"
    url: str = "http://localhost"
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        said = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        return self.office.app.test_client(use_cookies=False).open(
            f"/api/v1{path}",
            method=method,
            base_url=self.url,
            headers={**said, **self.headers, **(headers or {})},
            environ_overrides={"REMOTE_ADDR": self.peer},
            **more,
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """`body` None: there is none. Names of headers with _ for -."""
        return self.send("POST", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, path, said, **({} if body is None else {"json": body}))


def program(office: Office, name: str, *scopes: Scope, **more: Any) -> Program:
    return Program(office, token_for(office, name, scopes or ALL), **more)


def kind_of(said: TestResponse) -> str:
    """Which problem it is."""
    assert said.content_type == "application/problem+json", said.text
    told = said.get_json()
    assert told["status"] == said.status_code
    place, _, name = told["type"].partition("#")
    assert place == "/api/v1/docs"
    return str(name)


class EachKeyIsNew:
    """Schemathesis sends the same few keys with everything, so the first call would be answered again and again."""

    def __init__(self, app: Any) -> None:
        self.app, self.count = app, itertools.count()
        self.extensions = app.extensions  # gunicorn's worker asks for them

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
        if key and key.isascii() and key.isprintable() and len(key) <= 255:
            environ["HTTP_IDEMPOTENCY_KEY"] = f"{key[:200]}-{next(self.count)}"
        return self.app(environ, start_response)


class Unheard(WSGIRequestHandler):
    def log(self, type: str, message: str, *more: Any) -> None:
        """Thousands of calls are nothing to tell of."""


def seed(office: Office) -> None:
    """What the examples of the document name is there, so that they are answered."""
    text, by = LETTER + b"as in the document", Person("bo", "node1")
    with office.begin() as conn:
        rungs = STRONG | {SIGNED}
        one = owned_mail(mail(MAIL, recipients=(BO,), text=text, rungs=rungs))
        held(conn, keep(conn, office.house.bodies, one, text))
        why = Verdict(Action.HOLD, (Reason(ReasonCode.GREYLIST_NEW, {"waited": 0}),))
        facts = {"message": {"fingerprint": {"whole": one.fingerprint.whole}}}
        told = [Decision(MAIL, office.now, "data", "192.0.2.25", ANN, BO, why, facts, "250 OK", MAIL)]
        decisions.add(conn, told)
        for place in range(1, 9):
            new = NewEntry(ListVerb.ALLOW, ListKind.DOMAIN, f"shop{place}.example", scope=BO, author="bo")
            entries.add(conn, new, by, office.now)
        for domain in ("a.example", "b.example", "c.example", "d.example"):
            expecting.add(conn, BO, domain, office.now, office.now + timedelta(hours=1), "bo")


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of a server with these pages."""
    server = make_server("127.0.0.1", 0, EachKeyIsNew(app), threaded=True, request_handler=Unheard)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def bo(office: Office) -> Program:
    return program(office, "bo")


@pytest.fixture
def admin(office: Office) -> Program:
    return program(office, "admin")
