"""kill -9 under load: nothing that was answered 250 is lost, and nothing is doubled but what nobody could know."""

from pathlib import Path

import pytest

from tests.failures.accounting import FEWEST_KILLS, SHARES, Account, account
from tests.mariadb import MariaDB

SECONDS = 8.0


def assert_kept_promises(found: Account) -> None:
    print(found)
    assert not found.wrong, f"{found.wrong}\n{found}"
    assert found.kills >= FEWEST_KILLS, f"a run without kills proves nothing: {found}"
    assert set(found.answered) == set(SHARES), f"every kind of mail was to be seen: {found}"


@pytest.mark.parametrize("victim", ["smtpd", "courier", "sweep", "supervisor"])
def test_killing_a_process_again_and_again_loses_no_mail(victim: str, tmp_path: Path) -> None:
    assert_kept_promises(account(tmp_path, victim, SECONDS))


@pytest.mark.parametrize("victim", ["smtpd", "courier"])
def test_killing_a_process_on_mariadb_loses_no_mail(victim: str, tmp_path: Path, mariadb_server: MariaDB) -> None:
    assert_kept_promises(account(tmp_path, victim, SECONDS, database=mariadb_server.fresh()))
