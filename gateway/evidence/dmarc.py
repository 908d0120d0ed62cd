"""DMARC: does the author's domain vouch for this mail, and what does it ask for where nobody does? (RFC 9989)

Domains are found by the walk up the DNS tree. The public suffix list answers where DNS does not: who belongs to whom is
then known well enough to let somebody pass, never to let somebody fail.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, replace

from gateway.evidence.domain import organisational
from gateway.evidence.resolver import Records, Resolver
from gateway.model import AuthResult, Dmarc, DmarcPolicy, Evaluation, Published, Signature, Spf, SpfResult

MOST_LABELS = 7  # RFC 9989 4.10: of a longer name only this many are walked, besides the name itself
LONGEST_RECORD = 4096  # characters
MOST_REPORTS = 10  # addresses of rua=

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_REPORT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\"-~]+(![0-9]+[kmgtKMGT]?)?")  # RFC 7489 6.4
_FAILURES = re.compile(r"[01ds](:[01ds]){0,3}")
_MILDER = {DmarcPolicy.REJECT: DmarcPolicy.QUARANTINE, DmarcPolicy.QUARANTINE: DmarcPolicy.NONE}

Policies = tuple[DmarcPolicy | None, DmarcPolicy | None, DmarcPolicy | None]
SpfOrAsk = Spf | Callable[[], Awaitable[Spf | None]] | None


@dataclass(frozen=True, slots=True)
class Record:
    """What a domain publishes under _dmarc. The policies are None where the record cannot be followed."""

    domain: str
    policy: DmarcPolicy | None
    for_subdomains: DmarcPolicy | None
    for_missing: DmarcPolicy | None
    strict_dkim: bool
    strict_spf: bool
    psd: str
    rua: tuple[str, ...]
    published: Published


@dataclass(frozen=True, slots=True)
class Walk:
    """The records from a domain upwards, as far as they count. `certain`: every question was answered."""

    domain: str
    records: tuple[Record, ...]
    certain: bool

    @property
    def own(self) -> Record | None:
        return self.records[0] if self.records and self.records[0].domain == self.domain else None

    @property
    def organisation(self) -> str:
        """RFC 9989 4.10.2. By the public suffix list where there is no record, or DNS did not tell."""
        if not self.certain or not self.records:
            return organisational(self.domain)
        last = self.records[-1]
        if last.psd == "y" and last.domain != self.domain:
            return below(last.domain, self.domain)
        if "." not in last.domain and last.psd != "n":  # a top-level domain that does not say what it is
            return organisational(self.domain)
        return last.domain

    @property
    def governing(self) -> Record | None:
        """The record whose policy is for the domain (RFC 9989 4.10.1)."""
        if self.own or not self.certain:
            return self.own
        at = {record.domain: record for record in self.records}
        return at.get(self.organisation) or next((record for record in self.records if record.psd == "y"), None)


async def check(
    author_domain: str, spf: SpfOrAsk, signatures: Collection[Signature], resolver: Resolver, *, reports: bool = False
) -> Dmarc:
    """DMARC of a mail. `spf` may be what finds it out, which is done only if it matters; None: it is not known."""
    return await judged(await walked(author_domain, resolver), spf, signatures, resolver, reports=reports)


async def walked(domain: str, resolver: Resolver) -> Walk:
    """All questions at the same time: most names have two or three, and silence costs one time-out."""
    if not domain:
        return Walk("", (), certain=True)
    names = list(upwards(domain))
    answers = await asyncio.gather(*(resolver.lookup(f"_dmarc.{name}", "TXT") for name in names))
    records: list[Record] = []
    certain = True
    for name, answer in zip(names, answers, strict=True):
        certain = certain and answer is not None
        record = record_of(name, answer) if answer else None
        if record:
            records.append(record)
            if record.psd == "n" or (record.psd == "y" and name != domain):
                break
    return Walk(domain, tuple(records), certain)


def upwards(domain: str) -> Iterator[str]:
    """The names of a walk: at most eight."""
    labels = domain.split(".")
    yield domain
    for count in range(min(len(labels) - 1, MOST_LABELS), 0, -1):
        yield ".".join(labels[-count:])


def below(domain: str, name: str) -> str:
    """The domain one label below, towards a name."""
    return ".".join(name.split(".")[-domain.count(".") - 2 :])


def records_among(answer: Records) -> list[str]:
    """The texts that are records of DMARC."""
    return [value for value in answer.values if _VERSION.match(value)]


def record_of(domain: str, answer: Records) -> Record | None:
    """The one record of a domain; None where there is none, or several."""
    texts = records_among(answer)
    if len(texts) != 1:
        return None
    tags: dict[str, str] = {}
    for part in texts[0][:LONGEST_RECORD].split(";"):
        name, _, value = part.partition("=")
        tags.setdefault(name.strip().lower(), value.strip())
    rua = [uri.strip() for uri in tags.get("rua", "").split(",")]
    reports = tuple(uri for uri in rua if _REPORT.fullmatch(uri))[:MOST_REPORTS]
    stated = policies_of(tags, bool(reports))
    testing = tags.get("t", "").lower() == "y"
    own, lower, missing = (_MILDER.get(one, one) for one in stated) if testing else stated  # type: ignore[arg-type]
    strict_dkim, strict_spf = (tags.get(name, "").lower() == "s" for name in ("adkim", "aspf"))
    failures = tags.get("fo", "0").lower()
    published = Published(
        domain,
        stated[0] or DmarcPolicy.NONE,
        stated[1] or DmarcPolicy.NONE,
        strict_dkim,
        strict_spf,
        testing,
        failures if _FAILURES.fullmatch(failures) else "0",
    )
    psd = tags.get("psd", "u").lower()
    return Record(domain, own, lower, missing, strict_dkim, strict_spf, psd, reports, published)


def policies_of(tags: dict[str, str], wants_reports: bool) -> Policies:
    """As stated for the domain, its subdomains, and those that do not exist. pct= is no more (RFC 9989 A.6)."""
    stated = [tags[name].lower() for name in ("p", "sp", "np") if name in tags]
    if not set(stated) <= {policy.value for policy in DmarcPolicy}:
        fallen_back = DmarcPolicy.NONE if wants_reports else None
        return fallen_back, fallen_back, fallen_back
    own = DmarcPolicy(tags.get("p", "none").lower())
    lower = DmarcPolicy(tags.get("sp", own).lower())
    missing = DmarcPolicy(tags.get("np", lower).lower())
    return own, lower, missing


async def judged(
    walk: Walk, spf: SpfOrAsk, signatures: Collection[Signature], resolver: Resolver, *, reports: bool = False
) -> Dmarc:
    """The result for the author's domain that was walked. `reports`: also what a report to it says, if it wants any.

    A signature that passes counts, whatever its flaws: those keep it from earning anything, and do not make its mail a
    forgery. What the RFCs forbid to count is no pass in the first place.
    """
    if not walk.domain:  # no author, or several
        return Dmarc(AuthResult.PERMERROR)
    record = walk.governing
    strict = record is not None and record.strict_dkim
    found = {one: await is_aligned(one.domain, walk, strict, resolver) for one in may_pass(signatures)}
    is_signed = any(is_so and one.result is AuthResult.PASS for one, is_so in found.items())
    known = Dmarc(AuthResult.NONE, walk.organisation)
    if record is None:
        return known if walk.certain else with_result(known, AuthResult.TEMPERROR)
    policy = await policy_for(walk, record, resolver)
    if policy is None:
        return with_result(known, AuthResult.PERMERROR)
    known = Dmarc(AuthResult.FAIL, known.domain, policy, record.rua)
    is_told = reports and bool(record.rua)
    if is_signed and not is_told:
        return with_result(known, AuthResult.PASS)
    path = await spf() if callable(spf) else spf
    by_path = await path_result(walk, record, path, resolver)
    if is_told:
        known = replace(known, evaluation=Evaluation(record.published, is_signed, by_path is AuthResult.PASS, path))
    if is_signed:
        return with_result(known, AuthResult.PASS)
    unknown = any(is_so is not False for one, is_so in found.items())
    return with_result(known, AuthResult.TEMPERROR if unknown and by_path is AuthResult.FAIL else by_path)


def may_pass(signatures: Collection[Signature]) -> list[Signature]:
    return [one for one in signatures if one.result in (AuthResult.PASS, AuthResult.TEMPERROR)]


def with_result(dmarc: Dmarc, result: AuthResult) -> Dmarc:
    return replace(dmarc, result=result)


async def path_result(walk: Walk, record: Record, found: Spf | None, resolver: Resolver) -> AuthResult:
    """What SPF alone makes of it."""
    if found is None:
        return AuthResult.TEMPERROR
    if found.result not in (SpfResult.PASS, SpfResult.TEMPERROR):
        return AuthResult.FAIL
    is_so = await is_aligned(found.domain, walk, record.strict_spf, resolver)
    if is_so is False:
        return AuthResult.FAIL
    return AuthResult.PASS if is_so and found.result is SpfResult.PASS else AuthResult.TEMPERROR


async def is_aligned(domain: str, walk: Walk, strict: bool, resolver: Resolver) -> bool | None:
    """Whether a domain that proved itself is the author's (RFC 9989 4.4). None: DNS did not tell."""
    if domain == walk.domain:
        return True
    organisation = walk.organisation
    if strict:
        return False
    if not f".{domain}".endswith(f".{organisation}"):
        return False if walk.certain else None
    if domain == organisation:
        return True
    other = await walked(domain, resolver)
    if other.organisation == organisation:
        return True
    return False if other.certain and walk.certain else None


async def policy_for(walk: Walk, record: Record, resolver: Resolver) -> DmarcPolicy | None:
    if record.domain == walk.domain:
        return record.policy
    if record.for_missing is record.for_subdomains or await exists(walk.domain, resolver):
        return record.for_subdomains
    return record.for_missing


async def exists(domain: str, resolver: Resolver) -> bool:
    """Whether there is anything under a name (RFC 8020, as far as we can see); True also where DNS did not tell."""
    answers = await asyncio.gather(*(resolver.lookup(domain, kind) for kind in ("MX", "A", "AAAA", "TXT")))
    return any(answer is None or answer.values for answer in answers)
