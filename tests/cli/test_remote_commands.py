"""greygate --api URL: the same commands, through the API of a gateway elsewhere; and greygate token and level."""

import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway import clock, compose
from gateway.cli import COMMANDS, main
from gateway.cli.remote import WORKS
from gateway.cli.remote.client import Api
from gateway.model import Scope
from gateway.settings import read
from gateway.store import decisions
from tests.cli.conftest import Office, Said, run
from tests.cli.test_stats_command import filled
from tests.store.making import BO, CY, MINUTE, STRONG, copied, held, keep, mail, owned_mail
from tests.store.test_records import decided
from tests.webui.api.conftest import served

HELD, COPY = "06c2m5h8k1v3r", "06c2m5h8k1v3s"
ADMIN = ("--role", "admin", "--role", "approver")


@pytest.fixture(autouse=True)
def now() -> Iterator[datetime]:
    """Time stands still: what is told here and there is told at the same moment."""
    moment = clock.now()
    with clock.told_by(lambda: moment):
        yield moment


@pytest.fixture
def full(office: Office, now: datetime) -> Office:
    with office.begin() as conn:
        first = owned_mail(mail(HELD, recipients=(BO, CY), subject="Hello \x1b[2J", received_at=now, rungs=STRONG))
        held(conn, keep(conn, office.bodies, first), now=now)
        copied(conn, keep(conn, office.bodies, mail(COPY, text=b"x", rungs=STRONG), b"x"), now - 4 * MINUTE)
        decisions.add(conn, [decided(HELD)])
    office.configure(web={"listen": "127.0.0.1:8025", "second_factor": "offered"})
    return office


class Elsewhere:
    """The same gateway, served; `run` goes through its API."""

    def __init__(self, office: Office, url: str, token: Path) -> None:
        self.office, self.url, self.token = office, url, token

    def run(self, *words: str, typed: str | None = None) -> Said:
        return run(["--api", self.url, *words], typed)

    def good(self, *words: str) -> str:
        said = self.run(*words)
        assert said.status == 0, said
        return said.out

    def bad(self, *words: str) -> str:
        said = self.run(*words)
        assert said.status in (1, 2), said
        return said.all


@pytest.fixture
def there(full: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    full.good("admin", "invite", "olga", *ADMIN)
    said = full.run("token", "new", "olga", "--name", "a laptop", *(f"--may={one}" for one in Scope))
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(said.out)
    monkeypatch.setenv("GREYGATE_TOKEN_FILE", str(path))
    with served(compose.pages(read(full.config))) as url:
        yield Elsewhere(full, url, path)


# ---- the same output -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("queue", "list"),
        ("queue", "list", "--all", "--most", "5"),
        ("queue", "why", HELD),
        ("queue", "show", "nothing"),
        ("queue", "show", HELD, "--raw"),
        ("queue", "release", "nothing"),
        ("queue", "release", HELD, "--show-trust"),
        ("queue", "refuse", HELD, "--show-block"),
        ("known", "forget", "99"),
        ("expect", "list"),
        ("expect", "close", "7"),
        ("expect", "close", BO),
        ("level", "list"),
        ("level", "show", BO),
        ("level", "show", "example.com"),
        ("level", "show", "x@elsewhere.example"),
        ("level", "choose", BO, "watch-it"),
    ],
)
def test_what_is_looked_at_is_told_as_there(there: Elsewhere, words: tuple[str, ...]) -> None:
    here, remote = there.office.run(*words), there.run(*words)
    if "--raw" in words:
        remote = there.run(*words, "--because", "Asked by Bo")
    spoken = [re.sub(r"Usage: .*|Try .*", "", said.all) for said in (here, remote)]
    assert [sorted(one.strip().splitlines()) for one in spoken[:1]] == [sorted(spoken[1].strip().splitlines())]
    assert here.status == remote.status
    assert here.raw == remote.raw or "--raw" not in words


