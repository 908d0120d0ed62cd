"""What docs/howto/mariadb.md shows, done as it is shown: with MariaDB's own client and an account that may only ask."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine

from gateway.model import Grade
from tests.conftest import need
from tests.mariadb import MariaDB
from tests.store.making import ANN, BO, CY, DAY, NETWORK, NOW, remember, saw

PAGE = (Path(__file__).parents[2] / "docs/howto/mariadb.md").read_text()
CLIENT = shutil.which("mariadb")
EVER = NOW + 365_000 * DAY

pytestmark = pytest.mark.parametrize("url", ["mariadb"], indirect=True)


def block(language: str, containing: str) -> str:
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if containing in text)
    return str(found)


def run(server: MariaDB, user: str, words: str, database: str = "") -> str:
    account = ["--user=root"] if user == "root" else [f"--user={user}", "--password=another password"]
    done = subprocess.run(
        [str(CLIENT), "--no-defaults", f"--socket={server.folder}/sock", *account, "--batch", "--raw", database],
        input=words.encode(), capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def asked(mariadb_server: MariaDB, url: URL) -> Iterator[Callable[[str], list[list[str]]]]:
    """Runs a statement as the page's other account; its rows."""
    need(CLIENT is not None, "the client of MariaDB (apt-get install mariadb-client)")
    name = str(url.database)
    rights = block("sql", "GRANT EXECUTE").replace("greygate.greygate_at_rcpt", f"`{name}`.greygate_at_rcpt")
    run(mariadb_server, "root", rights)

    def ask(words: str) -> list[list[str]]:
        return [line.split("\t") for line in run(mariadb_server, "exim", words, name).splitlines()[1:]]

    yield ask
    run(mariadb_server, "root", "DROP USER 'exim'@'localhost'")


def test_by_hand(engine: Engine, asked: Callable[[str], list[list[str]]]) -> None:
    words = block("sql", "CALL")
    assert asked(words) == []
    with engine.begin() as conn:
        remember(conn, {NETWORK}, ANN, CY, Grade.KNOWN, "released", NOW, EVER)
        saw(conn, rungs={NETWORK})
    rows = asked(words)
    assert rows[0] == ["1", "grade", CY, '{"grade": 2}']
    assert [row[:3] for row in rows] == [["1", "grade", CY], ["1", "sighting", BO]]


def test_from_exim(engine: Engine, asked: Callable[[str], list[list[str]]]) -> None:
    """The statement as Exim would send it; Exim itself is not run."""
    sender = "o'brien\\\"x@elsewhere.example"
    (call,) = re.findall(r"lookup mysql\{(CALL .*?)\}\}\}\{what=grade", block("exim", "acl_check_rcpt"), re.DOTALL)
    for expansion, value in {
        "${quote_mysql:${lc:$sender_address}}": sender.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
        "${quote_mysql:${lc:$local_part@$domain}}": BO,
        "${quote_mysql:${mask:$sender_host_address/24}}": NETWORK.value,
        "\\\n": "\n",
    }.items():
        assert expansion in call
        call = call.replace(expansion, value)
    assert "$" not in call
    assert asked(call + ";") == []
    with engine.begin() as conn:
        remember(conn, {NETWORK}, sender, BO, Grade.REMEMBERED, "waited", NOW, EVER)
    assert asked(call + ";") == [["1", "grade", BO, '{"grade": 1}']]


def test_who_may_ask_may_not_read(asked: Callable[[str], list[list[str]]]) -> None:
    with pytest.raises(AssertionError, match="denied"):
        asked("SELECT * FROM memory;")
