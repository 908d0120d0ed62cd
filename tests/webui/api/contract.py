"""Schemathesis on the document of the API, as somebody: whatever a program may send, the answer is what the document
says. `python -m tests.webui.api.contract` does so for long, against a real gunicorn.
"""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import schemathesis.specs.openapi.schemas  # now: Python 3.11.2 may fail to read it while other threads run (gh-106905)
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

# What is well-formed and still says nothing that there is: a place in a list, a party, a name, a role.
SAYS_NOTHING = {"checks": {"positive_data_acceptance": {"expected-statuses": [
    "2xx", "401", "403", "404", "409", "412", "400", "422",
]}}}  # fmt: skip
MEANT = ("POST /api/v1/known", "POST /api/v1/people", "PATCH /api/v1/people/{name}", "POST /api/v1/expecting",
         "POST /api/v1/mails/{number}/decisions", "POST /api/v1/mails/{number}/undo")  # fmt: skip
LISTS = ("GET /api/v1/accounts", "GET /api/v1/expecting", "GET /api/v1/find", "GET /api/v1/held", "GET /api/v1/known",
         "GET /api/v1/people", "GET /api/v1/statistics", "GET /api/v1/waiting")  # fmt: skip
REFUSALS = {"400", "401", "403", "404", "405", "409", "413", "414", "415", "422"}
STATUSES = {"2xx", "401", "403", "404", "409", "412"}


@dataclass
class Run:
    """What was asked and how it was answered."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    checks: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)  # operations that were answered well at least once
    problems: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(self.statuses.values())


def config(token: str, most: int, phases: Mapping[str, bool], seed: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "headers": {"Authorization": f"Bearer {token}"},
            "request-timeout": 120,
            "suppress-health-check": ["all"],  # how fast a machine makes examples up says nothing about the API
            "generation": {"max-examples": most, "deterministic": seed == 0, "database": "none"},
            "phases": {name: {"enabled": is_on} for name, is_on in phases.items()},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": sorted(STATUSES)},
                "negative_data_rejection": {"expected-statuses": sorted(REFUSALS)},
            },
            "operations": [{"include-name": name, **SAYS_NOTHING} for name in (*MEANT, *LISTS)],
        }
    )


def run(url: str, token: str, most: int, phases: Mapping[str, bool], seed: int = 0) -> Run:
    """Everything that the document allows and much that it does not, sent to a server."""
    chosen = config(token, most, phases, seed)
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", config=chosen)
    found = Run()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            note(found, event)
        elif isinstance(event, events.NonFatalError):
            found.problems.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            found.problems.append(f"it ended: {event.exception}")
    return found


def note(found: Run, event: Any) -> None:
    for number, one in event.recorder.interactions.items():
        case = event.recorder.cases.get(number)
        mode = case.value.meta.generation.mode.value if case is not None and case.value.meta else "none"
        if one.response is None:
            found.problems.append(f"no answer: {one.request.method} {one.request.uri}")
            continue
        found.statuses[mode, one.response.status_code] += 1
        if case is not None and one.response.status_code < 300:
            found.answered.add(case.value.operation.label)
    for checks in event.recorder.checks.values():
        for one in checks:
            found.checks[one.name, str(one.status.value)] += 1
            if one.failure_info is not None:
                told = one.failure_info.failure
                found.problems.append(
                    f"{told.operation}: {told.title}: {told.message[:300]}\n  {one.failure_info.code_sample[:800]}"
                )


# ---- for long ------------------------------------------------------------------------------------------------------

WHOM = ("bo", "approver", "chief", "auditor", "lists", "local", "admin", "nobody")
EVERY_PHASE = {"examples": True, "coverage": True, "fuzzing": True, "stateful": True}


def serve(folder: Path, port: int) -> None:
    """The pages by gunicorn, as the supervisor has them; wrong tokens wait for nothing."""
    from sqlalchemy import URL

    from gateway.settings.addresses import Endpoint
    from tests.webui.api.conftest import EachKeyIsNew
    from tests.webui.conftest import opened
    from webui.api import bearer
    from webui.serve import Server

    bearer.FREE = 10**9

    def made() -> Any:
        return EachKeyIsNew(opened(URL.create("sqlite", database=f"{folder}/gate.db"), folder).app)

    Server(made, Endpoint("127.0.0.1", port), 8, None).run()


def filled(folder: Path) -> dict[str, str]:
    """An office of today, and a token for everybody in it."""
    from sqlalchemy import URL

    from gateway import clock
    from gateway.bodies import FileBodies
    from sql import schema
    from tests.webui.api.conftest import seed, token_for
    from tests.webui.conftest import fill, opened

    office = opened(URL.create("sqlite", database=f"{folder}/gate.db"), folder)
    office.now = clock.now()
    schema.upgrade(office.engine)
    with office.begin() as conn:
        fill(conn, FileBodies(folder / "storage" / "bodies"))
    seed(office)
    return {name: token_for(office, name) for name in WHOM}


def main(most: int, names: Sequence[str] = WHOM) -> int:
    """As each of these, with so many examples for each call; 1 where anything was not as the document says."""
    from tests.gate import free_port

    bad = 0
    for name in names:
        with tempfile.TemporaryDirectory() as made:
            token, port = filled(Path(made))[name], free_port()
            command = [sys.executable, "-m", "tests.webui.api.contract", "--serve", made, str(port)]
            server = subprocess.Popen(command)
            try:
                url = f"http://127.0.0.1:{port}"
                wait_for(url)
                began = time.monotonic()
                found = run(url, token, most, EVERY_PHASE, WHOM.index(name) + 1)
            finally:
                server.terminate()
                server.wait()
        took = time.monotonic() - began
        many = len(found.problems)
        print(f"{name}: {found.calls} calls in {took:.0f} s, {many} problems, {told(found)}", flush=True)
        for one in dict.fromkeys(found.problems):
            print(f"  {one}")
        bad += len(found.problems)
    return 1 if bad else 0


def told(found: Run) -> str:
    by_status: Counter[int] = Counter()
    for (_, status), count in found.statuses.items():
        by_status[status] += count
    return ", ".join(f"{status}: {count}" for status, count in sorted(by_status.items()))


def wait_for(url: str) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2:] or WHOM))
