"""Polite restarts under load: nothing is lost, nothing is doubled, nobody is turned away and no session is cut.

The same fifty times: `python -m tests.failures.accounting --restart hup --times 50` (and `worker`, and `full`).
"""

from pathlib import Path

import pytest

from tests.failures.accounting import account

TIMES = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("restart", ["hup", "worker", "full"])
def test_restarting_again_and_again_is_noticed_by_nobody(restart: str, tmp_path: Path) -> None:
    found = account(tmp_path, clients=4, restart=restart, times=TIMES)
    print(found)
    assert not found.wrong, f"{found.wrong}\n{found}"
    assert found.restarts == TIMES
    assert (found.turned_away, found.cut, found.unsure) == (0, 0, 0)
    assert found.answered.total() > TIMES, f"a run without load proves nothing: {found}"
