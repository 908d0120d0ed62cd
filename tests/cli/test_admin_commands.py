"""greygate admin and greygate audit: who may sign in to the pages, and the record of what they did there."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from gateway import clock
from gateway.model import Role
from gateway.store import audit, persons, sittings
from gateway.store.audit import Entry
from sql.tables import audit as audit_table
from tests.cli.conftest import Office

BO = "bo@example.com"


def link_of(said: str) -> str:
    return said.splitlines()[-1]


def secret_of(said: str) -> str:
    return link_of(said).rpartition("/")[2]


def invited(office: Office, said: str, after: timedelta = timedelta(0)) -> str | None:
    """For whom a link is good."""
    with office.engine.connect() as conn:
        number = sittings.invited(conn, secret_of(said), clock.now() + after)
        row = persons.numbered(conn, number) if number is not None else None
    return row["name"] if row else None


def roles(office: Office, name: str) -> set[tuple[Role, str]]:
    with office.engine.connect() as conn:
        row = persons.named(conn, name)
        assert row is not None
        return set(persons.roles_of(conn, row["id"]))


# ---- invite --------------------------------------------------------------------------------------------------------


def test_the_first_is_an_admin_who_decides_too(office: Office) -> None:
    assert "Nobody yet" in office.good("admin", "list")
    said = office.good("admin", "invite")
    assert re.fullmatch(r"http://127\.0\.0\.1:8025/invitation/[\w-]{32}", link_of(said))
    assert invited(office, said) == "admin"
    assert roles(office, "admin") == {(Role.ADMIN, ""), (Role.APPROVER, "")}


def test_a_link_is_good_for_three_days(office: Office) -> None:
    said = office.good("admin", "invite", "olga")
    assert invited(office, said, timedelta(days=3) - timedelta(minutes=1)) == "olga"
    assert invited(office, said, timedelta(days=3)) is None


def test_the_link_leads_where_people_reach_the_pages(office: Office) -> None:
    office.configure(web={"url": "https://gate.example.com/"})
    assert link_of(office.good("admin", "invite")).startswith("https://gate.example.com/invitation/")


def test_somebody_gets_what_is_named_and_nothing_else(office: Office) -> None:
    office.good(
        "admin", "invite", "Olga", "--role", "approver:Example.com", "--role", "auditor", "--address", "Bo@Example.com"
    )
    assert roles(office, "olga") == {(Role.APPROVER, "example.com"), (Role.AUDITOR, "")}
    office.good("admin", "invite", "bo", "--address", BO)
    assert roles(office, "bo") == set()
    head, *lines = office.good("admin", "list").splitlines()
    assert head.split()[:2] == ["name", "state"]
    assert [line.split() for line in lines] == [
        ["bo", "invited", BO],
        ["olga", "invited", "approver:example.com,", "auditor", BO],
    ]


def test_another_invitation_adds_and_takes_nothing(office: Office) -> None:
    first = office.good("admin", "invite", "olga", "--role", "auditor")
    second = office.good("admin", "invite", "olga")
    assert roles(office, "olga") == {(Role.AUDITOR, "")}
    assert (invited(office, first), invited(office, second)) == (None, "olga")
    office.good("admin", "invite", "olga", "--role", "lists")
    assert roles(office, "olga") == {(Role.AUDITOR, ""), (Role.LISTS, "")}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("a b",), "a name is a word or a mail address"),
        (("",), "a name is a word or a mail address"),
        (("a/b",), "a name is a word or a mail address"),
        (("x" * 256,), "a name is a word or a mail address"),
        (("olga", "--role", "god"), "a role is one of"),
        (("olga", "--role", "approver:no domain"), "is no domain"),
        (("olga", "--address", "nobody"), "Invalid value"),
    ],
)
def test_what_cannot_be_is_told(office: Office, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in office.bad("admin", "invite", *words)
    assert "Nobody yet" in office.good("admin", "list")
    assert "Nothing is on record" in office.good("audit", "list")


# ---- list and remove -----------------------------------------------------------------------------------------------


def test_how_each_of_them_signs_in(office: Office) -> None:
    for name in ("dora", "alf", "bert", "cleo"):
        office.good("admin", "invite", name)
    with office.begin() as conn:
        for name, values in (
            ("alf", {"password": "x"}),
            ("bert", {"password": "x", "totp": "y"}),
            ("cleo", {"password": "x", "disabled_at": clock.now()}),
        ):
            row = persons.named(conn, name)
            assert row is not None
            persons.change(conn, row["id"], **values)
    said = office.good("admin", "list")
    for name, state in (
        ("alf", "with a password"),
        ("bert", "with a second factor"),
        ("cleo", "locked out"),
        ("dora", "invited"),
    ):
        assert re.search(rf"^{name} +{state} ", said, re.MULTILINE)


def test_who_is_removed_is_out_everywhere(office: Office) -> None:
    old = office.good("admin", "invite", "olga")
    now = clock.now()
    with office.begin() as conn:
        row = persons.named(conn, "olga")
        assert row is not None
        persons.change(conn, row["id"], password="x", totp="y", recovery=["z"])
        values = {"person_id": row["id"], "data": {}, "created": now, "seen": now, "expires": now + timedelta(hours=1)}
        sittings.save(conn, "secret", values | {"peer": "", "agent": ""})
    assert office.good("admin", "remove", "Olga") == "olga is out; 1 sessions ended.\n"
    with office.engine.connect() as conn:
        assert sittings.load(conn, "secret", now) is None
        row = persons.named(conn, "olga")
    assert row is not None
    assert (row["password"], row["totp"], row["recovery"]) == ("", None, [])
    assert row["disabled_at"] is not None
    assert invited(office, old) is None
    assert "locked out" in office.good("admin", "list")
    assert invited(office, office.good("admin", "invite", "olga")) == "olga"


def test_nobody_is_removed_who_is_not_there(office: Office) -> None:
    assert "nobody is called otto" in office.bad("admin", "remove", "otto")


# ---- audit ---------------------------------------------------------------------------------------------------------


def test_what_is_done_at_the_terminal_is_on_record(office: Office) -> None:
    assert office.good("audit", "verify").startswith("0 rows")
    secret = secret_of(office.good("admin", "invite", "olga", "--address", BO))
    office.good("admin", "invite", "otto")
    office.good("admin", "remove", "olga")
    rows = json.loads(office.good("audit", "list", "--json"))
    assert [(row["act"], row["about"]) for row in rows] == [
        ("locked out", "olga"),
        ("invited", "otto"),
        ("invited", "olga"),
    ]
    assert {row["who"].rpartition("@")[2] for row in rows} == {"cli"}
    assert json.loads(rows[2]["detail"]) == {"roles": [], "addresses": [BO]}
    assert secret not in json.dumps(rows)
    assert office.good("audit", "verify") == "3 rows, each as it was written, and none is missing.\n"


def test_the_record_is_searched(office: Office) -> None:
    now = clock.now()
    with office.begin() as conn:
        for number, who in enumerate(("olga", "otto", "olga")):
            audit.add(conn, "node1", Entry(now, who, "read\x1b[31m", f"mail{number}", "192.0.2.1"))
    said = office.good("audit", "list", "--who", "olga")
    assert "\x1b" not in said
    assert ("mail0" in said, "mail1" in said, "mail2" in said) == (True, False, True)
    assert "mail1" in office.good("audit", "list", "--about", "mail1")
    assert len(json.loads(office.good("audit", "list", "--most", "2", "--json"))) == 2
    assert "Nothing is on record" in office.good("audit", "list", "--who", "nobody")
    office.bad("audit", "list", "--most", "0")


@pytest.mark.parametrize("how", ["changed", "removed", "cut"])
def test_a_record_that_somebody_touched_is_told(office: Office, how: str) -> None:
    with office.begin() as conn:
        for number in range(3):
            audit.add(conn, "node1", Entry(clock.now(), "olga", "read", f"mail{number}"))
        if how == "changed":
            conn.execute(update(audit_table).where(audit_table.c.number == 2).values(who="otto"))
        else:
            conn.execute(delete(audit_table).where(audit_table.c.number == (2 if how == "removed" else 3)))
    said = office.run("audit", "verify")
    assert said.status == 1
    assert f"node1, row {3 if how == 'cut' else 2}: " in said.err
    assert "each as it was written" not in said.all


# ---- addresses -----------------------------------------------------------------------------------------------------


def test_an_address_is_taken_from_whoever_had_it(office: Office) -> None:
    office.good("admin", "invite", "olga", "--address", BO, "--address", "info@example.com")
    assert "does not see the mail of bo@example.com any more" in office.good("admin", "take", "olga", "Bo@example.com")
    (line,) = [one for one in office.good("admin", "list").splitlines() if one.startswith("olga")]
    assert "bo@example.com" not in line
    assert "info@example.com" in line
    assert "not theirs: bo@example.com" in office.bad("admin", "take", "olga", BO)
    assert "nobody is called zoe" in office.bad("admin", "take", "zoe", BO)
    assert office.good("audit", "list").count("address taken") == 1


# ---- substitutes ---------------------------------------------------------------------------------------------------


def test_somebody_stands_in_for_a_time_and_it_is_told_who_does(office: Office) -> None:
    assert "nobody's" in office.good("admin", "who", BO)
    office.good("admin", "invite", "bo", "--address", BO)
    office.good("admin", "invite", "ann", "--address", "ann@example.com")
    last = f"{clock.now() + timedelta(days=7):%Y-%m-%d}"
    assert f"stands in for {BO} until the end of {last}" in office.good("admin", "lend", "ann", BO, "--until", last)
    told = office.good("admin", "who", BO)
    assert re.search(r"bo +own", told)
    assert re.search(r"ann +substitute", told)
    assert "own already" in office.bad("admin", "lend", "bo", BO, "--until", last)
    assert "over before" in office.bad("admin", "lend", "ann", BO, "--from", last, "--until", "2026-01-01")
    assert "nobody is called zoe" in office.bad("admin", "lend", "zoe", BO, "--until", last)
    office.good("admin", "take", "ann", BO)
    assert "ann" not in office.good("admin", "who", BO)


def test_a_second_factor_is_taken_off_for_whoever_lost_it(office: Office) -> None:
    office.good("admin", "invite", "bo", "--address", BO)
    assert "no second factor" in office.bad("admin", "reset-factor", "bo")
    assert "nobody is called zoe" in office.bad("admin", "reset-factor", "zoe")
    with office.engine.begin() as conn:
        row = persons.named(conn, "bo")
        assert row is not None
        persons.change(conn, row["id"], totp="SECRET", recovery=["x"])
    assert "password alone" in office.good("admin", "reset-factor", "bo")
    with office.engine.connect() as conn:
        row = persons.named(conn, "bo")
        assert row is not None
        assert (row["totp"], row["recovery"]) == (None, [])
