"""The hosts and domains of a crowd: addresses that nobody has (RFC 2544, RFC 1112 4, RFC 3849), and their DNS.

Each pool has networks of its own, so that what one earns is nobody else's. Who rides on a pool shares its hosts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import count
from random import Random

import nacl.encoding
import nacl.signing

from gateway.model import IPAddress
from gateway.policy.identity import network_of
from gateway.simulate.model import Kind, Model, Pick, Pool, Vouched
from gateway.simulate.zone import Zone

SERVERS = ip_network("198.18.0.0/15")
BOTS = ip_network("240.0.0.0/4")
IPV6 = ip_network("2001:db8::/32")
SELECTOR = "sim"


@dataclass(frozen=True, slots=True)
class Host:
    address: IPAddress
    helo: str


@dataclass(frozen=True, slots=True)
class Party:
    """A model with its hosts and the domains that send through them."""

    model: Model
    hosts: tuple[Host, ...]
    domains: tuple[str, ...]

    def host(self, attempt: int, first: int, luck: Random) -> Host:
        """Whose turn it is. `first`: where this mail began."""
        match self.model.pool.pick:
            case Pick.SAME:
                return self.hosts[first % len(self.hosts)]
            case Pick.TURN:
                return self.hosts[(first + attempt) % len(self.hosts)]
            case Pick.ANY:
                return luck.choice(self.hosts)


@dataclass
class World:
    zone: Zone = field(default_factory=Zone)
    parties: dict[str, Party] = field(default_factory=dict)
    servers: Iterator[int] = field(default_factory=count)
    bots: Iterator[int] = field(default_factory=count)

    def settle(self, models: Sequence[Model]) -> None:
        """Give every model its hosts. Who rides on a pool comes after that pool."""
        for model in sorted(models, key=lambda model: bool(model.rides)):
            self.parties[model.name] = self.party(model)

    def party(self, model: Model) -> Party:
        name = label(model.rides or model.name)
        ridden = self.parties.get(model.rides)
        hosts = ridden.hosts if ridden else self.hosts(model.pool, name)
        domains = tuple(f"{label(model.name)}-{number}.example" for number in range(1, model.tenants + 1))
        for domain in domains:
            self.describe(model, domain, hosts, f"_spf.{name}.example")
        if model.kind in (Kind.NOTICE, Kind.ASKING):
            for host in hosts:  # without an envelope sender SPF is about the host's own name (RFC 7208 2.4)
                self.zone.add(host.helo, "TXT", "v=spf1 a -all")
        return Party(model, hosts, domains)

    def hosts(self, pool: Pool, name: str) -> tuple[Host, ...]:
        networks = [self.network(ipv6=pool.ipv6) for _ in range(pool.networks)]
        made = []
        for number in range(pool.addresses):
            address = networks[number % len(networks)] + 10 + number
            host = Host(address, f"mx{number + 1}.{name}.example")
            made.append(host)
            if pool.named:
                self.zone.host(address, host.helo)
        if pool.spf is Vouched.PASS:
            kind = "ip6" if pool.ipv6 else "ip4"
            spans = [f"{kind}:{network_of(network)}" for network in networks]
            self.zone.add(f"_spf.{name}.example", "TXT", f"v=spf1 {' '.join(spans)} -all")
        return tuple(made)

    def network(self, *, ipv6: bool = False) -> IPAddress:
        """The first address of a /24, or /64, that nobody has yet."""
        number = next(self.servers)
        if ipv6:
            return IPv6Address(int(IPV6.network_address) + (number << 64))
        return IPv4Address(int(SERVERS.network_address) + (number << 8))

    def bot(self, model: Model) -> Host:
        """A host of a network of its own."""
        address = ip_address(int(BOTS.network_address) + (next(self.bots) << 8) + 7)
        return Host(address, "localhost.localdomain")

    def describe(self, model: Model, domain: str, hosts: Sequence[Host], include: str) -> None:
        if model.pool.spf is Vouched.PASS:
            self.zone.add(domain, "TXT", f"v=spf1 include:{include} -all")
        elif model.pool.spf is Vouched.WIDE:
            self.zone.add(domain, "TXT", "v=spf1 +all")
        if model.signs:
            public = signing_key(domain).verify_key.encode(nacl.encoding.Base64Encoder).decode()
            self.zone.add(f"{SELECTOR}._domainkey.{domain}", "TXT", f"v=DKIM1; k=ed25519; p={public}")


def label(name: str) -> str:
    """A model's name as a label of a host name."""
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-").replace("--", "-")


def signing_key(domain: str) -> nacl.signing.SigningKey:
    """The same key each time."""
    return nacl.signing.SigningKey(sha256(f"signs {domain}".encode()).digest())
