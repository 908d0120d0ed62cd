"""No page reads a big table from end to end: SQLite tells how it finds what every page asks for.

Every route that only shows is asked by people of different kinds, with searches and places deep in the lists; every
statement is then explained. Whoever adds a page has it asked here, and one with holes needs a line in HOLES.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, event

from sql.tables import metadata
from tests.webui.conftest import BOS, BOTH, LANDING, Office, path_of
from webui.guard import rule_of

SMALL = {
    "account_level", "audit_head", "campaign_learnt", "change_count", "expecting", "failed_sign_in", "hoster",
    "invitation", "listed", "log_position", "person", "person_address", "person_role", "shared_identity", "switch",
    "tally_progress", "web_session",
}  # fmt: skip
BIG = set(metadata.tables) - SMALL
RANGE = re.compile(r"SEARCH (\w+) USING (?:COVERING )?INDEX \w+ \([^=]*[<>]")  # all of a time, and then sorted
SCAN = re.compile(r"SCAN (\w+)")
PLACE = "2026-03-04T00:00:00+00:00~5"
WHO = ("bo", "approver", "chief", "admin")
HOLES = {"number": BOS, "place": "1", "secret": "x", "name": "bo", "account": "bo@example.com", "filename": "icon.svg",
         "key": LANDING, "entry": "1", "table": "time"}  # fmt: skip
IN_THE_BACKGROUND = ("/health/watching",)  # a report of weeks: no page waits for it
NOTHING = "WHERE 0 = 1"  # what nobody's view asks: no row is read
QUERIES = (
    "", "?q=invoice", "?q=from:ann", "?q=from:ann@elsewhere.example", "?q=to:bo@example.com", "?q=to:bo",
    "?q=subject:invoice", "?q=why:content.suspicious", f"?after={PLACE}", f"?q=invoice&after={PLACE}",
    "?q=bo@example.com", "?q=%3Cone@elsewhere.example%3E", f"?q={BOS}", "?who=bo", f"?about={BOS}",
    f"?who=bo&after={PLACE}~node1", "?since=24h&against=week", "?verb=block",
)  # fmt: skip


def paths(app: Flask) -> list[str]:
    found = []
    for rule in app.url_map.iter_rules():
        known = rule_of(app, rule.endpoint)
        if rule.rule in IN_THE_BACKGROUND:
            continue
        if "GET" in (rule.methods or ()) and known is not None and not known.public:
            assert rule.arguments <= set(HOLES), f"{rule.rule}: what is to stand there? See HOLES"
            path = path_of(rule.rule, **{name: HOLES[name] for name in rule.arguments})
            found += [path + query for query in (QUERIES if not rule.arguments else QUERIES[:1] + QUERIES[-1:])]
    return found


@contextmanager
def listened(engine: Engine) -> Iterator[dict[str, Any]]:
    """What is asked meanwhile, each statement once, with the values that it was asked with."""
    said: dict[str, Any] = {}

    def note(conn: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        said.setdefault(statement, values[0] if many else values)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def plan(conn: Connection, statement: str, values: Any) -> list[str]:
    return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


def read_whole(told: list[str], statement: str) -> list[str]:
    """The lines of a plan that read a big table from end to end. One that is read in the order of an index, and sorted
    by nothing else, ends where the page does."""
    ends = " LIMIT " in statement and not any("TEMP B-TREE FOR ORDER BY" in line for line in told)
    found = []
    for line in told:
        scan = SCAN.match(line) or RANGE.match(line)
        if ends and " WHERE " not in statement:  # the latest of it, by number
            continue
        if scan and re.sub(r"_\d+$", "", scan[1]) in BIG and not ("INDEX" in line and ends):
            found.append(line)
    return found


def explained(office: Office, said: dict[str, Any]) -> list[str]:
    with office.house.reading() as conn:
        asked = [(one, values) for one, values in said.items() if one.startswith(("SELECT", "UPDATE", "DELETE"))]
        asked = [(one, values) for one, values in asked if NOTHING not in one]
        assert asked
        return [f"{found} in {one}\n" for one, values in asked for found in read_whole(plan(conn, one, values), one)]


def test_no_page_reads_a_big_table_from_end_to_end(office: Office) -> None:
    browsers = [office.as_(name) for name in WHO]
    with listened(office.engine) as said:
        for path in paths(office.app):
            for one in browsers:
                assert one.get(path).status_code < 500, path
                one.get(path, {"HX-Request": "true"})
    assert len(said) > 30
    found = explained(office, said)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("name", ["bo", "chief"])
def test_no_decision_reads_a_big_table_from_end_to_end(office: Office, name: str) -> None:
    who = office.as_(name)
    with listened(office.engine) as said:
        for number, verb in ((BOS, "refuse"), (BOTH, "trust")):
            assert who.post(f"/mail/{number}/decide", verb=verb, sure="yes").status_code == 302
            assert who.post(f"/mail/{number}/undo").status_code == 302
        assert who.post(f"/mail/{BOTH}/decide", verb="block", sure="yes").status_code == 302
    assert explained(office, said) == []


@pytest.mark.parametrize(
    ("statement", "whole"),
    [
        ("SELECT * FROM decision WHERE message = 'x'", True),
        ("SELECT * FROM copy WHERE recipient LIKE '%x' LIMIT 9", True),
        ("SELECT count(*) FROM delivery", True),
        ("SELECT * FROM decision ORDER BY at DESC LIMIT 9", False),
        ("SELECT * FROM memory ORDER BY last_seen LIMIT 9", True),
        ("SELECT * FROM memory WHERE expires > 'x' ORDER BY last_seen LIMIT 9", True),
        ("SELECT * FROM memory WHERE expires > 'x' ORDER BY expires DESC LIMIT 9", False),
        ("SELECT * FROM decision WHERE reply_id = 'x'", False),
        ("SELECT * FROM person WHERE password <> ''", False),
    ],
)
def test_the_check_sees_what_it_forbids(office: Office, statement: str, whole: bool) -> None:
    with office.house.reading() as conn:
        assert bool(read_whole(plan(conn, statement, ()), statement)) is whole
