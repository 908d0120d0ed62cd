"""greygate known suggest: from a real record, and only what is not listed already."""

import json
from datetime import timedelta

import pytest

from gateway import clock
from gateway.model import Action, Grade, ReasonCode, RungKind
from gateway.policy.opinion import verdict
from gateway.store import decisions, hosters
from gateway.store.decisions import Decision
from tests.cli.conftest import Office
from tests.store.making import ANN, BO, DAY, NETWORK, STRONG, held, keep, mail, owned_mail, remember


@pytest.fixture
def sprayed(office: Office) -> Office:
    """25 strangers of 25 domains from one network, two days ago, with a host name each provider's customer has."""
    facts = {"rungs": [[int(RungKind.NETWORK), "198.51.100.0/24"], [int(RungKind.FCRDNS), "rent.example"]]}
    with office.begin() as conn:
        decisions.add(conn, [
            Decision(f"r{number}", clock.now() - timedelta(days=2), "data", "198.51.100.9", f"a@s{number}.example", BO,
                     verdict(Action.DEFER, ReasonCode.GREYLIST_NEW), {**facts, "grade": "stranger"})
            for number in range(25)
        ])  # fmt: skip
    return office


def told(office: Office, *words: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in json.loads(office.good("known", "suggest", "--json", *words)):
        found.setdefault(one["about"], []).append(one["value"])
    return found


def test_nothing_on_record_suggests_nothing(office: Office) -> None:
    assert office.good("known", "suggest") == "Nothing on record suggests an entry.\n"
    assert told(office) == {}


def test_places_and_shared_identities_are_found_in_the_decisions(sprayed: Office) -> None:
    assert told(sprayed) == {"hoster": ["198.51.100.0/24", "rent.example"], "shared": ["rent.example"]}
    assert told(sprayed, "--strangers", "26", "--sharers", "25") == {}
    assert told(sprayed, "--since", "1d") == {}
    said = sprayed.good("known", "suggest")
    assert "198.51.100.0/24: 25 strangers of 25 domains, none came back" in said
    assert "greygate hosters add rent.example" in said
    with sprayed.engine.connect() as conn:
        assert hosters.entries(conn) == (), "nothing is done by itself"


def test_what_is_listed_or_has_friends_is_not_proposed(sprayed: Office) -> None:
    sprayed.good("hosters", "add", "rent.example")
    assert told(sprayed)["hoster"] == ["198.51.100.0/24"]
    there = frozenset({type(NETWORK)(RungKind.NETWORK, "198.51.100.0/24")})
    with sprayed.begin() as conn:
        remember(conn, there, ANN, BO, Grade.REMEMBERED, "waited", clock.now(), clock.now() + DAY)
    assert "hoster" not in told(sprayed)


def test_who_was_released_often_is_found_until_it_is_listed(office: Office) -> None:
    numbers = [f"000000000000{number}" for number in range(1, 4)]
    with office.begin() as conn:
        for number in numbers:
            text = number.encode()
            held(conn, keep(conn, office.bodies, owned_mail(mail(number, text=text, rungs=STRONG)), text))
    for number in numbers[:2]:
        office.good("queue", "release", number)
    assert told(office) == {}
    office.good("queue", "release", numbers[2])
    assert told(office) == {"allow": [ANN]}
    (line,) = (one for one in office.good("known", "suggest").splitlines() if "greygate known allow" in one)
    office.good(*line.split()[1:])
    assert told(office) == {}
