"""The script of docs/howto/api.md, as somebody copies it: against a server, with a token of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy import update

from gateway.model import ReasonCode, Scope
from sql.tables import delivery
from tests.house.source import ROOT
from tests.store.making import BO, CY
from tests.webui.api.conftest import seed, served, token_for
from tests.webui.conftest import BOS, BOTH, Office

WITHIN = 120  # seconds; it takes one


def script() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/howto/api.md").read_text("utf-8"), flags=re.DOTALL)
    return str(found)


def test_the_script_refuses_what_it_says_and_leaves_the_rest(office: Office, tmp_path: Path) -> None:
    seed(office)
    with office.begin() as conn:
        of_it = update(delivery).where(delivery.c.message == BOS)
        conn.execute(of_it.values(reason=str(ReasonCode.CAMPAIGN_CONFIRMED)))
    (tmp_path / "token").write_text(token_for(office, "bo", [Scope.READ, Scope.DECIDE]) + "\n")
    program = tmp_path / "triage.py"
    program.write_text(script())
    with served(office.app) as url:
        known = {**os.environ, "GATE": url, "GREYGATE_TOKEN_FILE": str(tmp_path / "token")}
        done = subprocess.run([sys.executable, program], env=known, capture_output=True, text=True, timeout=WITHIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{BOS} refused, it will not be delivered\n"
    assert office.states(BOS) == {BO: "refused"}
    assert office.states(BOTH) == {BO: "held", CY: "held"}


def test_it_is_about_twenty_lines() -> None:
    assert 15 <= len([line for line in script().splitlines() if line.strip()]) <= 25
