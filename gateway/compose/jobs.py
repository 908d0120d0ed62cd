"""The work of the other processes."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, Engine

from classifier.learner import Learner
from classifier.model import Model
from classifier.stored import BadModel
from gateway.alive import Alive
from gateway.bulk import Means
from gateway.census import Census
from gateway.clerk import Clerk
from gateway.compose.backends import next_hops
from gateway.compose.places import (
    alive_folder,
    bodies,
    database_url,
    incoming_folder,
    model_folder,
    node_name,
    recipients_file,
    verdict_key,
)
from gateway.compose.rules import terms
from gateway.courier import Courier
from gateway.desk import Person, Teach
from gateway.gauges import House
from gateway.model import Label
from gateway.policy.hold import Keeping as Kept
from gateway.settings import Settings
from gateway.store.engine import Database, sync_engine
from gateway.sweep import Sweep
from gateway.teaching import Teacher

if TYPE_CHECKING:
    from gateway.signin.rounds import Rounds

log = structlog.get_logger()


def courier(settings: Settings, database: Database, alive: Alive) -> Courier:
    return Courier(
        name=alive.token,
        database=database,
        bodies=bodies(settings),
        hops=next_hops(settings, "courier"),
        verdict_key=verdict_key(settings),
        junk_header=settings.hold.junk_header,
        tombstones_for=settings.retention.tombstones,
        incoming=incoming_folder(settings),
    )


def rounds(settings: Settings, engine: Engine, by: Person) -> "Rounds":
    """How the directory is read."""
    from gateway.signin.rounds import Rounds  # loads what only a house with a directory needs

    return Rounds(settings.directory, frozenset(settings.domains.local), engine, recipients_file(settings), by)


def look(settings: Settings) -> Callable[[], None] | None:
    """What the sweep does for the directory; None where there is nothing. Raises OSError as `database_url`."""
    if not settings.directory.is_on or settings.directory.sync == "off":
        return None
    return rounds(settings, sync_engine(database_url(settings)), Person("directory", node_name())).look


def sweep(settings: Settings, database: Database) -> Sweep:
    keeping = Kept(
        held=settings.hold.keep,
        window=settings.greylist.window,
        give_up=settings.greylist.give_up,
        tombstones=settings.retention.tombstones,
        events=settings.retention.events,
        networks=settings.greylist.memory,
        lessons=settings.retention.lessons,
        statistics=settings.retention.statistics,
        listed=settings.audit.keep,
        room=settings.storage.copies,
    )
    return Sweep(
        node=node_name(),
        alive=alive_folder(settings),
        database=database,
        bodies=bodies(settings),
        keeping=keeping,
        sightings_cap=settings.storage.sightings,
        hostname=settings.smtp.name,
        postmaster=f"postmaster@{settings.domains.local[0]}",
        look=look(settings),
        language=settings.web.language,
    )


def census(database: Database) -> Census:
    return Census(database)


def learner(settings: Settings) -> Learner:
    """Raises Busy where another process learns in the same folder."""
    return Learner.open(model_folder(settings))


def teacher(settings: Settings) -> Teacher:
    """Raises BadModel or OSError only when its model is wanted."""
    return Teacher(bodies(settings), cache(partial(Model.open, model_folder(settings))), node_name())


def unless_in_doubt(made: Teacher) -> Teach:
    """Teaches as a person does; where a confident classifier is of another mind nobody is there to be asked again, so
    nothing is learnt."""

    def teach(conn: Connection, row: dict[str, Any], account: str, label: Label, person: str, now: datetime) -> None:
        try:
            if made.doubt(conn, row, label) is None:
                made.teach(conn, row, account, label, person, now)
        except (BadModel, OSError) as error:
            log.warning("what the classifier learnt cannot be read", error=str(error))

    return teach


def means(settings: Settings) -> Means:
    """What decisions about many mails are carried out with."""
    return Means(bodies(settings), terms(settings), node_name(), settings.web.undo, unless_in_doubt(teacher(settings)))


def clerk(settings: Settings) -> Clerk:
    """Raises OSError where the password of the database cannot be read."""
    return Clerk(sync_engine(database_url(settings)), means(settings))


def house(settings: Settings) -> House:
    return House(settings.storage.path, settings.tls.certificate, settings.protection.mode)
