"""Switches for a bad hour: on for a while, off by themselves, and on record; for the command line and the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.marked import N_
from gateway.model import Switch
from gateway.store import audit, changes, decisions

LONGEST = timedelta(days=7)


class BadLife(ValueError):
    """A switch is on for some time, and for at most `LONGEST`."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a switch is, in the words of the office, in English until somebody reads them. `meanwhile` says what
    everybody notices."""

    name: str
    does: str
    stays: str  # what it does not change
    use: str
    meanwhile: str


TOLD: Mapping[Switch, Told] = {
    Switch.BYPASS: Told(
        name=N_("Let everything in"),
        does=N_(
            "Every mail for an address that exists here is delivered at once: strangers do not wait, nothing is held, "
            "and even the mail of blocked senders comes through."
        ),
        stays=N_(
            "Mail for addresses that do not exist, and for domains that are not ours, is still refused. What is held "
            "now stays held. Each mail is marked, so that you can find later what came in."
        ),
        use=N_("Mail must flow, whatever it is."),
        meanwhile=N_("all mail comes in at once, spam too"),
    ),
    Switch.GREYLIST_OFF: Told(
        name=N_("Nobody waits"),
        does=N_("Strangers are not asked to come back: their first mail is delivered at once."),
        stays=N_(
            "What is suspicious is still held, blocked senders are still refused, and whoever asked to see every "
            "stranger's mail first still does."
        ),
        use=N_("Somebody waits for an urgent mail of a stranger."),
        meanwhile=N_("strangers are not asked to wait, so more spam comes in"),
    ),
    Switch.FREEZE_RELEASES: Told(
        name=N_("Stop releases"),
        does=N_("Nothing that was held is delivered: what is released meanwhile waits until the switch is off."),
        stays=N_("All other mail goes on. Nothing is lost, and decisions are kept."),
        use=N_("Somebody released what should not have been released."),
        meanwhile=N_("released mail is not delivered yet"),
    ),
}


def turn_on(conn: Connection, switch: Switch, life: timedelta, by: Person, now: datetime) -> datetime:
    """On in all workers of all nodes within a second; until when. Raises BadLife."""
    if not timedelta(0) < life <= LONGEST:
        raise BadLife
    until = now + life
    changes.turn_on(conn, switch, until, by.name, now)
    noted(conn, switch, by, now, until)
    return until


def turn_off(conn: Connection, switch: Switch, by: Person, now: datetime) -> None:
    """Off in all workers of all nodes within a second."""
    changes.turn_off(conn, switch)
    noted(conn, switch, by, now, None)


def noted(conn: Connection, switch: Switch, by: Person, now: datetime, until: datetime | None) -> None:
    said = "off" if until is None else f"on until {until:%Y-%m-%d %H:%M} UTC"
    decisions.happened(conn, f"switch {switch}", now, who=by.name, said=said)
    act = "switched off" if until is None else "switched on"
    detail = {} if until is None else {"until": until.isoformat()}
    audit.add(conn, by.node, by.entry(now, act, str(switch), detail))
    changes.announce(conn, by.node)
