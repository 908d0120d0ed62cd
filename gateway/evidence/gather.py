"""What DNS tells of a peer: its name, and whether it may send mail of a domain. Each has one deadline."""

from gateway.evidence import rdns, spf
from gateway.evidence.budget import Budget
from gateway.evidence.domain import organisational
from gateway.evidence.rdns import HostName
from gateway.evidence.resolver import Resolver
from gateway.model import Address, IPAddress, Spf

QUESTIONS = 60  # for one piece of evidence; a record that needs more is not meant to be evaluated


class Evidence:
    """`own_servers`: name servers of ours are asked, who may know of loopback too. `within` is in seconds."""

    def __init__(self, resolver: Resolver, *, own_servers: bool, within: float) -> None:
        self.resolver = resolver
        self.own_servers = own_servers
        self.within = within
        organisational("")  # reads its list now, and not while somebody waits

    async def name_of(self, address: IPAddress) -> HostName:
        if not self.worth_asking(address):
            return HostName()
        return await rdns.confirmed_name(address, self.budget())

    async def spf_of(self, address: IPAddress, sender: Address | None, helo: str) -> Spf | None:
        """Of the envelope sender, or of HELO for the null reverse-path; None where it is not worth asking."""
        if not self.worth_asking(address):
            return None
        return await spf.check(address, f"{sender.local}@{sender.domain}" if sender else "", helo, self.budget())

    def budget(self) -> Budget:
        return Budget(self.resolver, within=self.within, questions=QUESTIONS)

    def worth_asking(self, address: IPAddress) -> bool:
        """A public server knows nothing of loopback and link-local addresses; asking would only cost time."""
        return self.own_servers or not (address.is_loopback or address.is_link_local)
