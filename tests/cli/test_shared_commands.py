"""greygate known shared and known standing, as they are typed and read."""

import json

import pytest

from gateway import clock
from gateway.model import Rung, RungKind
from gateway.policy.standing import Outcome, Party
from gateway.store import changes, identities, standings
from gateway.store.identities import Use
from gateway.store.standings import Happened
from tests.cli.conftest import Office
from tests.store.making import ANN


def test_what_is_said_is_shown_and_told_to_the_workers(office: Office) -> None:
    assert "Nothing was learnt or said" in office.good("known", "shared", "list")
    assert "is shared" in office.good("known", "shared", "add", "Pool.example", "--comment", "hosts [bold]everybody[/]")
    assert "is not shared" in office.good("known", "shared", "remove", "gmail.com")
    told = office.good("known", "shared", "list")
    assert "hosts [bold]everybody[/]" in told
    rows = {row["identity"]: row["shared"] for row in json.loads(office.good("known", "shared", "list", "--json"))}
    assert rows == {"pool.example": True, "gmail.com": False}
    with office.begin() as conn:
        assert sum(changes.counts(conn).values()) == 2
        assert identities.known(conn).has(Rung(RungKind.SPF, "mail.pool.example"))
        assert not identities.known(conn).has(Rung(RungKind.DKIM, "gmail.com"))


def test_what_was_learnt_says_from_how_many_and_what_was_shipped_is_asked_for(office: Office) -> None:
    with office.begin() as conn:
        rung, now = Rung(RungKind.FCRDNS, "pool.example"), clock.now()
        for number in range(21):
            identities.used(conn, [Use(rung, f"d{number}.example", now, "node")])
    (row,) = json.loads(office.good("known", "shared", "list", "--json"))
    assert (row["kind"], row["by"], row["domains"]) == ("fcrdns", "learnt", 21)
    assert "gmail.com" not in office.good("known", "shared", "list")
    assert "gmail.com" in office.good("known", "shared", "list", "--shipped")


@pytest.mark.parametrize("word", ["add", "remove"])
def test_only_domains_are_shared(office: Office, word: str) -> None:
    assert "is no domain" in office.bad("known", "shared", word, "not a domain")


def test_standing_shows_the_number_and_what_made_it(office: Office) -> None:
    assert "nothing is on record" in office.bad("known", "standing", ANN)
    with office.begin() as conn:
        now = clock.now()
        for outcome in (Outcome.RELEASED, *[Outcome.ACCEPTED] * 3):
            standings.note(conn, [Happened(Party.ADDRESS, ANN, outcome, now, "node")])
        standings.note(conn, [Happened(Party.COMBINATION, f"{ANN} by x.example", Outcome.REFUSED, now, "node")])
    told = office.good("known", "standing", ANN.upper())
    assert f"address {ANN}: +0.51 (credit" in told
    assert "released by a person: 1.0 left" in told
    assert f"combination {ANN} by x.example: -0.64 (no credit" in told
    first, _ = json.loads(office.good("known", "standing", ANN, "--json"))
    assert first["parts"] == {"accepted": 0.06, "released": 0.5}
    assert "Forgot 3 entries" in office.good("known", "forget", ANN)
    assert "nothing is on record" in office.bad("known", "standing", ANN)


def test_a_shared_name_has_no_standing(office: Office) -> None:
    with office.begin() as conn:
        standings.note(conn, [Happened(Party.DOMAIN, "gmail.com", Outcome.RELEASED, clock.now(), "node")])
    assert "+0.00 (no credit" in office.good("known", "standing", "gmail.com")
