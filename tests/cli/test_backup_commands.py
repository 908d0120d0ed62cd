"""greygate backup, restore and db reindex, as they are typed."""

import shutil
from pathlib import Path

import pytest

from gateway.bodies import DatabaseBodies
from tests.cli.conftest import Office
from tests.store.making import TEXT, copied, held, keep, mail, owned_mail

HELD, COPY = "0000000000001", "0000000000002"


@pytest.fixture
def full(office: Office) -> Office:
    with office.begin() as conn:
        held(conn, keep(conn, office.bodies, owned_mail(mail(HELD)), durable=True))
        copied(conn, keep(conn, office.bodies, mail(COPY, text=b"x"), b"x"))
    return office


@pytest.fixture
def new(tmp_path: Path) -> Office:
    """Another machine, on which nothing was done yet but to write the settings."""
    (tmp_path / "new").mkdir()
    made = Office(tmp_path / "new")
    made.configure()
    return made


def test_a_backup_is_private_and_restores_on_a_new_machine(full: Office, new: Office) -> None:
    archive = full.folder / "backup.tar.gz"
    told = full.good("backup", str(archive))
    assert told.startswith(f"Wrote {archive}: 4 rows, 2 mails, ")
    assert archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in full.folder.iterdir() if "partial" in path.name] == []
    assert new.good("restore", str(archive)) == "Restored 4 rows and 2 mails.\n"
    assert new.run("queue", "show", HELD, "--raw").raw == TEXT
    assert new.good("queue", "list").splitlines()[1:] == full.good("queue", "list").splitlines()[1:]


def test_a_restore_may_change_where_bodies_are(full: Office, new: Office) -> None:
    full.good("backup", str(full.folder / "backup.tar.gz"))
    storage = {"path": f"{new.folder}/storage", "reserve": "1MiB", "bodies": "database"}
    new.configure(storage=storage)
    new.good("restore", str(full.folder / "backup.tar.gz"))
    assert new.run("queue", "show", HELD, "--raw").raw == TEXT
    assert "kept in database" in new.good("queue", "show", HELD)
    with new.engine.connect() as conn:
        assert len(list(DatabaseBodies().scan(conn))) == 2


def test_a_restore_over_something_is_refused(full: Office) -> None:
    full.good("backup", str(full.folder / "backup.tar.gz"))
    assert "not empty" in full.bad("restore", str(full.folder / "backup.tar.gz"))


def test_a_file_that_is_no_archive_is_told_and_nothing_is_left(full: Office, new: Office) -> None:
    archive = full.folder / "backup.tar.gz"
    full.good("backup", str(archive))
    whole = archive.read_bytes()
    for broken in (b"", b"hello", whole[: len(whole) // 2], whole[:-20]):
        archive.write_bytes(broken)
        told = new.bad("restore", str(archive))
        assert f"{archive}: " in told
        assert told.endswith("; nothing was restored\n")
        assert "Nothing is kept" in new.good("queue", "list")
        assert not [path for path in (new.folder / "storage").rglob("*") if path.is_file()]
    archive.write_bytes(whole)
    new.good("restore", str(archive))


def test_a_backup_that_cannot_be_written_is_told(full: Office) -> None:
    assert "cannot be written: No such file or directory" in full.bad("backup", str(full.folder / "no" / "x.tgz"))


def test_a_restore_from_nowhere_is_told(new: Office) -> None:
    assert "does not exist" in new.bad("restore", str(new.folder / "missing.tar.gz"))


def test_after_the_loss_of_the_database_the_mail_is_found_again(full: Office, upgraded: Path) -> None:
    shutil.copy(upgraded, full.folder / "gate.db")
    assert full.good("queue", "list") == "Nothing is kept.\n"
    assert full.good("db", "reindex") == "2 bodies, 2 of them had no row and have one now.\n"
    assert full.good("db", "reindex") == "2 bodies, 0 of them had no row and have one now.\n"
    told = full.good("queue", "list")
    assert HELD in told
    assert COPY in told
