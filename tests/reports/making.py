"""Decisions about mail of a domain that wants reports, as a worker puts them on record."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from gateway.model import (
    Action,
    Address,
    Authentication,
    AuthResult,
    DataFacts,
    Dmarc,
    DmarcPolicy,
    Evaluation,
    Peer,
    Published,
    Reason,
    ReasonCode,
    Signature,
    Spf,
    SpfResult,
    Verdict,
)
from gateway.policy import stored
from gateway.policy.address import parse_address
from gateway.store import decisions
from gateway.store.decisions import Decision
from tests.policy.stranger import BO, MAIL, data, rcpt
from tests.store.making import NOW

DOMAIN = "elsewhere.example"
CY = Address("cy@example.com", "cy", "example.com")
DAY_BEGINS = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
RUA = (f"mailto:reports@{DOMAIN}",)
SECOND = timedelta(seconds=1)


def dmarc(
    result: AuthResult = AuthResult.FAIL,
    policy: DmarcPolicy = DmarcPolicy.REJECT,
    *,
    spf: SpfResult = SpfResult.FAIL,
    aligned: bool = False,
    signed: bool = False,
    rua: tuple[str, ...] = RUA,
    **published: Any,
) -> Dmarc:
    """What was found out about a mail of the domain; of a domain of another name with `domain`."""
    record = Published(**{"domain": DOMAIN, "policy": policy, "for_subdomains": policy, **published})
    told = Evaluation(record, signed, aligned, Spf(spf, DOMAIN))
    return Dmarc(result, record.domain, policy, rua, told)


PASSED = dmarc(AuthResult.PASS, spf=SpfResult.PASS, aligned=True)


def facts(found: Dmarc, number: int = 0, to: Address = BO, sender: str = f"ann@{DOMAIN}", **more: Any) -> DataFacts:
    """`more`: `peer` is an address; `author`, `signatures`; whatever else DataFacts have."""
    author, peer = more.pop("author", f"ann@{DOMAIN}"), more.pop("peer", "192.0.2.7")
    proof = Authentication(signatures=more.pop("signatures", ()), dmarc=found)
    asked = rcpt(recipient=to, sender=sender, peer=Peer(ip_address(peer), helo="mx.elsewhere.example"))
    one = data(replace(asked, **more.pop("rcpt", {})), authentication=proof)
    print_ = replace(MAIL, whole=f"whole {number}")
    message = replace(one.message, fingerprint=print_, authors=(author,), list_id=more.pop("list_id", ""))
    return replace(one, message=message, **more)


def decided(
    found: Dmarc,
    number: int = 0,
    action: Action = Action.ACCEPT,
    reply: str = "250 2.0.0 taken",
    junk: bool = False,
    at: timedelta = 12 * 3600 * SECOND,
    to: Address = BO,
    **more: Any,
) -> Decision:
    """About one mail of the day, for one recipient. `number` tells the mail, `again` its transaction."""
    again = more.pop("again", 0)
    told = facts(found, number, to, **more)
    return Decision(
        reply_id=f"{number}-{again}",
        at=DAY_BEGINS + at,
        stage="data",
        peer=str(told.rcpt.peer.address),
        sender=told.rcpt.sender,
        recipient=to.key,
        verdict=Verdict(action, (Reason(ReasonCode.GREYLIST_PASSED),), junk=junk),
        facts=stored.to_json(told),
        reply=reply,
    )


def record(*about: Any, **more: Any) -> dict[str, Any]:
    return decisions.record(decided(*about, **more))


def address(text: str) -> Address:
    return parse_address(text)


def signature(domain: str, result: AuthResult = AuthResult.PASS, selector: str = "sel") -> Signature:
    return Signature(domain, selector, result)
