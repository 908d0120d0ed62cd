"""greygate bulk: decisions about many mails, as they are typed and read."""

import json
from datetime import datetime

import pytest

from gateway import clock
from gateway.store import audit, deliveries
from tests.cli.conftest import Office
from tests.store.making import held, keep, mail, owned_mail

NUMBERS = [f"06c2m5h8k1v{letter}a" for letter in "abcdefghijkmnpqrstvwxyz"]


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def full(office: Office, now: datetime) -> Office:
    """So many that on a page some would be looked at first, and one of another domain."""
    with office.begin() as conn:
        for number in NUMBERS:
            text = f"Hello {number}".encode()
            held(conn, keep(conn, office.bodies, owned_mail(mail(number, text=text)), text), now=now)
        other = owned_mail(mail("06c2m5h8k1v3z", sender="eve@odd.example", text=b"z"))
        held(conn, keep(conn, office.bodies, other, b"z"), now=now)
    return office


def states(office: Office) -> set[str]:
    with office.begin() as conn:
        return {str(deliveries.of_message(conn, one)[0]["state"]) for one in NUMBERS}


def test_all_of_a_domain_is_refused_after_one_question_and_taken_back(full: Office) -> None:
    said = full.run("bulk", "refuse", "elsewhere.example", typed="n\n")
    assert f"Refuse {len(NUMBERS)} mails to 1 person, from 1 sender?" in said.all
    assert states(full) == {"held"}
    assert f"Refused {len(NUMBERS)} of {len(NUMBERS)}." in full.good("bulk", "refuse", "Elsewhere.example", "--yes")
    assert states(full) == {"refused"}
    assert "no held mail is from elsewhere.example" in full.bad("bulk", "refuse", "elsewhere.example", "--yes")
    latest = json.loads(full.good("bulk", "list", "--json"))[0]
    assert (latest["state"], latest["mails"], latest["reached"]) == ("done", len(NUMBERS), len(NUMBERS))
    assert "taken back" in full.good("bulk", "undo", str(latest["id"]))
    assert "undoing" in full.good("bulk", "list")
    with full.begin() as conn:
        acts = [row["act"] for row in audit.latest(conn, 100)]
    assert acts.count("refused") == len(NUMBERS)
    assert (acts.count("bulk begun"), acts.count("bulk undone")) == (1, 1)


def test_a_release_of_a_domain_leaves_the_others(full: Office) -> None:
    full.good("bulk", "release", "elsewhere.example", "--once", "--yes")
    assert states(full) == {"releasing"}
    with full.begin() as conn:
        assert deliveries.of_message(conn, "06c2m5h8k1v3z")[0]["state"] == "held"


def test_what_cannot_be_is_told(office: Office) -> None:
    assert "Nobody decided" in office.good("bulk", "list")
    for verb in ("stop", "undo"):
        assert "See: greygate bulk list" in office.bad("bulk", verb, "17")
        office.bad("bulk", verb, "0")
    assert "no domain" in office.bad("bulk", "refuse", "not a domain", "--yes")
