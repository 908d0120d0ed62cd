"""From one mail to an entry of the lists: the narrowest combination that would have let it through, or stopped it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network

from gateway.marked import N_, Said
from gateway.model import Address, Binds, IPAddress, IPNetwork, ListEntry, ListKind, ListVerb, Rung, RungKind
from gateway.policy.address import normalise_sender
from gateway.policy.lists import Listed, Use, domain_of, is_unproved, matching


@dataclass(frozen=True, slots=True)
class Sample:
    """What is on record of a mail that was kept, for one recipient. `address`: of whoever sent it."""

    address: IPAddress
    rungs: frozenset[Rung]
    sender: Address | None
    authors: tuple[str, ...]
    recipient: Address

    @property
    def use(self) -> Use:
        return Use(self.address, self.sender.key if self.sender else "", self.rungs, self.authors)

    @property
    def signer(self) -> str | None:
        """The domain that signed for the author, the longest if there are several."""
        signed = [rung.value for rung in self.rungs if rung.kind is RungKind.DKIM]
        return max(signed, key=lambda domain: (len(domain), domain), default=None)

    @property
    def network(self) -> IPNetwork | None:
        """The network that it came from, of which there may be several: the one that its address is in, if any is."""
        networks = [ip_network(rung.value) for rung in self.rungs if rung.kind is RungKind.NETWORK]
        here = [one for one in networks if one.version == self.address.version and self.address in one]
        return min(here or networks, key=str, default=None)

    @property
    def author(self) -> str | None:
        return self.authors[0] if len(self.authors) == 1 and self.authors[0] else None

    @property
    def stable_sender(self) -> str | None:
        """The envelope sender, unless it is another one in every mail."""
        key = self.sender.key if self.sender else ""
        return key if key and normalise_sender(key) == key else None


WHATEVER = N_("whatever is sent from %(network)s, whoever wrote it")


class Risk(StrEnum):
    """What speaks against a choice."""

    NONE = "safe"
    GREY = "grey"  # more than the sender of this mail is meant by it
    REFUSED = "refused"  # anybody could use it


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry that fits the mail (its id is 0), what speaks against it, and why."""

    entry: ListEntry
    risk: Risk = Risk.NONE
    because: Said | str = ""

    @property
    def may_be_taken(self) -> bool:
        return self.risk is not Risk.REFUSED


def preselected(choices: tuple[Choice, ...]) -> int | None:
    """The place of the safest and narrowest choice; None where none may be taken."""
    for wanted in (Risk.NONE, Risk.GREY):
        for place, choice in enumerate(choices):
            if choice.risk is wanted:
                return place
    return None


def fits(choice: Choice, sample: Sample, now: datetime) -> bool:
    """True when the entry means the mail that it was proposed for, by the same function that the door asks."""
    listed = Listed([choice.entry])
    return bool(
        matching(
            listed,
            sample.address,
            sample.sender,
            sample.recipient,
            now,
            rungs=sample.rungs,
            authors=sample.authors,
        )
    )


# ---- to let it through ---------------------------------------------------------------------------------------------


def to_allow(sample: Sample) -> tuple[Choice, ...]:
    """The safest first and the narrowest of these first; then what nobody should take, with the reason."""
    return (*signed(sample), *from_network(sample), *spoofable(sample))


def allow(kind: ListKind, value: str, scope: str | None, **beside: object) -> ListEntry:
    return ListEntry(0, ListVerb.ALLOW, kind, value, scope=scope, **beside)  # type: ignore[arg-type]


def signed(sample: Sample) -> Iterator[Choice]:
    """By who signed for the author: nobody else can."""
    author, signer, recipient = sample.author, sample.signer, sample.recipient
    if author is None or signer is None:
        return
    domain = domain_of(author)
    yield Choice(allow(ListKind.ADDRESS, author, recipient.key, signature=signer))
    yield Choice(allow(ListKind.ADDRESS, author, recipient.domain, signature=signer))
    to_one = Said(N_("everybody who may write as @%(domain)s"), {"domain": domain})
    to_all = Said(N_("everybody who may write as @%(domain)s, to anybody here"), {"domain": domain})
    yield Choice(allow(ListKind.DOMAIN, domain, recipient.key, signature=signer), Risk.GREY, to_one)
    yield Choice(allow(ListKind.DOMAIN, domain, None, signature=signer), Risk.GREY, to_all)