@pytest.mark.parametrize(
    "words",
    [(), ("--json",), ("--csv",), ("--by", "reason"), ("--by", "sender", "--csv"), ("--since", "90m", "--json"),
     ("--from", "2026-01-01", "--against", "week", "--by", "level"), ("--from", "soon"), ("--csv", "--json")],
)  # fmt: skip
def test_figures_are_told_as_there(there: Elsewhere, words: tuple[str, ...]) -> None:
    filled(there.office, 200)
    here, remote = there.office.run("stats", *words), there.run("stats", *words)
    assert here.status == bool(remote.status) or here.status == 2
    if not here.status:
        assert re.sub(r"[+]00:00|Z(?=\")", "", here.out) == re.sub(r"[+]00:00|Z(?=\")", "", remote.out)


def test_decisions_are_told_as_there_and_by_whom(there: Elsewhere) -> None:
    assert there.good("queue", "release", HELD, BO, "--once") == f"{BO}: released, on its way\n"
    said = there.run("queue", "release", HELD, BO)
    assert (said.status, said.out) == (1, f"{BO}: nothing to decide: it is releasing by olga\n")
    assert there.office.run("queue", "release", HELD, BO).out == said.out
    assert there.good("queue", "undo", HELD) == f"{BO}: it is held again\n"
    assert there.good("queue", "refuse", HELD) == f"{BO}: refused, it will not be delivered\n{CY}: " + (
        "refused, it will not be delivered\n"
    )
    assert there.bad("queue", "release", HELD, "x@example.com")
    with there.office.begin() as conn:
        row = conn.exec_driver_sql("SELECT detail FROM audit WHERE act = 'refused'").scalar()
    assert "a laptop" in str(row)


def test_trusting_puts_an_entry_on_the_lists_that_can_be_taken_off(there: Elsewhere) -> None:
    said = there.good("queue", "release", HELD, BO, "--trust")
    entry = re.search(r"greygate known forget (\d+)", said)
    assert entry is not None
    assert there.good("known", "list").split()[0] == "no."
    assert there.good("known", "list") == there.office.good("known", "list").partition("grade")[0]
    assert there.good("known", "forget", entry[1]) == "Forgot 1 entry.\n"
    assert "numbered from 1" in there.bad("queue", "release", HELD, CY, "--trust", "0")


def test_senders_levels_and_what_is_expected(there: Elsewhere) -> None:
    assert there.good(
        "known", "block", "spam.example", "--for", BO, "--expires", "30d", "--comment", "again"
    ).startswith("1: block domain spam.example. It takes effect within a second.\n")
    assert (
        there.good("known", "allow", "ann@elsewhere.example").splitlines()[1]
        == (there.office.good("known", "allow", "ann@elsewhere.example").splitlines()[1])
    )
    assert "whole days" in there.bad("known", "allow", "a.example", "--expires", "90m")
    assert there.good("level", "choose", BO, "known-only") == f"{BO}: known-only, chosen by olga.\n"
    assert there.good("level", "list") == there.office.good("level", "list")
    assert there.good("level", "choose", BO, "usual").startswith(f"{BO}: greylist, as its domain")
    said = there.good("expect", "open", BO, "--from", "elsewhere.example", "--minutes", "5")
    assert f"{BO} expects mail of elsewhere.example until" in said
    assert f"greygate queue release {HELD} {BO} --once" in said
    assert there.good("expect", "list") == there.office.good("expect", "list")
    assert there.good("expect", "close", BO) == "Ended: 1.\n"
    assert (
        there.good("expect", "open", BO, "--from", "elsewhere.example", "--release").count("released, on its way") == 1
    )


def test_what_works_is_a_command_and_what_does_not_says_so(there: Elsewhere) -> None:
    for path in WORKS:
        assert path.partition(" ")[0] in COMMANDS
    for words in (
        ("up",), ("queue", "peek", HELD), ("queue", "looked", HELD), ("db", "upgrade"), ("status", "--json"),
        ("defaults",),        ("admin", "invite", "x", "--role", "admin"), ("known", "export"), ("token", "list"),
    ):  # fmt: skip
        assert "does not work with --api" in there.bad(*words), words
    for words in (
        ("queue", "list", "--review"), ("queue", "refuse", HELD, "--siblings"), ("known", "forget", "spam.example"),
        ("known", "allow", "a.example", "--signer"),
    ):  # fmt: skip
        assert "does not work with --api" in there.bad(*words), words
    assert "Usage" in there.good("queue", "release", "--help")


