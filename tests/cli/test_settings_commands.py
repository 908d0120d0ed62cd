"""greygate init, check, defaults; settings that are missing or wrong; and what holds for every command."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway import clock
from gateway.cli import main
from gateway.policy.inbound import DATA_RULES, RCPT_RULES
from gateway.settings.read import from_table
from gateway.store import decisions
from sql import schema
from tests.cli.conftest import Office, run
from tests.store.test_records import decided


def leaves(command: click.Command, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for key in command.list_commands(context):
            one = command.get_command(context, key)
            assert one is not None
            yield from leaves(one, (*name, key))
    else:
        yield name, command


LEAVES = {" ".join(name): (name, command) for name, command in leaves(main)}
# They run on, take minutes, or need one that runs.
SERVERS = {"up", "smtpd", "courier", "pupil", "sweep", "web", "simulate", "submission serve", "try", "demo"}
TAKE_NONE = {"submission password", "classifier evaluate"}
WITHOUT = {"init", "defaults", "demo", "simulate", *TAKE_NONE}  # they ask nothing of a settings file


def sample(command: click.Command, folder: Path) -> list[str]:
    """An argument for each one that is asked for."""
    given = {"party": "192.0.2.0/24", "place": "192.0.2.0/24",
             "number": "0000000000000", "wanted": "ann@elsewhere.example",
             "address": "ann@elsewhere.example", "addresses": "bo@example.com", "domain": "elsewhere.example",
             "folder": str(folder / "new"), "name": "olga", "owner": "olga", "account": "bo@example.com"}  # fmt: skip
    typed = {"integer": "3", "datetime": "2030-01-01"}
    words = ["--comment", "x"] if command.name == "change" else []  # which is refused when there is nothing to change
    for parameter in command.params:
        if isinstance(parameter.type, click.Choice) and parameter.required:
            words.append(str(parameter.type.choices[0]))
        elif isinstance(parameter.type, click.IntRange) and parameter.required:
            words.append(str(parameter.type.min))
        elif isinstance(parameter, click.Argument) and parameter.required:
            words.append(given.get(str(parameter.name), str(folder / "some.file")))
        elif parameter.required:
            words += [parameter.opts[0], typed.get(parameter.type.name, str(folder / "some.file"))]
    return words


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_command_takes_the_settings_file_at_its_end(office: Office, leaf: str) -> None:
    name, command = LEAVES[leaf]
    if leaf in TAKE_NONE:
        return
    if leaf in SERVERS:
        assert any("--config" in parameter.opts for parameter in command.params)
        return
    said = office.run(*name, *sample(command, office.folder), typed="n\n")
    assert "No such option" not in said.all
    assert "Usage:" not in said.err or "does not exist" in said.err or "No such file" in said.err, said


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_command_helps(leaf: str) -> None:
    name, _ = LEAVES[leaf]
    said = run([*name, "--help"])
    assert said.status == 0
    assert said.out.startswith(f"Usage: greygate {leaf}")


@pytest.mark.parametrize("leaf", sorted(set(LEAVES) - WITHOUT))
def test_a_settings_file_that_is_not_there_is_named(office: Office, leaf: str) -> None:
    name, command = LEAVES[leaf]
    (office.folder / "some.file").touch()
    said = office.run(*name, *sample(command, office.folder), config=office.folder / "missing.toml", typed="y\n")
    assert said.status == 1
    assert "missing.toml: cannot be read: No such file" in said.err


def test_without_any_settings_file_the_way_to_the_first_one_is_told(office: Office) -> None:
    office.config.unlink()
    said = run(["queue", "list"])
    assert said.status == 2
    assert "greygate init" in said.err


def test_the_settings_file_is_found_by_the_environment_and_beside_us(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["queue", "list"]).out == "Nothing is kept.\n"
    elsewhere = office.folder / "elsewhere.toml"
    office.config.rename(elsewhere)
    assert run(["queue", "list"]).status == 2
    monkeypatch.setenv("GREYGATE_CONFIG", str(elsewhere))
    assert run(["queue", "list"]).out == "Nothing is kept.\n"


def test_all_errors_of_a_settings_file_are_told_at_once(office: Office) -> None:
    office.config.write_text('[smtp]\nworkrs = 3\n[greylist]\nwait = "soon"\n[domains]\nlocal = []\n')
    for words in (("check",), ("queue", "list"), ("known", "allow", "192.0.2.0/24")):
        told = office.bad(*words)
        for part in ("workrs", "did you mean 'workers'", "soon", "[domains] local"):
            assert part in told
        assert told.count("greygate.toml:") >= 3


def test_the_check_tells_the_timers_and_the_rules_in_their_order(office: Office) -> None:
    told = office.good("check")
    assert f"{office.config} is right." in told
    assert "waits at least 3 minutes" in told
    for rules in (RCPT_RULES, DATA_RULES):
        assert " → ".join(rule.__name__.replace("_", " ") for rule in rules) in told
    assert run(["check", str(office.config)]).out == told


def test_the_check_finds_files_that_are_not_there(office: Office) -> None:
    office.configure(recipients={"verify": "list", "file": "nobody.txt"})
    assert "nobody.txt" in office.bad("check")


def test_the_defaults_are_settings() -> None:
    told = run(["defaults"]).out
    assert from_table(tomllib.loads(told)).domains.local == ("example.com",)
    assert run(["defaults", "--markdown"]).out.startswith("# Settings\n")


def test_the_first_settings_file_is_right_and_an_old_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    assert run(["init", str(folder)]).out == f"Wrote {folder / 'greygate.toml'}.\n"
    assert run(["check", str(folder / "greygate.toml")]).status == 0
    (folder / "greygate.toml").write_text("mine")
    assert "stays as it is" in run(["init", str(folder)]).out
    assert (folder / "greygate.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = run(["init", str(tmp_path / "file" / "below")])
    assert said.status == 1
    assert "cannot be written" in said.err


def test_a_command_line_that_is_no_text_is_told(office: Office) -> None:
    for words in (["queue", "show", "\udcff"], ["known", "allow", "192.0.2.0/24", "--comment", "\udcff"]):
        said = office.run(*words)
        assert (said.status, "not UTF-8" in said.err) == (2, True)


def test_a_database_that_is_not_there_is_not_made_by_looking(office: Office) -> None:
    (office.folder / "gate.db").unlink()
    assert "greygate db upgrade" in office.bad("queue", "list")
    assert not (office.folder / "gate.db").exists()


@pytest.mark.parametrize("broken", [b"", b"no database " * 500])
def test_a_database_that_is_none_is_told(office: Office, broken: bytes) -> None:
    (office.folder / "gate.db").write_bytes(broken)
    told = office.bad("queue", "list")
    assert "db upgrade" in told or "not a database" in told


def test_a_server_that_is_not_there_is_told_without_the_password(office: Office) -> None:
    office.configure(database={"url": "mysql://gate:se%25cret@127.0.0.1:1/gate"})
    for words in (["queue", "list"], ["db", "upgrade"], ["backup", "x.tgz"]):
        told = office.bad(*words)
        assert "Can't connect" in told
        assert "cret" not in told


def test_a_storage_folder_that_cannot_be_used_is_told(office: Office) -> None:
    (office.folder / "storage").rmdir()
    (office.folder / "storage").write_text("in the way")
    assert f"{office.folder}/storage" in office.bad("queue", "show", "0000000000000")
    assert f"{office.folder}/storage" in office.bad("db", "upgrade")


def test_an_upgrade_tells_what_it_did(office: Office) -> None:
    (office.folder / "gate.db").unlink()
    assert office.good("db", "upgrade") == f"Upgraded: empty → {schema.newest()}.\n"
    assert office.good("db", "upgrade") == f"The schema is {schema.newest()} already.\n"


def program(office: Office, *words: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words, "--config", str(office.config)],
        capture_output=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_terminal_that_lacks_a_letter_is_no_error(office: Office) -> None:
    with office.begin() as conn:
        decisions.add(conn, [decided("r1abcdefghjkm", clock.now())])
    done = program(office, "queue", "why", "r1abcdefghjkm", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ann@elsewhere.example \\u2192 bo@example.com" in done.stdout
