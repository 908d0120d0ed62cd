"""What the proof of authorship is worth, and what its lack is evidence of."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.model import (
    UNPROVED,
    Action,
    Arc,
    Authentication,
    AuthResult,
    DataFacts,
    Dmarc,
    DmarcPolicy,
    Grade,
    Level,
    MessageFacts,
    RcptFacts,
    Relayed,
    Rung,
    RungKind,
    Signature,
    Spf,
    SpfResult,
    Switch,
)
from gateway.policy import inbound
from gateway.policy.authentication import is_out_of_place, signing_rungs, without_replayed
from tests.policy.stranger import MAIL, MINUTE, NETWORK, POLICY, data, rcpt, uploaded
from tests.policy.test_inbound import told

AUTHORED = MessageFacts(MAIL, size=2000, authors=("ann@elsewhere.example",))
REJECT = Dmarc(AuthResult.FAIL, "elsewhere.example", DmarcPolicy.REJECT)
QUARANTINE = replace(REJECT, policy=DmarcPolicy.QUARANTINE)
BELIEVED = replace(POLICY, sealers=frozenset({"list.example"}))
REFUSING = replace(POLICY, refuse_forged=True)
SEAL = Arc(AuthResult.PASS, ("list.example",), (("dmarc", "pass"),))


def forged(facts: RcptFacts | None = None, dmarc: Dmarc = REJECT, **differs: Any) -> DataFacts:
    """A patient stranger's mail under a strict domain's name."""
    mail = {"message": AUTHORED, "sightings": (uploaded(4 * MINUTE),)}
    return data(facts or rcpt(reviewed=True), **{**mail, "authentication": Authentication(dmarc=dmarc), **differs})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(forged(), "hold auth.forged -", id="a person decides"),
        pytest.param(forged(dmarc=QUARANTINE), "hold auth.forged -", id="quarantine is no less"),
        pytest.param(forged(rcpt()), "accept auth.forged - junk", id="nobody looks at holds"),
        pytest.param(forged(sightings=()), "defer greylist.new -", id="first contact waits like any"),
        pytest.param(
            forged(rcpt(reviewed=True, grade=Grade.KNOWN)), "hold auth.forged -", id="a partner's name forged"
        ),
        pytest.param(forged(rcpt(level=Level.OFF)), "accept level.off -", id="off overrides every hold"),
        pytest.param(
            forged(rcpt(switches=frozenset({Switch.BYPASS}), reviewed=True)), "accept switch.bypass -", id="bypass"
        ),
        pytest.param(forged(dmarc=replace(REJECT, policy=DmarcPolicy.NONE)), "accept greylist.passed -", id="p=none"),
        pytest.param(forged(dmarc=replace(REJECT, result=AuthResult.PASS)), "accept greylist.passed -", id="it passes"),
        pytest.param(
            forged(dmarc=replace(REJECT, result=AuthResult.TEMPERROR)), "accept greylist.passed -", id="DNS is silent"
        ),
    ],
)
def test_a_forged_name_is_evidence(facts: DataFacts, expected: str) -> None:
    assert told(inbound.at_data(facts, POLICY)) == expected


LIST_MAIL = replace(AUTHORED, list_id="<talk.list.example>")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(
            forged(authentication=Authentication((), (), REJECT, SEAL)), "accept greylist.passed -", id="seal"
        ),
        pytest.param(
            forged(authentication=Authentication((), (), REJECT, replace(SEAL, sealers=("other.example",)))),
            "hold auth.forged -",
            id="a sealer nobody listed",
        ),
        pytest.param(
            forged(authentication=Authentication((), (), REJECT, replace(SEAL, result=AuthResult.FAIL))),
            "hold auth.forged -",
            id="a broken seal",
        ),
        pytest.param(
            forged(authentication=Authentication((), (), REJECT, replace(SEAL, said=(("dmarc", "fail"),)))),
            "hold auth.forged -",
            id="it failed at the sealer too",
        ),
        pytest.param(
            forged(authentication=Authentication((), (), REJECT, replace(SEAL, sealers=("x.example", "list.example")))),
            "hold auth.forged -",
            id="a stranger sealed after the sealer we believe",
        ),
        pytest.param(
            forged(rcpt(reviewed=True, grade=Grade.REMEMBERED), message=LIST_MAIL),
            "accept party.remembered -",
            id="list",
        ),
        pytest.param(forged(message=LIST_MAIL), "hold auth.forged -", id="a list that nobody knows"),
        pytest.param(
            forged(rcpt(reviewed=True, relayed=Relayed(frozenset({NETWORK})))),
            "accept relay.declared -",
            id="forwarder",
        ),
    ],
)
def test_what_explains_a_missing_proof(facts: DataFacts, expected: str) -> None:
    assert told(inbound.at_data(facts, BELIEVED)) == expected


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        pytest.param(forged(), Action.REJECT, id="the domain asks for it"),
        pytest.param(forged(sightings=()), Action.REJECT, id="at once: it need not wait first"),
        pytest.param(forged(dmarc=QUARANTINE), Action.HOLD, id="the domain does not ask for it"),
        pytest.param(forged(rcpt(recipient=replace(rcpt().recipient, local="abuse"))), Action.ACCEPT, id="abuse"),
    ],
)
def test_it_is_refused_where_the_admin_wants_it(facts: DataFacts, action: Action) -> None:
    assert inbound.at_data(facts, REFUSING).action is action


def test_who_signed_for_the_author_is_a_rung() -> None:
    proof = Authentication(aligned=("elsewhere.example", "mail.elsewhere.example"))
    assert signing_rungs(proof) == {
        Rung(RungKind.DKIM, "elsewhere.example"),
        Rung(RungKind.DKIM, "mail.elsewhere.example"),
    }


SIGNED = Authentication((Signature("elsewhere.example", "s1", AuthResult.PASS, digest="b1"),), ("elsewhere.example",))
TO_BO = replace(AUTHORED, addressed=("bo@example.com",))
PASSES = Spf(SpfResult.PASS, "bounces.elsewhere.example")


@pytest.mark.parametrize(
    ("proof", "spf", "message", "expected"),
    [
        pytest.param(SIGNED, None, AUTHORED, True, id="from anywhere, to somebody it does not name"),
        pytest.param(SIGNED, None, TO_BO, False, id="it names the recipient"),
        pytest.param(SIGNED, PASSES, AUTHORED, False, id="the signer vouches for the host: a blind copy"),
        pytest.param(SIGNED, replace(PASSES, result=SpfResult.NEUTRAL), AUTHORED, True, id="the signer does not say"),
        pytest.param(SIGNED, replace(PASSES, domain="spam.example"), AUTHORED, True, id="somebody else vouches"),
        pytest.param(SIGNED, replace(PASSES, domain="notelsewhere.example"), AUTHORED, True, id="a like ending"),
        pytest.param(UNPROVED, None, AUTHORED, False, id="nothing that could be replayed"),
    ],
)
def test_a_signature_out_of_place(
    proof: Authentication, spf: Spf | None, message: MessageFacts, expected: bool
) -> None:
    assert is_out_of_place(proof, spf, message, ["bo@example.com"]) is expected


def test_a_replayed_signature_lends_nothing() -> None:
    other = replace(SIGNED.signatures[0], domain="mail.elsewhere.example", digest="b2")
    both = Authentication((*SIGNED.signatures, other), ("elsewhere.example", "mail.elsewhere.example"))
    assert without_replayed(both, {"b1"}).aligned == ("mail.elsewhere.example",)
    assert without_replayed(both, set()) == both
