"""What the record suggests for the lists: whom to allow, which places to list as hosters, what many share.

Nothing is done by itself. A domain's organisation is given by the caller, because telling it takes a list.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Network, ip_network

from gateway.model import ListEntry, ListKind, ListVerb, Rung, RungKind
from gateway.policy.identity import IPV6_SITE
from gateway.policy.lists import domain_of

Organisation = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how much on something is suggested."""

    released: int = 3  # mails of a sender that people let in
    strangers: int = 20  # of one place
    domains: int = 5  # that these strangers wrote as
    sharers: int = 20  # unrelated domains behind one identity
    settled: timedelta = timedelta(hours=8)  # by then a sender that comes back has come back


@dataclass(frozen=True, slots=True)
class Act:
    """What a person decided about one mail for one recipient. `name` is the author's address, else the sender's."""

    released: bool
    mail: str
    name: str
    rungs: frozenset[Rung]
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """A decision about one recipient's mail. `name` is the author's address where it is known, else the sender's."""

    at: datetime
    sender: str
    name: str
    recipient: str
    rungs: frozenset[Rung]
    stranger: bool
    came_back: bool  # it was taken, or held for a person

    @property
    def pair(self) -> tuple[str, str]:
        return self.sender, self.recipient


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to think about, why, and the command that would do it."""

    about: str  # allow | hoster | shared
    value: str
    evidence: str
    command: str
    entry: ListEntry | None = None


# ---- senders worth allowing ----------------------------------------------------------------------------------------


def worth_allowing(acts: Iterable[Act], least: int) -> list[Suggestion]:
    """Whose mail people released again and again and never refused, if it always came with the same proof."""
    by_domain: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        if act.name:
            by_domain[domain_of(act.name)].append(act)
    found = []
    for domain, these in sorted(by_domain.items()):
        names = {act.name for act in these}
        whole = suggestion(ListKind.DOMAIN, domain, these, least) if len(names) > 1 else None
        if whole is not None:
            found.append(whole)
            continue
        single = (suggestion(ListKind.ADDRESS, name, [act for act in these if act.name == name], least)
                  for name in sorted(names))  # fmt: skip
        found += [one for one in single if one is not None]
    return found


def suggestion(kind: ListKind, value: str, acts: list[Act], least: int) -> Suggestion | None:
    mails = {act.mail for act in acts}
    if len(mails) < least or not all(act.released for act in acts):
        return None
    shared = frozenset.intersection(*(act.rungs for act in acts))
    signer = max((rung.value for rung in shared if rung.kind is RungKind.DKIM), default=None)
    network = max((rung.value for rung in shared if rung.kind is RungKind.NETWORK), default=None)
    if signer is None and network is None:
        return None
    proof = f"signed by {signer}" if signer else f"always from {network}"
    people = len({act.recipient for act in acts})
    last = max(act.at for act in acts)
    evidence = f"{len(mails)} mails released for {people} of us, none refused, {proof}, the last {last:%Y-%m-%d}"
    option = f"--signature {signer}" if signer else f"--network {network}"
    entry = ListEntry(
        0,
        ListVerb.ALLOW,
        kind,
        value,
        network=ip_network(network) if network and not signer else None,
        signature=signer,
    )
    return Suggestion("allow", value, evidence, f"greygate known allow {value} {option}", entry)


# ---- places whose strangers never came back ------------------------------------------------------------------------


@dataclass(slots=True)
class Place:
    """What was seen of a network, or of an organisation's hosts."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    returned: set[tuple[str, str]] = field(default_factory=set)
    friends: bool = False  # somebody we know sends from there
    last: datetime | None = None


def likely_hosters(
    contacts: Iterable[Contact],
    refused: frozenset[tuple[str, str]],
    friends: frozenset[Rung],
    organisation: Organisation,
    thresholds: Thresholds,
    now: datetime,
) -> list[Suggestion]:
    """Places with many strangers of many domains, none of whom came back but to be refused by a person.

    `friends` are identities of those whom we know or remember.
    """
    places: dict[str, Place] = defaultdict(Place)
    for contact in contacts:
        for value in places_of(contact.rungs):
            see(places[value], contact, organisation, now - thresholds.settled)
    found, trusted = [], places_of(friends)
    for value, place in places.items():
        enough = len(place.pairs) >= thresholds.strangers and len(place.domains) >= thresholds.domains
        if enough and not place.friends and value not in trusted and place.returned <= refused:
            found.append(hoster(value, place))
    return sorted(found, key=lambda one: one.value)


def see(place: Place, contact: Contact, organisation: Organisation, before: datetime) -> None:
    if not contact.stranger:
        place.friends = True
        return
    if contact.came_back:
        place.returned.add(contact.pair)
    if contact.at <= before:
        place.pairs.add(contact.pair)
        place.domains.add(organisation(domain_of(contact.sender)))
        place.last = max(contact.at, place.last or contact.at)


def places_of(rungs: frozenset[Rung]) -> set[str]:
    """The /24 or /48, and the organisation in the confirmed name."""
    names = {rung.value for rung in rungs if rung.kind is RungKind.FCRDNS}
    return names | {site(rung.value) for rung in rungs if rung.kind is RungKind.NETWORK}


def site(value: str) -> str:
    network = ip_network(value)
    wide = isinstance(network, IPv6Network) and network.prefixlen > IPV6_SITE
    return str(network.supernet(new_prefix=IPV6_SITE) if wide else network)


def hoster(value: str, place: Place) -> Suggestion:
    back = len(place.returned)
    ended = f"{back} came back and were refused, the others never" if back else "none came back"
    evidence = f"{len(place.pairs)} strangers of {len(place.domains)} domains, {ended}, the last {place.last:%Y-%m-%d}"
    return Suggestion("hoster", value, evidence, f"greygate hosters add {value}")


# ---- identities that many share ------------------------------------------------------------------------------------

TELLING = frozenset({RungKind.DKIM, RungKind.SPF, RungKind.FCRDNS})


def likely_shared(contacts: Iterable[Contact], organisation: Organisation, least: int) -> list[Suggestion]:
    """Identities under which many unrelated domains send: a provider's, which says nothing about one of them."""
    users: dict[Rung, set[str]] = defaultdict(set)
    for contact in contacts:
        domain = organisation(domain_of(contact.name))
        for rung in contact.rungs:
            if domain and rung.kind in TELLING and organisation(rung.value) != domain:
                users[rung].add(domain)
    found = [
        Suggestion(
            "shared",
            rung.value,
            f"{len(domains)} unrelated domains send as {rung.kind.name} {rung.value}, such as {example(domains)}",
            f"greygate known list {rung.value}",
        )
        for rung, domains in users.items()
        if len(domains) > least
    ]
    return sorted(found, key=lambda one: (one.value, one.evidence))


def example(domains: set[str]) -> str:
    return ", ".join(sorted(domains)[:3])
