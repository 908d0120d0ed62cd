"""Can this node do its work? A short answer in codes, for whoever asks often and may know no more."""

from collections import Counter

from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.settings import Settings
from gateway.vitals import counted
from gateway.vitals.asked import Asked
from gateway.vitals.kept import NoDatabase, Reading
from sql import schema

EVERY = 1.0  # seconds between two looks, however many ask


class Ready:
    """One node's. Codes are public: more may come, none is renamed."""

    def __init__(self, settings: Settings, reading: Reading) -> None:
        self.settings = settings
        self.database = Asked(lambda: trouble_of(reading), EVERY)

    def look(self) -> tuple[str, ...]:
        """What is missing: `database`, `schema`, or the kinds of processes of which there are too few."""
        found = self.database.answer()
        return (*(("database",) if found is None else found), *absent(self.settings))


def trouble_of(reading: Reading) -> tuple[str, ...]:
    try:
        with reading() as conn:
            return () if schema.noted(conn) == schema.newest() else ("schema",)
    except (SQLAlchemyError, NoDatabase):
        return ("database",)


def absent(settings: Settings) -> tuple[str, ...]:
    """Where nothing of them can be read, nobody knows: then only `uncounted`."""
    told = counted.numbers(settings)
    if told is None:
        return ("uncounted",)
    there = Counter(one.name for one in counted.processes(told, clock.now()))
    return tuple(name for name, wanted in counted.expected(settings).items() if there[name] < wanted)
