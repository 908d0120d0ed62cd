"""The command line as an admin has it: a settings file, a database with the schema, and what a command prints."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine

from gateway.bodies import FileBodies
from gateway.cli import main
from gateway.store.engine import sync_engine
from sql import schema
from tests.gate import write_settings


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str
    raw: bytes = field(repr=False, default=b"")

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class Office:
    """A Greygate that is not running. `run` is a command line without `greygate` and without --config."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "greygate.toml"

    @property
    def bodies(self) -> FileBodies:
        return FileBodies(self.folder / "storage" / "bodies")

    @property
    def engine(self) -> Engine:
        return sync_engine(f"sqlite:///{self.folder}/gate.db")

    def configure(self, **sections: dict[str, object]) -> None:
        base: dict[str, dict[str, object]] = {
            "smtp": {"listen": ["127.0.0.1:2525"], "hostname": "gate.example.com"},
            "domains": {"local": ["example.com"]},
            "backend": {"url": "smtp://127.0.0.1:2526"},
            "database": {"url": f"sqlite://{self.folder}/gate.db"},
            "storage": {"path": f"{self.folder}/storage", "reserve": "1MiB"},
        }
        write_settings(self.config, base | sections)  # type: ignore[arg-type]

    def begin(self) -> Connection:
        """A transaction as a context manager."""
        return self.engine.begin()  # type: ignore[return-value]

    def run(self, *words: str, typed: str | None = None, config: Path | None = None) -> Said:
        return run([*words, "--config", str(config or self.config)], typed)

    def good(self, *words: str, typed: str | None = None) -> str:
        """What a command prints that must end well."""
        said = self.run(*words, typed=typed)
        assert said.status == 0, said
        return said.out

    def bad(self, *words: str, typed: str | None = None) -> str:
        """What a command complains that must fail, in words and not in a traceback."""
        said = self.run(*words, typed=typed)
        assert said.status in (1, 2), said
        return said.all


def run(words: Sequence[str], typed: str | None = None) -> Said:
    done = CliRunner().invoke(main, list(words), input=typed, prog_name="greygate")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise AssertionError(f"greygate {words!a} ended in a traceback") from done.exception
    assert "Traceback" not in done.output
    return Said(done.exit_code, done.stdout, done.stderr, done.stdout_bytes)


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "empty.db"
    schema.upgrade(sync_engine(f"sqlite:///{path}"))
    return path


@pytest.fixture
def office(tmp_path: Path, upgraded: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("GREYGATE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    made = Office(tmp_path)
    made.configure()
    shutil.copy(upgraded, tmp_path / "gate.db")
    (tmp_path / "storage").mkdir(mode=0o700)
    return made
