"""Where things are: the database, the folders, the bodies, and the signs of life of a process."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from gateway.alive import Alive
from gateway.bodies import Bodies, DatabaseBodies, FileBodies
from gateway.evidence import systems
from gateway.evidence.systems import BadSystems
from gateway.settings import Settings
from gateway.settings import file_problems as settings_file_problems
from gateway.store.engine import Database, open_database


def node_name() -> str:
    """What this machine calls itself in the database."""
    return socket.gethostname()[:60]


def database_url(settings: Settings) -> URL:
    """SQLAlchemy's form of [database] url. Raises OSError when the password file cannot be read."""
    url = settings.database.url
    if url.kind == "sqlite":
        return URL.create("sqlite", database=str(url.path))
    password = settings.database.password() or None
    return URL.create("mysql+pymysql", url.user, password, url.host, url.port, url.name, {"charset": "utf8mb4"})


def make_folders(settings: Settings) -> None:
    """The storage folder and those below it, readable by us alone."""
    for folder in (settings.storage.path, incoming_folder(settings), model_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.database.path is not None:
        settings.database.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def incoming_folder(settings: Settings) -> Path:
    return settings.storage.path / "incoming"


def model_folder(settings: Settings) -> Path:
    """What the classifier learnt on this node."""
    return settings.storage.path / "classifier"


def recipients_file(settings: Settings) -> Path:
    """The recipients that the directory names, as this node keeps them for those who take mail in."""
    return settings.storage.path / "directory.recipients"


def bodies(settings: Settings) -> Bodies:
    if settings.storage.bodies == "database":
        return DatabaseBodies()
    return FileBodies(settings.storage.path / "bodies", settings.storage.reserve)


def verdict_key(settings: Settings) -> bytes:
    """The key that signs our verdict fields; made once, kept in the storage folder. Nodes of one cluster share it."""
    path = settings.storage.path / "verdict.key"
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        pass
    fresh = path.with_name(f".verdict.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(32) + "\n", "ascii")
    try:
        os.link(fresh, path)  # whoever is first wins, and all read the same
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return bytes.fromhex(path.read_text("ascii").strip())


def alive_folder(settings: Settings) -> Path:
    return settings.storage.path / "alive"


def alive(settings: Settings) -> Alive:
    """The sign that this process lives, for its claims."""
    return Alive(alive_folder(settings), node_name())


def opened(settings: Settings) -> Database:
    return open_database(database_url(settings))


def file_problems(settings: Settings, source: str) -> list[str]:
    """The files that settings name and that cannot be used now, with what is wrong in them, a line each."""
    found = settings_file_problems(settings, source)
    if not found:
        try:
            systems.read(settings.hosters.asn_file)
        except BadSystems as error:
            found = [f"{source}: [hosters] asn_file: {problem}" for problem in str(error).splitlines()]
    return found


@contextmanager
def reads(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(reads=True).connect() as conn:
        yield conn
