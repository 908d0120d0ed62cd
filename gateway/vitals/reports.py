"""What observing and a draft of the settings would have changed: reports that read weeks, made in the background."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from gateway import clock, observed, replayed
from gateway.observed import Report
from gateway.replayed import Change, Tally
from gateway.store import decisions
from gateway.store.trouble import database_trouble
from gateway.vitals.asked import Asked
from gateway.vitals.kept import NoDatabase, Reading

SPANS: Mapping[str, timedelta] = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
EVERY = 60.0  # seconds until a report is made anew
REST = 20.0  # times as long as a report took: a page that is open must not keep the database busy
LINES = 10  # of each kind of who
CHANGES = 50


@dataclass(frozen=True, slots=True)
class Made:
    """Both reports on the same time, or why there are none."""

    at: datetime
    since: timedelta
    observed: Report | None = None
    drafted: Tally | None = None
    changes: tuple[Change, ...] = ()  # the first of those that somebody would notice
    trouble: str | None = None


class Reports:
    """`within`: how long whoever asks waits for one that is not there yet, in seconds."""

    def __init__(self, reading: Reading, within: float = 0.1) -> None:
        self.within = within
        self.asked = {name: self.asking(reading, span) for name, span in SPANS.items()}

    def asking(self, reading: Reading, span: timedelta) -> Asked[Made]:
        return Asked(lambda: made(reading, span), EVERY, REST)

    def of(self, name: str) -> Made | None:
        """The last one, while another is being made as well; None while the first is."""
        return self.asked[name].answer(self.within) or self.asked[name].before


def made(reading: Reading, span: timedelta) -> Made:
    now = clock.now()
    try:
        with reading() as conn:
            report = observed.report(conn, now - span, now, LINES)
            tally = Tally()
            seen = replayed.noted(decisions.through(conn, now - span, now, drafted=True), tally)
            first = [one for one in seen if one.is_of_action and sum(tally.changed.values()) <= CHANGES]
            tally.count_same(decisions.many(conn, now - span, now) - tally.read)
    except NoDatabase as error:
        return Made(now, span, trouble=str(error))
    except SQLAlchemyError as error:
        return Made(now, span, trouble=database_trouble(error))
    return Made(now, span, report, tally, tuple(first))
