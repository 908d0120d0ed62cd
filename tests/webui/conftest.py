"""The pages on a real database with made-up people and mail, and browsers that sign in to them.

Time stands still until a test moves it. Passwords are hashed cheaply, and mail is read in this process.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import URL, Connection, Engine, event, select
from werkzeug.test import TestResponse

from gateway import clock
from gateway.bodies import FileBodies, Owner
from gateway.compose.rules import draft, expecting, terms
from gateway.compose.web import health
from gateway.model import Action, Common, CopyState, Reason, ReasonCode, Role, Rung, RungKind, Source, Tie, Verdict
from gateway.settings import Settings
from gateway.settings.read import from_table
from gateway.store import audit, campaigns, decisions, messages, persons, reviews, sittings
from gateway.store.campaigns import Marks, Sighted
from gateway.store.decisions import Decision
from gateway.store.engine import sync_engine
from gateway.store.keys import digest
from gateway.store.reviews import ListedMail
from sql.tables import copy, delivery
from sql.tables import person as person_table
from tests.store.conftest import copied_sqlite, emptied, empty_sqlite, shared_mariadb
from tests.store.making import ANN, BO, CY, NOW, STRONG, copied, held, keep, mail, owned_mail, recipient
from webui import cleaner, passwords, preview
from webui.app import create_app
from webui.house import House
from webui.sessions import DatabaseSessions

__all__ = ["empty_sqlite", "shared_mariadb"]

DEE = "dee@other.example"
PASSWORD = "three blue bicycles"
SIGNED = Rung(RungKind.DKIM, "elsewhere.example")
LETTER = (
    b"From: <ann@elsewhere.example>\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>A few words</p>\r\n"
    b'--x\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="a.csv"\r\n\r\n1,2\r\n--x--\r\n'
)

# Held for Bo and Cy, for Bo, for Dee; its sender has it still, for Bo and for Dee.
BOTH, BOS, DEES, LENT, LENT_DEE = ("0000000000011", "0000000000012", "0000000000013", "0000000000014", "0000000000015")

# Name: roles and addresses.
PEOPLE: dict[str, tuple[set[tuple[Role, str]], set[str]]] = {
    "bo": (set(), {BO}),
    "cy": (set(), {CY}),
    "nobody": (set(), set()),
    "approver": ({(Role.APPROVER, "example.com")}, set()),
    "stranger": ({(Role.APPROVER, "other.example")}, set()),  # decides for another domain
    "chief": ({(Role.APPROVER, "")}, set()),
    "auditor": ({(Role.AUDITOR, "")}, set()),
    "lists": ({(Role.LISTS, "")}, set()),
    "local": ({(Role.ADMIN, "example.com")}, set()),  # runs a domain, not the house
    "admin": ({(Role.ADMIN, "")}, set()),
}


def settings(database: str, folder: Path, /, **web: Any) -> Settings:
    return from_table(
        {
            "domains": {"local": ["example.com", "other.example"]},
            "backend": {"url": "smtp://127.0.0.1:25"},
            "database": {"url": database},
            "storage": {"path": f"{folder}/storage", "reserve": "1MiB"},
            "dns": {"servers": ["127.0.0.1:9"], "timeout": "50ms"},  # nobody is asked anything
            "web": web,
        },
        folder,
    )


@dataclass
class Browser:
    """Somebody's: it sends what browsers send with a form of ours. `peer` is where it is."""

    office: "Office"
    client: FlaskClient
    peer: str = "127.0.0.1"
    secure: bool = False
    host: str = "localhost"

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}"

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        return self.client.open(
            path,
            method=method,
            base_url=self.origin,
            headers=headers or {},
            environ_overrides={"REMOTE_ADDR": self.peer},
            **more,
        )

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return self.ask("GET", path, headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        said = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", **(headers or {})}
        return self.ask("POST", path, said, data={"csrf": self.token, **form})

    @property
    def secret(self) -> str:
        """What the cookie holds."""
        found = self.client.get_cookie("__Host-greygate" if self.secure else "greygate", self.host)
        return found.value if found else ""

    @secret.setter
    def secret(self, value: str) -> None:
        self.client.set_cookie("__Host-greygate" if self.secure else "greygate", value, domain=self.host)

    @property
    def held(self) -> dict[str, Any]:
        """What is known of it."""
        if not self.secret:
            return {}
        with self.office.house.reading() as conn:
            row = sittings.load(conn, self.secret, clock.now())
        return dict(row["data"]) if row else {}

    @property
    def token(self) -> str:
        return str(self.held.get("csrf", ""))

    def sign_in(self, name: str, password: str = PASSWORD, then: str = "") -> TestResponse:
        return self.post("/sign-in", name=name, password=password, then=then)

    @property
    def is_in(self) -> bool:
        return self.get("/find").status_code == 200


@dataclass
class Office:
    """The pages, and what is behind them."""

    app: Flask
    house: House
    now: datetime = NOW
    made: list[Browser] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        return self.house.engine

    def later(self, by: timedelta) -> None:
        self.now += by

    def browser(self, **more: Any) -> Browser:
        return Browser(self, self.app.test_client(), **more)

    def as_(self, name: str, **more: Any) -> Browser:
        """A browser in which somebody is signed in, and a page was loaded."""
        made = self.browser(**more)
        said = made.sign_in(name)
        assert said.status_code == 302, said.text
        assert made.get("/find").status_code == 200
        return made

    def begin(self) -> Any:
        return self.engine.begin()

    def states(self, number: str) -> dict[str, str]:
        """How a mail stands for each recipient."""
        with self.house.reading() as conn:
            rows = [*conn.execute(select(copy.c.recipient, copy.c.state).where(copy.c.message == number))]
            rows += conn.execute(select(delivery.c.recipient, delivery.c.state).where(delivery.c.message == number))
        return {to: str(state) for to, state in rows}

    def record(self, *acts: str) -> list[dict[str, Any]]:
        """What is in the audit, the oldest first; of these acts if some are named."""
        with self.house.reading() as conn:
            rows = audit.latest(conn, 1000)[::-1]
            assert audit.verify(conn)[1] == []
        return [row | {"detail": json.loads(row["detail"])} for row in rows if not acts or row["act"] in acts]

    def number(self, name: str) -> int:
        with self.house.reading() as conn:
            return int(conn.execute(select(person_table.c.id).where(person_table.c.name == name)).scalar_one())

    def change(self, name: str, **values: Any) -> None:
        number = self.number(name)
        with self.begin() as conn:
            persons.change(conn, number, **values)


def fill(conn: Connection, bodies: FileBodies) -> None:
    stored = passwords.hashed(PASSWORD, "")
    for name, (roles, addresses) in PEOPLE.items():
        number = persons.add(conn, name, "test", NOW)
        persons.change(conn, number, password=stored)
        persons.give_roles(conn, number, roles)
        for one in addresses:
            persons.give_address(conn, number, one, Tie.OWN, "test", NOW)
    rungs = STRONG | {SIGNED}
    for mail_id, recipients in ((BOTH, (BO, CY)), (BOS, (BO,)), (DEES, (DEE,))):
        text = LETTER + mail_id.encode()
        held(conn, keep(conn, bodies, owned_mail(mail(mail_id, recipients=recipients, text=text, rungs=rungs)), text))
    for mail_id, to in ((LENT, BO), (LENT_DEE, DEE)):
        text = LETTER + mail_id.encode()
        copied(conn, keep(conn, bodies, mail(mail_id, recipients=(to,), text=text, rungs=rungs), text))


def share(office: Office, *numbers: str, link: str = "landing.test") -> str:
    """Let these mails have a link in common, each from a stranger of its own; the name of the campaign."""
    key = digest(Common.LINK, link)
    with office.begin() as conn:
        for place, number in enumerate(numbers, 1):
            row = messages.load(conn, number)
            assert row is not None
            source = Source(f"192.0.{place}.0/24", f"host{place}.test", f"bot{place}.test", office.now)
            campaigns.saw(conn, [Sighted(Marks(links=(link,)), row["whole"], source, f"reply {number}")])
    return key.hex()


def listed(office: Office, number: str, to: str = BO, *, copied: bool = True) -> str:
    """A mail that came in and is listed for a look; without a copy of its own where a campaign was refused later."""
    text = LETTER + number.encode()
    why = ReasonCode.AUDIT_SAMPLED
    owners = [Owner(recipient(to), CopyState.LISTED, why)]
    kept = mail(number, recipients=(to,), text=text, rungs=STRONG | {SIGNED}, owners=owners, received_at=office.now)
    verdict = Verdict(Action.ACCEPT, (Reason(ReasonCode.GREYLIST_PASSED, {"waited": 300}), Reason(why)), review=True)
    facts = {"message": {"fingerprint": {"whole": kept.fingerprint.whole}}}
    with office.begin() as conn:
        if copied:
            office.house.bodies.write(kept, [text], durable=False)
            reviews.add(conn, [ListedMail(kept, "files", [(recipient(to), why)])])
        told = Decision(number, office.now, "data", "192.0.2.25", ANN, to, verdict, facts, "250 OK")
        decisions.add(conn, [told])
    return number


def opened(url: URL, folder: Path, /, **web: Any) -> Office:
    chosen = settings(f"sqlite://{folder}/gate.db", folder, **web)
    engine = sync_engine(url)
    made = House(
        settings=chosen,
        engine=engine,
        bodies=FileBodies(folder / "storage" / "bodies"),
        terms=terms(chosen),
        node="node1",
        expecting=expecting(chosen),
        health=health(chosen, engine),
        rules=draft(chosen),
    )
    if url.get_backend_name() == "sqlite":
        event.listen(made.engine, "connect", in_memory_will_do)
    return Office(app_of(made), made)


APPS: dict[str, Flask] = {}


def app_of(house: House) -> Flask:
    """That of an earlier test with the same settings of the pages, moved into another house: to make one takes long."""
    key = repr(house.settings.web)
    if key not in APPS:
        APPS[key] = create_app(house)
        APPS[key].jinja_env.bytecode_cache = TEMPLATES
    APPS[key].extensions["house"] = house
    APPS[key].session_interface = DatabaseSessions(house)
    return APPS[key]


def in_memory_will_do(connection: Any, record: Any) -> None:
    """That a commit is on the disk is what others test."""
    connection.execute("PRAGMA synchronous=OFF")


class Compiled(BytecodeCache):
    """Templates are compiled once for all the tests; their text is part of the key."""

    def __init__(self) -> None:
        self.made: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key + bucket.checksum in self.made:
            bucket.bytecode_from_string(self.made[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.made[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


TEMPLATES = Compiled()


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> Iterator[None]:
    """Tracebacks in colours take longer than the pages."""
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of a hash, and a process for each mail, are what others test."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)
    monkeypatch.setattr(passwords, "NOBODY", cheap.hash("nobody knows this"))
    monkeypatch.setattr(preview, "run", read_here)


def read_here(data: bytes, *arguments: str) -> bytes:
    if arguments:
        return cleaner.attached(data, int(arguments[0]))
    return json.dumps(cleaner.found_in(data)).encode()


@pytest.fixture(scope="session")
def filled(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and bodies, to be copied."""
    folder = tmp_path_factory.mktemp("office")
    made = sync_engine(copied_sqlite(empty_sqlite, folder))
    with pytest.MonkeyPatch.context() as patch, made.begin() as conn:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        fill(conn, FileBodies(folder / "storage" / "bodies"))
    made.dispose()
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def web() -> dict[str, Any]:
    """What [web] says; tests override it."""
    return {}


def running(office: Office) -> Iterator[Office]:
    with clock.told_by(lambda: office.now):
        yield office
    office.engine.dispose()


@pytest.fixture
def office(folder: Path, web: dict[str, Any]) -> Iterator[Office]:
    yield from running(opened(URL.create("sqlite", database=f"{folder}/gate.db"), folder, **web))


@pytest.fixture
def mariadb_office(shared_mariadb: URL, tmp_path: Path, web: dict[str, Any]) -> Iterator[Office]:
    made = opened(emptied(shared_mariadb), tmp_path, **web)
    with made.begin() as conn:
        fill(conn, FileBodies(tmp_path / "storage" / "bodies"))
    yield from running(made)


@pytest.fixture(params=["sqlite", "mariadb"])
def either(request: pytest.FixtureRequest) -> Office:
    """The same on both databases."""
    made: Office = request.getfixturevalue("office" if request.param == "sqlite" else "mariadb_office")
    return made


LANDING = digest(Common.LINK, "landing.test").hex()  # the key of its campaign
HOLES = {"place": 1, "name": "cy", "secret": "x", "window": 1, "entry": 99, "key": LANDING, "token": "x.y",
         "table": "time"}  # fmt: skip


def path_of(rule: str, **values: Any) -> str:
    """A route with its holes filled."""
    for name, value in (HOLES | values).items():
        rule = rule.replace(f"<{name}>", quote(str(value))).replace(f"<int:{name}>", str(value))
    return rule
