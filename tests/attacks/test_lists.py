"""The private lists against forgers: blocks bind what was proved, and what is allowed needs its proof."""

from collections.abc import Callable

from tests.attacks.conftest import Town
from tests.gate import rest, until
from tests.talk import message

HOME, EVIL = "127.0.1.1", "127.0.66.1"
ANN, BO = "ann@partner.example", "bo@example.com"
FOLLOWED = 1.5  # seconds: workers look for changes once a second

Start = Callable[..., Town]


def kept(here: Town) -> str:
    until(lambda: here.gate.queue())
    return str(here.gate.queue()[0]["message"])


def test_a_partner_whose_name_was_forged_and_blocked_by_staff_still_passes(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    assert here.send(ANN, message("Pay this", sender=ANN), EVIL).code == 451
    here.gate.cli("queue", "refuse", kept(here), "--block")
    here.gate.cli("known", "allow", "192.0.2.0/24", "--comment", "has nothing to do with it")
    rest(FOLLOWED)
    forged = here.send("x@evil.example", message("Pay this too", sender=ANN), EVIL)
    assert (forged.code, here.why(forged)) == (550, "list.blocked")
    mail = partner.mail("Minutes")
    assert here.send(ANN, mail, HOME).code == 451, "a stranger as before, not refused"
    rest(1.2)
    retry = here.send(ANN, mail, HOME)
    assert (retry.code, here.why(retry)) == (250, "greylist.passed")


def test_an_approval_counts_for_who_signs_from_anywhere_and_for_nobody_else(town: Start) -> None:
    here = town({"greylist": {"wait": "1h"}})
    partner = here.organisation("partner.example")
    assert here.send(ANN, partner.mail("First"), HOME).code == 451
    told = here.gate.cli("queue", "release", kept(here), "--once", "--show-trust")
    assert told.startswith(f"* 1  allow address {ANN} (signed by partner.example) for {BO}")
    here.gate.cli("known", "allow", ANN, "--signature", "partner.example", "--for", BO)
    rest(FOLLOWED)
    signed = here.send("bounces-1@partner.example", partner.mail("From elsewhere"), EVIL)
    assert (signed.code, here.why(signed)) == (250, "list.allowed")
    forged = here.send(ANN, message("Pay this", sender=ANN), EVIL)
    assert (forged.code, here.why(forged)) != (250, "list.allowed")
    assert forged.code == 451
