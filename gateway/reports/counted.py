"""From decisions on record to the rows of DMARC reports: each mail once, when it is decided about for good.

A mail that was deferred is not decided yet: it counts when it comes back. One that was discarded, because this very
mail had been delivered, counts unless it did before on the same day.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from gateway.model import Action, AuthResult, DataFacts, Dmarc, DmarcPolicy, Evaluation, Published, Signature
from gateway.policy import stored
from gateway.policy.authentication import explanation
from gateway.policy.inbound import Policy
from gateway.policy.stored import Unreadable

MOST_ROWS = 20_000  # of one report
MOST_SIGNATURES = 100  # of one row (RFC 9990 3.1.4)

# Of what several recipients of one mail got, the mildest is what became of the mail.
SEVERITY = (DmarcPolicy.NONE, DmarcPolicy.QUARANTINE, DmarcPolicy.REJECT)
INSTEAD = {
    DmarcPolicy.NONE: "delivered by local rules",
    DmarcPolicy.QUARANTINE: "set aside by local rules",
    DmarcPolicy.REJECT: "refused by local rules",
}


@dataclass(frozen=True, slots=True)
class Override:
    """Why something else was done than the domain asks for (RFC 7489 C, PolicyOverrideType)."""

    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Row:
    """What the mails of one row have in common. Domains are lower-case A-labels, but for what others wrote in HELO."""

    source: str
    header_from: str
    envelope_from: str  # "": a null sender
    disposition: DmarcPolicy
    dkim: bool
    spf: bool
    override: Override | None
    signatures: tuple[tuple[str, str, str], ...]  # domain, selector, result
    path: tuple[str, str, str]  # domain, scope, result of SPF


@dataclass
class Seen:
    """What is told one domain. `published` and `rua` are as they were last on that day."""

    published: Published
    rua: tuple[str, ...]
    rows: Counter[Row] = field(default_factory=Counter)
    left_out: int = 0  # mails for which there was no row any more

    @property
    def mails(self) -> int:
        return self.rows.total()

    def count(self, row: Row) -> None:
        if row in self.rows or len(self.rows) < MOST_ROWS:
            self.rows[row] += 1
        else:
            self.left_out += 1


Record = Mapping[str, Any]  # of the table of decisions


def counted(records: Iterable[Record], policy: Policy, silent: Collection[str]) -> dict[str, Seen]:
    """What there is to tell, by the domain whose record was found; `records` are in the order of their time.

    `silent`: addresses whose mail is never told of. Reports come there, and a report about those would cause the next.
    """
    found: dict[str, Seen] = {}
    done: set[tuple[str, str]] = set()
    for mail in mails(records):
        facts = facts_of(mail[0])
        if facts is None or all(one["recipient"] in silent for one in mail):
            continue
        dmarc = facts.authentication.dmarc
        what = what_became(mail)
        if dmarc is None or dmarc.evaluation is None or what is None or is_again(mail, facts, done):
            continue
        row = row_of(facts, dmarc, dmarc.evaluation, what, policy)
        published = dmarc.evaluation.published
        seen = found.setdefault(published.domain, Seen(published, dmarc.rua))
        seen.published, seen.rua = published, dmarc.rua
        seen.count(row)
    return found


def mails(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The decisions about one transaction, which have one moment, together."""
    for _, those in groupby(records, key=lambda one: one["at"]):
        by_id: dict[str, list[Record]] = {}
        for one in those:
            by_id.setdefault(one["reply_id"], []).append(one)
        yield from by_id.values()


def facts_of(record: Record) -> DataFacts | None:
    try:
        found = stored.from_json(record["facts"]["facts"], record["facts"]["v"])
    except (Unreadable, KeyError, TypeError):
        return None
    return found if isinstance(found, DataFacts) else None


def what_became(mail: Sequence[Record]) -> DmarcPolicy | None:
    """In terms of DMARC; None where the sender is to come back."""
    reply = mail[0]["facts"].get("reply", "")
    if reply.startswith("5"):
        return DmarcPolicy.REJECT
    if not reply.startswith("2"):
        return None
    return min(map(done_for, mail), key=SEVERITY.index)


