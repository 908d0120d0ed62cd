"""People from a file: all errors at once, a look before, the same twice, and out as in."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import roster
from gateway.cli import main
from gateway.desk import Person
from gateway.model import Level, Role, Tie
from gateway.roster import BadRoster, Change
from gateway.store import levels, persons
from tests.gate import write_settings
from tests.store.making import BO
from tests.webui.conftest import Office

BY = Person("somebody", "node1")
LOCAL = ("example.com", "other.example")
FILE = """name,addresses,roles,level,substitutes
zoe@example.com,zoe@example.com; Info@Example.com,approver:example.com auditor,info@example.com=off,bo:2026-12-31
bo,bo@example.com,,greylist,
new,,lists,,
"""


def rows(text: str) -> list[roster.Row]:
    found, problems = roster.read(io.StringIO(text), LOCAL)
    assert problems == []
    return found


def problems(text: str) -> list[str]:
    return roster.read(io.StringIO(text), LOCAL)[1]


def brought(office: Office, text: str) -> list[Change]:
    with office.begin() as conn:
        return roster.imported(conn, rows(text), BY, office.now)


def out(office: Office) -> str:
    file = io.StringIO()
    with office.house.reading() as conn:
        roster.write(conn, file, office.now)
    return file.getvalue()


def test_people_are_made_what_the_file_says(either: Office) -> None:
    done = brought(either, FILE)
    assert {one.name for one in done} == {"zoe@example.com", "bo", "new"}
    with either.house.reading() as conn:
        row = persons.named(conn, "zoe@example.com")
        assert row is not None
        assert persons.roles_of(conn, row["id"]) == {(Role.APPROVER, "example.com"), (Role.AUDITOR, "")}
        assert [one["address"] for one in persons.addresses_of(conn, row["id"])] == [
            "info@example.com",
            "zoe@example.com",
        ]
        chosen = levels.chosen(conn)
        assert (chosen["info@example.com"], chosen[BO]) == (Level.OFF, Level.GREYLIST)
        assert "zoe@example.com" not in chosen
        found = persons.tie_of(conn, either.number("bo"), "zoe@example.com", either.now)
        assert found is Tie.DELEGATE
    acts = [one["act"] for one in either.record()]
    assert {"made known", "address given", "roles changed", "level chosen", "substitute named"} <= set(acts)
    assert {one["who"] for one in either.record()} == {"somebody"}


def test_the_same_file_twice_changes_nothing(office: Office) -> None:
    brought(office, FILE)
    before = office.record()
    assert brought(office, FILE) == []
    assert office.record() == before


def test_what_goes_out_comes_in_and_changes_nothing(office: Office) -> None:
    brought(office, FILE)
    with office.begin() as conn:
        since = datetime(2026, 8, 1, tzinfo=UTC)
        until = datetime(2026, 9, 1, tzinfo=UTC)
        roster.people.lend(conn, "cy@example.com", "bo", since, until, BY, office.now)
    text = out(office)
    assert "cy@example.com=bo:2026-08-01..2026-08-31" in text
    assert brought(office, text) == []
    assert out(office) == text


def test_a_column_that_is_missing_and_people_who_are_not_named_stay(office: Office) -> None:
    brought(office, FILE)
    before = out(office)
    assert brought(office, "name,roles\nzoe@example.com,auditor approver:example.com\n") == []
    assert brought(office, "name\nzoe@example.com\n") == []
    assert out(office) == before
    done = brought(office, "name,roles,substitutes\nzoe@example.com,,\n")
    assert [one.what for one in done] == ["roles", "substitute", "substitute"]
    assert "zoe@example.com,info@example.com zoe@example.com,,info@example.com=off,\n" in out(office)


BAD = {
    "no columns": ("", "the columns are"),
    "an unknown column": ("name,colour\nzoe,red\n", "colour is none of them"),
    "no name": ("roles\nadmin\n", "name is needed"),
    "twice the same column": ("name,name\nzoe,zoe\n", "the columns are"),
    "a name that is none": ("name\na b\n", "line 2: name: a name is"),
    "twice the same name": ("name\nzoe\nZoe\n", "line 3: zoe has a line already"),
    "an address that is none": ("name,addresses\nzoe,nonsense\n", "line 2: addresses:"),
    "an address elsewhere": ("name,addresses\nzoe,z@elsewhere.example\n", "at no domain of ours"),
    "a role that is none": ("name,roles\nzoe,god\n", "line 2: roles: a role is"),
    "a level that is none": ("name,level\nzoe,strict\n", "line 2: level: strict is no level"),
    "a level of another's address": (
        "name,addresses,level\nzoe,z@example.com,bo@example.com=off\n",
        "none of the addresses",
    ),
    "a substitute without a day": ("name,substitutes\nzoe,bo\n", "such as ben:2026-12-31"),
    "too many fields": ("name\nzoe,1,2\n", "more fields"),
    "nobody": ("name,roles\n", "there is nobody in it"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_wrong_is_told_with_its_line(bad: str) -> None:
    text, says = BAD[bad]
    assert says in "\n".join(problems(text))


def test_all_errors_are_told_at_once() -> None:
    told = problems("name,addresses,roles\na b,x,god\nzoe,zoe@example.com,admin\nyan,y,auditor\n")
    assert [one.partition(":")[0] for one in told] == ["line 2", "line 2", "line 2", "line 4"]


def test_nothing_is_half_done(office: Office) -> None:
    before = out(office)
    text = (
        "name,addresses,substitutes\nzoe,zoe@example.com,nobody-there:2026-12-31\nyan,yan@example.com,yan:2026-12-31\n"
    )
    with pytest.raises(BadRoster) as caught:
        brought(office, text)
    assert caught.value.args[0] == [
        "line 2: nobody is called nobody-there",
        "line 3: yan@example.com is yan's own already.",
    ]
    assert out(office) == before
    assert office.record() == []


def test_nobody_stops_being_the_admin_by_a_file_of_their_own(office: Office) -> None:
    browser = office.as_("admin")
    page = browser.post("/people/file/import", text="name,roles\nadmin,auditor\n", sure="yes")
    assert (page.status_code, "another admin has to say so" in page.text) == (400, True)


# ---- on the page, and at a prompt ----------------------------------------------------------------------------------


def test_on_the_page_it_is_looked_at_first(office: Office) -> None:
    browser = office.as_("admin")
    before, people = office.record(), out(office)
    file = (io.BytesIO(FILE.encode()), "people.csv")
    page = browser.post("/people/file/import", file=file)
    assert "This would change" in page.text
    assert "approver:example.com" in page.text
    assert (office.record(), out(office)) == (before, people)
    assert browser.post("/people/file/import", text=FILE, sure="yes").location == "/people"
    assert "zoe@example.com" in out(office)
    assert {one["who"] for one in office.record("made known")} == {"admin"}
    assert "Nothing would change" in browser.post("/people/file/import", text=FILE).text
    said = browser.get("/people/file/export")
    assert said.text == out(office)
    assert said.headers["Content-Disposition"].startswith("attachment")
    bad = browser.post("/people/file/import", text="name\na b\n")
    assert (bad.status_code, "line 2" in bad.text) == (400, True)


def run(folder: Path, *words: str, text: str = "") -> Result:
    config, file = folder / "greygate.toml", folder / "people.csv"
    sections: dict[str, dict[str, Any]] = {
        "domains": {"local": list(LOCAL)},
        "backend": {"url": "smtp://127.0.0.1:25"},
        "database": {"url": f"sqlite://{folder}/gate.db"},
        "storage": {"path": f"{folder}/storage"},
    }
    write_settings(config, sections)
    if text:
        file.write_text(text)
    return CliRunner().invoke(main, ["person", *words, "--config", str(config)])


def test_at_a_prompt(office: Office, tmp_path: Path) -> None:
    file = str(tmp_path / "people.csv")
    tried = run(tmp_path, "import", file, "--dry-run", text=FILE)
    assert (tried.exit_code, "Nothing was changed." in tried.output) == (0, True), tried.output
    assert "+approver:example.com" in tried.output
    assert office.record() == []
    done = run(tmp_path, "import", file, "--invite")
    assert "Changed 3 people." in done.output
    assert done.output.count("/invitation/") == 2
    again = run(tmp_path, "import", file)
    assert "Nothing was changed." in again.output
    assert run(tmp_path, "table", str(tmp_path / "out.csv")).exit_code == 0
    assert (tmp_path / "out.csv").read_text() == out(office)
    bad = run(tmp_path, "import", file, text="name,roles\na b,god\n")
    assert (bad.exit_code, bad.output.count("line 2")) == (1, 2)