def from_network(sample: Sample) -> Iterator[Choice]:
    """By the network beside the name: its neighbours could write the name too."""
    network, recipient = sample.network, sample.recipient
    if network is None:
        return
    names = dict.fromkeys(name for name in (sample.stable_sender, sample.author) if name)
    for name in names:
        because = Said(N_("whoever sends from %(network)s may write this name"), {"network": network})
        yield Choice(allow(ListKind.ADDRESS, name, recipient.key, network=network), Risk.GREY, because)
    for domain in dict.fromkeys(map(domain_of, names)):
        said = {"network": network, "domain": domain}
        because = Said(N_("whoever sends from %(network)s may write any name of %(domain)s"), said)
        yield Choice(allow(ListKind.DOMAIN, domain, recipient.key, network=network), Risk.GREY, because)
    because = Said(WHATEVER, {"network": network})
    yield Choice(allow(ListKind.NETWORK, str(network), recipient.key, network=network), Risk.GREY, because)


def spoofable(sample: Sample) -> Iterator[Choice]:
    """What an admin may think of first, and why it is not to be had."""
    recipient, name = sample.recipient, sample.author or (sample.sender.key if sample.sender else "")
    if name and sample.signer is None:
        because = N_("anybody can write this name, and this mail was not signed for it")
        yield Choice(allow(ListKind.ADDRESS, name, recipient.key), Risk.REFUSED, because)
    for rung in sorted(sample.rungs, key=lambda rung: (rung.kind, rung.value)):
        if rung.kind in NO_PROOF:
            entry = allow(ListKind.DOMAIN, rung.value, recipient.key)
            yield Choice(entry, Risk.REFUSED, Said(NO_PROOF[rung.kind], {"domain": rung.value}))


NO_PROOF = {
    RungKind.SPF_WIDE: N_("the SPF record of %(domain)s permits very many others"),
    RungKind.SPF: N_("SPF of %(domain)s speaks for the envelope only, and for everybody its provider sends for"),
    RungKind.FCRDNS: N_("a host name of %(domain)s tells whose machine it is, not who writes"),
}

# ---- to stop it ----------------------------------------------------------------------------------------------------


def to_block(sample: Sample) -> tuple[Choice, ...]:
    """The narrowest first. A name that nothing proved is blocked where nothing proves it: its owner may be innocent."""
    return (*blocked_names(sample), *blocked_network(sample))


def block(kind: ListKind, value: str, scope: str | None, **beside: object) -> ListEntry:
    return ListEntry(0, ListVerb.BLOCK, kind, value, scope=scope, **beside)  # type: ignore[arg-type]


def blocked_names(sample: Sample) -> Iterator[Choice]:
    """The author, else the envelope sender."""
    key, recipient = sample.author or (sample.sender.key if sample.sender else ""), sample.recipient
    if not key:
        return
    domain, proved = domain_of(key), not is_unproved(block(ListKind.ADDRESS, key, None), sample.use)
    binds = Binds.EVERYTHING if proved else Binds.UNAUTHENTICATED
    yield Choice(block(ListKind.ADDRESS, key, recipient.key, binds=binds))
    yield Choice(block(ListKind.ADDRESS, key, None, binds=binds))
    everybody = Said(N_("everybody who writes as @%(domain)s"), {"domain": domain})
    risk, because = (Risk.GREY, everybody) if proved else (Risk.NONE, "")
    yield Choice(block(ListKind.DOMAIN, domain, recipient.key, binds=binds), risk, because)
    yield Choice(block(ListKind.DOMAIN, domain, None, binds=binds), risk, because)


def blocked_network(sample: Sample) -> Iterator[Choice]:
    network, recipient = sample.network, sample.recipient
    if network is None:
        return
    because = Said(WHATEVER, {"network": network})
    yield Choice(block(ListKind.NETWORK, str(network), recipient.key, network=network), Risk.GREY, because)
    yield Choice(block(ListKind.NETWORK, str(network), None, network=network), Risk.GREY, because)
