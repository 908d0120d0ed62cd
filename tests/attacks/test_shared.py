"""Many unrelated people behind one name: they may come back as anybody, and nobody rides on another's standing."""

import json
import time
from collections.abc import Callable

from tests.attacks.conftest import Town
from tests.gate import rest
from tests.talk import Answer, message

HOME, POOL, ELSEWHERE = "127.0.1.1", "127.0.2.1", "127.0.3.1"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BO, CY, DY = "bo@example.com", "cy@example.com", "dy@example.com"

Start = Callable[..., Town]


def comes_back(town: Town, sender: str, mail: bytes, to: str, source: str = HOME) -> Answer:
    """A stranger's mail waits, comes back and is let in."""
    first = town.send(sender, mail, source, to)
    assert (first.code, town.why(first)) == (451, "greylist.new")
    rest(1.1)
    answer = town.send(sender, mail, source, to)
    assert (answer.code, town.why(answer)) == (250, "greylist.passed")
    rest(0.5)  # until it is written down
    return answer


def test_who_waited_for_two_of_us_is_no_stranger_to_the_third(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    comes_back(here, "ann@partner.example", partner.mail("To Bo"), BO)
    early = here.send("al@partner.example", partner.mail("Too early", local="al", to=DY), ELSEWHERE, DY)
    assert here.why(early) == "greylist.new"
    comes_back(here, "ann@partner.example", partner.mail("To Cy", to=CY), CY)
    third = here.send("al@partner.example", partner.mail("To Dy", local="al", to=DY), ELSEWHERE, DY)
    assert (third.code, here.why(third)) == (250, "party.remembered")
    forged = here.send("al@partner.example", message("No signature", sender="al@partner.example"), POOL, DY)
    assert here.why(forged) == "greylist.new"


def test_behind_a_shared_name_each_waits_for_himself(town: Start) -> None:
    here = town()
    freemail = here.organisation("freemail.example")
    here.gate.cli("known", "shared", "add", "freemail.example", "--comment", "anybody may have an address there")
    rest(1.2)
    comes_back(here, "ann@freemail.example", freemail.mail("To Bo"), BO)
    comes_back(here, "ann@freemail.example", freemail.mail("To Cy", to=CY), CY)
    rider = here.send("eve@freemail.example", freemail.mail("To Dy", local="eve", to=DY), ELSEWHERE, DY)
    assert here.why(rider) == "greylist.new"
    again = here.send("ann@freemail.example", freemail.mail("To Bo again"), ELSEWHERE, BO)
    assert (again.code, here.why(again)) == (250, "party.remembered"), "the exact address keeps what it earned"


def test_a_bounce_address_of_a_pool_is_every_customers(town: Start) -> None:
    """The same network, the same provider, and addresses of which nothing is left but numbers."""
    here = town()
    here.organisation("pool.example", HOME, POOL)
    own = here.organisation("own.example", HOME)
    here.gate.cli("known", "shared", "add", "pool.example")
    rest(1.2)
    comes_back(here, "bounce-471100@pool.example", message("A shop", sender="shop@shop.example"), BO)
    rider = here.send("bounce-471101@pool.example", message("Pay this", sender="x@evil.example"), HOME)
    assert here.why(rider) == "greylist.new"
    comes_back(here, "bounce-471100@own.example", own.mail("A list of its own"), BO)
    again = here.send("bounce-471101@own.example", own.mail("The next one"), HOME)
    assert (again.code, here.why(again)) == (250, "party.remembered")


def test_what_serves_more_than_twenty_domains_is_learnt_to_be_shared(town: Start) -> None:
    here = town()
    here.organisation("pool.example", HOME)
    here.gate.cli("known", "allow", "127.0.1.0/24")
    rest(1.2)
    for number in range(21):
        mail = message(f"Customer {number}", sender=f"ann@customer{number}.example")
        assert here.send(f"{LETTERS[number]}-shop@pool.example", mail, HOME, CY).code == 250
    deadline = time.monotonic() + 60
    while "pool.example" not in here.gate.cli("known", "shared", "list") and time.monotonic() < deadline:
        time.sleep(0.2)
    told = here.gate.cli("known", "shared", "list")
    assert "pool.example  spf" in told
    assert "learnt" in told
    here.gate.cli("known", "shared", "remove", "pool.example")
    assert "pool.example  any" in here.gate.cli("known", "shared", "list")


def test_what_becomes_of_mail_is_on_record_and_only_a_person_gives_credit(town: Start) -> None:
    trap = "old.address@example.com"
    here = town({"tarpit": {"traps": [trap]}})
    partner = here.organisation("partner.example")
    comes_back(here, "al@partner.example", partner.mail("Silence", local="al"), BO)
    here.becomes_known("ann@partner.example", partner.mail("Released"), HOME)
    assert here.send("x@evil.example", message("Anything"), ELSEWHERE, trap).code == 550
    rest(0.5)

    def standing(name: str) -> dict[str, tuple[bool, list[str]]]:
        told = json.loads(here.gate.cli("known", "standing", name, "--json"))
        return {one["party"]: (one["credit"], sorted(one["left"])) for one in told}

    assert standing("al@partner.example") == {
        "address": (False, ["accepted"]),
        "combination": (False, ["accepted"]),
    }
    assert standing("ann@partner.example")["address"] == (True, ["released"])
    assert standing("partner.example")["domain"] == (True, ["accepted", "released"])
    assert standing("127.0.3.0/24") == {"server": (False, ["trapped"])}
    assert "nothing is on record" in here.gate.cli("known", "standing", "x@evil.example", check=False)