# ---- what can be wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://gate.example.com", "ftp://127.0.0.1", "gate.example.com", "https://", "https://u:p@gate.example.com",
     "http://127.0.0.1.evil.example", "http://[::2]", "http://localhost.evil.example", "http://127.0.0.1:99999", "http://["],
)  # fmt: skip
def test_a_token_goes_nowhere_where_others_could_read_it(there: Elsewhere, url: str) -> None:
    said = run(["--api", url, "queue", "list"])
    assert said.status == 2
    assert "--api" in said.err


def test_a_token_that_others_can_read_is_not_sent(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    there.token.chmod(0o640)
    assert f"chmod 600 {there.token}" in there.bad("queue", "list")
    there.token.chmod(0o600)
    there.token.write_text("something else")
    assert "there is no token in" in there.bad("queue", "list")
    monkeypatch.setenv("GREYGATE_TOKEN_FILE", str(there.token.parent / "none"))
    assert "cannot be read" in there.bad("queue", "list")


def test_a_revoked_token_is_told_so(there: Elsewhere) -> None:
    there.office.good("token", "revoke", "1")
    said = there.run("queue", "list")
    assert (said.status, said.err) == (1, f"Error: {there.url} says: That token is worth nothing\n")


def test_nobody_answers(there: Elsewhere) -> None:
    said = run(["--api", "http://127.0.0.1:9", "queue", "list"])
    assert (said.status, "cannot be reached" in said.err) == (1, True)


class Lossy(BaseHTTPRequestHandler):
    """Takes a call, and breaks off the first time."""

    keys: list[str | None] = []  # noqa: RUF012  (of all of them)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        if len(self.keys) == 1:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"recipients": [{"recipient": "bo@example.com", "words": "released", "entry": null}]}')

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to tell."""


def listening(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_a_call_that_breaks_on_the_way_is_made_again_with_the_same_key(there: Elsewhere) -> None:
    server = listening(Lossy)
    said = run(["--api", f"http://127.0.0.1:{server.server_port}", "queue", "release", HELD])
    server.shutdown()
    server.server_close()
    assert said.out == f"{BO}: released\n"
    assert len(Lossy.keys) == 2
    assert len(set(Lossy.keys)) == 1


def test_a_gateway_that_does_not_prove_who_it_is_gets_no_token(there: Elsewhere, tmp_path: Path) -> None:
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lossy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = len(Lossy.keys)
    said = run(["--api", f"https://127.0.0.1:{server.server_port}", "queue", "release", HELD])
    server.shutdown()
    server.server_close()
    assert "does not prove who it is" in said.err
    assert len(Lossy.keys) == before


def test_the_token_is_never_a_word_of_the_command_line() -> None:
    assert not [one.name for one in main.params if one.name and "token" in one.name]
    assert Api.__init__.__code__.co_varnames[:2] == ("self", "url")


# ---- greygate token ------------------------------------------------------------------------------------------------


def test_tokens_are_made_listed_and_revoked_at_a_prompt(office: Office) -> None:
    office.good("admin", "invite", "olga")
    said = office.run("token", "new", "olga", "--name", "triage", "--may", "decide", "--days", "7")
    assert re.fullmatch(r"gg_[A-Za-z0-9_-]{43}\n", said.out), "for a file, and nothing beside it"
    assert "It is not told again" in said.err
    line = office.good("token", "list").splitlines()[1]
    assert line.split()[:3] == ["1", "olga", "triage"]
    assert said.out[:8] in line
    assert said.out.strip() not in line
    assert office.good("token", "revoke", "1") == "Token 1 is worth nothing any more.\n"
    assert "no token 1 is in use" in office.bad("token", "revoke", "1")
    assert office.good("token", "list").startswith("There are none")
    assert "revoked" in office.good("token", "list", "olga", "--all")
    for words in (("new", "zoe", "--name", "x"), ("list", "zoe"), ("new", "olga", "--name", " ")):
        office.bad("token", *words)
    for words in (("--days", "367"), ("--days", "0"), ("--may", "everything")):
        assert office.run("token", "new", "olga", "--name", "x", *words).status == 2
