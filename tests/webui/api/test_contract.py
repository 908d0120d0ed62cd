"""Schemathesis on the document: bounded here; for long by `python -m tests.webui.api.contract`."""

import pytest

from gateway.model import Role, Tie
from gateway.store import persons
from tests.store.making import BO
from tests.webui.api import contract
from tests.webui.api.conftest import seed, served, token_for
from tests.webui.conftest import Office
from webui.api import bearer
from webui.api.calls import CALLS
from webui.api.document import path_of

pytestmark = pytest.mark.timeout(900)
CHECKS = {"not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "negative_data_rejection", "positive_data_acceptance", "unsupported_method",
          "ignored_auth", "use_after_free"}  # fmt: skip


def labels() -> set[str]:
    return {f"{one.method} {path_of(one)}" for one in CALLS}


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends wrong tokens by the dozen, and wants to be told so each time."""
    monkeypatch.setattr(bearer, "FREE", 10**9)


def everything(office: Office) -> None:
    """Cy is all that somebody can be."""
    number = office.number("cy")
    with office.begin() as conn:
        persons.give_roles(conn, number, {(role, "") for role in Role})
        persons.give_address(conn, number, BO, Tie.OWN, "test", office.now)


def test_whatever_is_sent_is_answered_as_the_document_says(office: Office) -> None:
    seed(office)
    everything(office)
    phases = {"examples": True, "coverage": True, "fuzzing": False, "stateful": False}
    with served(office.app) as url:
        found = contract.run(url, token_for(office, "cy"), 1, phases)
    assert not found.problems, "\n".join(found.problems)
    assert {name for name, _ in found.checks} >= CHECKS
    # What nobody took off is not put back; tests/webui/api/test_calls.py does both.
    missing = labels() - found.answered - {"POST /api/v1/known/{entry}/restore"}
    assert missing == set(), "these were never answered well, so nothing was checked about them"


@pytest.mark.parametrize("name", ["bo", "approver", "auditor", "admin", "nobody"])
def test_so_it_is_for_everybody(office: Office, name: str) -> None:
    seed(office)
    phases = {"examples": False, "coverage": False, "fuzzing": True, "stateful": False}
    with served(office.app) as url:
        found = contract.run(url, token_for(office, name), 2, phases)
    assert not found.problems, "\n".join(found.problems)
    assert found.calls > len(labels())
