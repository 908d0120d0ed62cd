"""The pages, put together."""

from functools import partial
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from sqlalchemy import Connection, Engine

from classifier.stored import BadModel
from gateway.compose.jobs import teacher, unless_in_doubt
from gateway.compose.places import bodies, database_url, node_name, reads
from gateway.compose.rules import draft, expecting, terms
from gateway.model import Label
from gateway.settings import Settings
from gateway.signin.doors import doors
from gateway.store.engine import sync_engine
from gateway.teaching import Teacher
from gateway.vitals import Health, Ready, Reports, Watcher
from webui.app import create_app
from webui.house import Doubt, House

log = structlog.get_logger()


COUNTED = 999  # mails of a state: nobody reads a larger number
PATIENCE = 0.5  # seconds that a page waits for what others answer; the next look has it


def pages(settings: Settings, file: Path | None = None) -> Flask:
    """The application. Raises OSError where the password of the database cannot be read."""
    made = teacher(settings)
    engine = sync_engine(database_url(settings))
    return create_app(
        House(
            settings=settings,
            engine=engine,
            bodies=bodies(settings),
            terms=terms(settings),
            node=node_name(),
            expecting=expecting(settings),
            rules=draft(settings),
            teach=made.teach,
            teach_surely=unless_in_doubt(made),
            doubt=doubt_of(made),
            health=health(settings, engine, file),
            doors=doors(settings),
        )
    )


def health(settings: Settings, engine: Engine, file: Path | None = None) -> Health:
    reading = partial(reads, engine)
    watcher = Watcher(settings, reading, most=COUNTED, patience=PATIENCE)
    return Health(watcher, Reports(reading), file, Ready(settings, reading))


def doubt_of(made: Teacher) -> Doubt:
    def doubt(conn: Connection, row: dict[str, Any], label: Label) -> float | None:
        try:
            found = made.doubt(conn, row, label)
        except (BadModel, OSError) as error:
            log.warning("what the classifier learnt cannot be read", error=str(error))
            return None
        return None if found is None else found.p

    return doubt
