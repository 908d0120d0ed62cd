"""People and recipients as the directory has them: a real OpenLDAP whose people come and go."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import people
from gateway.cli import main
from gateway.desk import Person
from gateway.evidence.recipients import Listed
from gateway.model import Role, Tie
from gateway.policy.address import parse_address
from gateway.signin.roll import Plan, TooMany
from gateway.signin.rounds import Rounds
from gateway.store import directories, links, persons
from tests.conftest import need
from tests.gate import Gate, free_port, running, until, write_settings
from tests.peers.slapd import Slapd, group, is_installed, person
from tests.sink import Sink
from tests.store.making import BO, DAY, HOUR, MINUTE
from tests.talk import Talk
from tests.webui.conftest import Office
from tests.webui.doors import opened_by
from tests.webui.test_directory import said

BY = Person("directory", "node1")
FIRST = (
    person("bo", BO, "bo.alias@example.com"),
    person("zoe", "zoe@example.com", more=["proxyAddresses: smtp:z@other.example", "proxyAddresses: SIP:zoe@x.y"]),
    person("far", "far@elsewhere.example"),
    *(person(f"p{number}", f"p{number}@example.com") for number in range(8)),
    group("approvers", "zoe", mail="approvers@example.com"),
    group("auditors", "bo"),
)
ROLES = {"approvers": "approver:example.com", "auditors": "auditor"}


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    need(is_installed(), "OpenLDAP (apt-get install slapd)")
    made = Slapd(FIRST).start()
    yield made
    made.remove()


@pytest.fixture
def there(slapd: Slapd) -> Iterator[Slapd]:
    """With everybody in it, before and afterwards."""
    yield slapd
    slapd.refill(*FIRST)


@pytest.fixture
def kept(office: Office, tmp_path: Path, slapd: Slapd) -> Office:
    return opened_by(office, tmp_path, directory=said(slapd, tmp_path, sync="both", roles=ROLES))


def rounds(office: Office, **more: Any) -> Rounds:
    settings = office.house.settings
    file = settings.storage.path / "directory.recipients"
    file.parent.mkdir(exist_ok=True)
    chosen = settings.directory.model_copy(update=more)
    return Rounds(chosen, frozenset(settings.domains.local), office.engine, file, BY)


def read(office: Office, **more: Any) -> Plan:
    return rounds(office).done(office.now, **more)


def addresses(office: Office, name: str) -> set[str]:
    with office.house.reading() as conn:
        row = persons.named(conn, name)
        assert row is not None, name
        return {one["address"] for one in persons.addresses_of(conn, row["id"])}


def roles(office: Office, name: str) -> frozenset[tuple[Role, str]]:
    with office.house.reading() as conn:
        return persons.roles_of(conn, office.number(name))


def is_out(office: Office, name: str) -> bool:
    with office.house.reading() as conn:
        row = persons.named(conn, name)
        assert row is not None
        return row["disabled_at"] is not None


def without(*uids: str) -> tuple[str, ...]:
    return tuple(one for one in FIRST if not any(f"uid={uid}," in one.splitlines()[0] for uid in uids))


# ---- people --------------------------------------------------------------------------------------------------------


def test_people_come_with_their_addresses_and_roles(kept: Office) -> None:
    plan = read(kept)
    assert len(plan.come) == 9
    assert [name for _, name in plan.bound] == ["bo"]
    assert addresses(kept, "zoe@example.com") == {"zoe@example.com", "z@other.example"}
    assert addresses(kept, "bo") == {BO, "bo.alias@example.com"}
    assert roles(kept, "zoe@example.com") == {(Role.APPROVER, "example.com")}
    assert roles(kept, "bo") == {(Role.AUDITOR, "")}
    with kept.house.reading() as conn:
        assert persons.named(conn, "far@elsewhere.example") is None
    assert {one["who"] for one in kept.record("made known")} == {"directory"}
    assert kept.browser().sign_in("zoe", "secret of zoe").status_code == 302


def test_a_second_reading_changes_nothing(kept: Office) -> None:
    read(kept)
    before = kept.record()
    plan = read(kept)
    assert plan.lines() == []
    assert kept.record() == before


def test_a_dry_run_changes_nothing_at_all(kept: Office) -> None:
    before = kept.record()
    plan = rounds(kept).planned(kept.now)
    assert ("new", "zoe@example.com", "z@other.example") in plan.lines()
    assert ("recipient", "+approvers@example.com", "") in plan.lines()
    assert kept.record() == before
    with kept.house.reading() as conn:
        assert directories.how_many(conn) == 0
        assert links.of_issuer(conn, "directory") == []


def test_whoever_leaves_is_locked_out_and_nobody_is_deleted(kept: Office, there: Slapd) -> None:
    read(kept)
    browser = kept.browser()
    browser.sign_in("zoe", "secret of zoe")
    there.refill(*without("zoe"))
    plan = read(kept)
    assert [name for _, name in plan.gone] == ["zoe@example.com"]
    assert is_out(kept, "zoe@example.com")
    assert not browser.is_in
    assert addresses(kept, "zoe@example.com") == {"zoe@example.com", "z@other.example"}  # nobody is deleted
    assert read(kept).lines() == []


def test_another_entry_with_the_address_of_somebody_is_not_them(kept: Office, there: Slapd) -> None:
    read(kept)
    there.refill(*without("zoe"), person("zoe2", "zoe@example.com"))
    plan = read(kept)
    assert ("left alone", "zoe@example.com", "zoe@example.com has another entry in the directory now") in plan.lines()
    assert is_out(kept, "zoe@example.com")
    assert kept.browser().sign_in("zoe2", "secret of zoe2").status_code == 403


def test_an_entry_that_comes_back_lets_them_in_again(kept: Office, there: Slapd) -> None:
    read(kept)
    there.refill(*without("zoe"))
    read(kept)
    there.refill(*FIRST)
    plan = read(kept)
    assert [name for _, name in plan.back] == ["zoe@example.com"]
    assert not is_out(kept, "zoe@example.com")
    assert kept.browser().sign_in("zoe", "secret of zoe").status_code == 302
    assert [one["act"] for one in kept.record("let in again")] == ["let in again"]


def test_whoever_a_person_locked_out_stays_out(kept: Office, there: Slapd) -> None:
    read(kept)
    with kept.begin() as conn:
        people.lock_out(conn, "zoe@example.com", Person("admin", "node1"), kept.now)
    there.refill(*without("zoe"))
    read(kept)
    there.refill(*FIRST)
    read(kept)
    assert is_out(kept, "zoe@example.com")


def test_addresses_and_roles_follow_and_what_people_gave_stays(kept: Office, there: Slapd) -> None:
    read(kept)
    with kept.begin() as conn:
        number = kept.number("zoe@example.com")
        persons.give_address(conn, number, "info@example.com", Tie.OWN, "admin", kept.now)
        persons.give_roles(conn, number, persons.roles_of(conn, number) | {(Role.LISTS, "")})
    changed = person("zoe", "zoe@example.com", "new@example.com")
    there.refill(*without("zoe")[:-2], changed, group("approvers", "bo"), group("auditors", "bo"))
    read(kept)
    assert addresses(kept, "zoe@example.com") == {"zoe@example.com", "new@example.com", "info@example.com"}
    assert roles(kept, "zoe@example.com") == {(Role.LISTS, "")}
    assert roles(kept, "bo") == {(Role.AUDITOR, ""), (Role.APPROVER, "example.com")}


def test_an_admin_with_a_password_here_is_left_alone(kept: Office, tmp_path: Path, there: Slapd) -> None:
    with kept.begin() as conn:
        persons.give_roles(conn, kept.number("bo"), {(Role.ADMIN, "")})
    plan = read(kept)
    assert ("left alone", "bo", "an admin with a password of this house") in plan.lines()
    with kept.house.reading() as conn:
        assert links.of_person(conn, kept.number("bo")) == []


# ---- the guard -----------------------------------------------------------------------------------------------------


def test_too_many_are_not_locked_out_at_once_unless_somebody_says_so(kept: Office, there: Slapd) -> None:
    read(kept)
    before = kept.record()
    there.refill(*without("zoe", "p1", "p2"))
    with pytest.raises(TooMany, match="3 of 10 people would be locked out"):
        read(kept)
    there.refill()
    with pytest.raises(TooMany):
        read(kept)
    assert kept.record() == before
    assert not is_out(kept, "zoe@example.com")
    assert len(read(kept, anyway=True).gone) == 10


def test_too_many_recipients_are_not_gone_at_once(kept: Office, tmp_path: Path, there: Slapd) -> None:
    opened_by(kept, tmp_path, directory=said(there, tmp_path, sync="recipients"))
    read(kept)
    there.refill(*without("zoe", "p1"))
    with pytest.raises(TooMany, match="3 of 13 recipients would be gone"):
        read(kept)
    with kept.house.reading() as conn:
        assert "zoe@example.com" in directories.recipients(conn)


# ---- recipients ----------------------------------------------------------------------------------------------------


def exists(file: Path, address: str) -> bool | None:
    return asyncio.run(Listed((), file).exists(parse_address(address)))


def test_those_who_take_mail_in_know_the_recipients(kept: Office, there: Slapd) -> None:
    made = rounds(kept)
    made.keep_list()
    assert exists(made.file, BO) is None  # nobody knows yet: nobody is refused
    read(kept)
    made.keep_list()
    for address in (BO, "bo.alias@example.com", "z@other.example", "approvers@example.com"):
        assert exists(made.file, address) is True, address
    assert exists(made.file, "nobody@example.com") is False
    assert exists(made.file, "far@elsewhere.example") is False
    stamp = made.file.stat()
    made.keep_list()
    assert made.file.stat().st_ino == stamp.st_ino
    there.refill(*without("p1"))
    read(kept)
    made.keep_list()
    assert exists(made.file, "p1@example.com") is False


# ---- when it is read -----------------------------------------------------------------------------------------------


def last(office: Office) -> dict[str, Any]:
    with office.house.reading() as conn:
        found = directories.last(conn, "directory")
    assert found is not None
    return found


def test_the_sweep_of_one_node_reads_it_each_hour(kept: Office) -> None:
    made = rounds(kept)
    made.look()
    assert last(kept)["ended"] == kept.now
    assert exists(made.file, BO) is True
    began = kept.now
    kept.later(59 * MINUTE)
    made.look()
    assert last(kept)["began"] == began
    kept.later(MINUTE)
    made.look()
    assert last(kept)["began"] == kept.now


def test_what_went_wrong_is_told_and_nothing_is_changed(kept: Office) -> None:
    read(kept)
    before, file = kept.record(), rounds(kept)
    file.keep_list()
    kept.later(DAY)
    elsewhere = kept.house.settings.directory.url[0].__class__("ldap", "localhost", free_port())
    rounds(kept, url=(elsewhere,)).look()
    assert "LDAP" in last(kept)["problem"]
    assert last(kept)["ended"] == kept.now - DAY
    assert kept.record() == before
    assert exists(file.file, BO) is True
    kept.later(HOUR)
    rounds(kept).look()
    assert last(kept)["problem"] == ""


# ---- at a prompt ---------------------------------------------------------------------------------------------------


def run(folder: Path, slapd: Slapd, *words: str, **more: Any) -> Result:
    config = folder / "greygate.toml"
    sections = {
        "domains": {"local": ["example.com", "other.example"]},
        "backend": {"url": "smtp://127.0.0.1:25"},
        "database": {"url": f"sqlite://{folder}/gate.db"},
        "storage": {"path": f"{folder}/storage"},
        "directory": said(slapd, folder, **more),
    }
    write_settings(config, sections)
    (folder / "storage").mkdir(exist_ok=True)
    return CliRunner().invoke(main, ["directory", *words, "--config", str(config)])


def test_at_a_prompt_it_is_tried_and_done(office: Office, tmp_path: Path, slapd: Slapd) -> None:
    tried = run(tmp_path, slapd, "sync", "--dry-run", sync="both")
    assert (tried.exit_code, "Nothing was changed." in tried.output) == (0, True), tried.output
    assert "zoe@example.com" in tried.output
    assert office.record() == []
    assert run(tmp_path, slapd, "sync", sync="both").exit_code == 0
    assert addresses(office, "zoe@example.com")
    again = run(tmp_path, slapd, "sync", sync="both")
    assert "All is as the directory has it." in again.output
    assert (tmp_path / "storage" / "directory.recipients").exists()


def test_at_a_prompt_the_guard_says_what_to_do(office: Office, tmp_path: Path, there: Slapd) -> None:
    run(tmp_path, there, "sync", sync="both")
    there.refill(*without("zoe", "p1", "p2"))
    refused = run(tmp_path, there, "sync", sync="both")
    assert (refused.exit_code, "--anyway" in refused.output) == (1, True)
    assert run(tmp_path, there, "sync", "--anyway", sync="both").exit_code == 0
    assert is_out(office, "zoe@example.com")


def test_at_a_prompt_somebody_is_looked_up(office: Office, tmp_path: Path, slapd: Slapd) -> None:
    found = run(tmp_path, slapd, "find", "zoe", roles=ROLES)
    assert "uid=zoe" in found.output
    assert "approvers" in found.output
    assert run(tmp_path, slapd, "find", "*").exit_code == 1
    silent = run(tmp_path, slapd, "find", "zoe", url=f"ldap://127.0.0.1:{free_port()}")
    assert (silent.exit_code, "does not answer" in silent.output) == (1, True)
    assert "sync" in run(tmp_path, slapd, "sync").output


# ---- in a running gate ---------------------------------------------------------------------------------------------


def test_a_gate_refuses_whom_the_directory_does_not_know(slapd: Slapd, tmp_path: Path) -> None:
    chosen = said(slapd, tmp_path, sync="both")
    settings = {"directory": chosen, "recipients": {"verify": "directory"}, "protection": {"level": "off"}}
    with running(Gate(tmp_path, Sink().url, settings)) as gate:
        until(lambda: (tmp_path / "storage" / "directory.recipients").exists())
        with Talk(gate.port) as talk:
            codes = [one.code for one in talk.envelope("ann@elsewhere.example", [BO, "nobody@example.com"])]
        assert codes[-2:] == [250, 550]
        until(lambda: "zoe@example.com" in gate.cli("admin", "list"))