def done_for(one: Record) -> DmarcPolicy:
    if one["action"] == Action.REJECT:
        return DmarcPolicy.REJECT
    is_aside = one["action"] == Action.HOLD or one["facts"].get("junk", False)
    return DmarcPolicy.QUARANTINE if is_aside else DmarcPolicy.NONE


def is_again(mail: Sequence[Record], facts: DataFacts, done: set[tuple[str, str]]) -> bool:
    """True for a mail that was taken before, and came again because its sender never heard of that."""
    keys = {(facts.message.fingerprint.whole, one["recipient"]) for one in mail}
    again = all(one["action"] == Action.DISCARD for one in mail) and bool(keys & done)
    done |= keys
    return again


# ---- a row ---------------------------------------------------------------------------------------------------------


def row_of(facts: DataFacts, dmarc: Dmarc, told: Evaluation, what: DmarcPolicy, policy: Policy) -> Row:
    peer, sender = facts.rcpt.peer, facts.rcpt.sender
    if facts.rcpt.relayed is not None and facts.rcpt.relayed.hop is not None:
        peer = facts.rcpt.relayed.hop  # the relay is ours: who brought it there is the source
    author = (facts.message.only_author or "").rpartition("@")[2]
    stated = told.published.policy if author == told.published.domain else told.published.for_subdomains
    is_tried = told.published.testing and stated is not dmarc.policy
    disposition, override = outcome(facts, dmarc, what, policy, is_tried=is_tried)
    return Row(
        source=str(peer.address),
        header_from=author,
        envelope_from=sender.rpartition("@")[2],
        disposition=disposition,
        dkim=told.dkim,
        spf=told.spf,
        override=override,
        signatures=signatures_of(facts.authentication.signatures, author),
        path=path_of(told, sender.rpartition("@")[2] or peer.helo.lower(), bool(sender)),
    )


def outcome(
    facts: DataFacts, dmarc: Dmarc, what: DmarcPolicy, policy: Policy, *, is_tried: bool
) -> tuple[DmarcPolicy, Override | None]:
    """What DMARC led to, and why that is not what the domain asks for. `is_tried`: the record says t=y (RFC 9989 4.7),
    and so something milder than it states was to be done.

    Mail that passes, or is of a domain that asks for nothing, is at our filter's mercy like any other: what that made
    of it is no business of the domain's.
    """
    if dmarc.result is not AuthResult.FAIL:
        unsure = dmarc.result is not AuthResult.PASS and dmarc.policy is not DmarcPolicy.NONE
        return DmarcPolicy.NONE, Override("other", "the DNS did not answer") if unsure else None
    if dmarc.policy is DmarcPolicy.NONE or what is dmarc.policy:
        return dmarc.policy, Override("other", "policy_test_mode") if is_tried else None
    return what, explained(explanation(facts, policy), what)


def explained(why: str | None, what: DmarcPolicy) -> Override:
    if why == "forwarder":
        return Override("trusted_forwarder", "")
    if why == "list":
        return Override("mailing_list", "")
    return Override("local_policy", "arc=pass" if why == "seal" else INSTEAD[what])


def signatures_of(found: Iterable[Signature], author: str) -> tuple[tuple[str, str, str], ...]:
    """The author's own first, then others that pass (RFC 9990 3.1.4)."""

    def rank(one: Signature) -> tuple[bool, bool]:
        return one.result is not AuthResult.PASS, one.domain != author

    named = sorted((one for one in found if one.domain), key=rank)[:MOST_SIGNATURES]
    return tuple((one.domain, one.selector, str(one.result)) for one in named)


def path_of(told: Evaluation, domain: str, has_sender: bool) -> tuple[str, str, str]:
    """Domain, scope and result of SPF; temperror where nobody answered in time."""
    if told.path is None:
        return domain, "mfrom" if has_sender else "helo", str(AuthResult.TEMPERROR)
    return told.path.domain, "helo" if told.path.of_helo else "mfrom", str(told.path.result)
