"""A DNS server of our own on loopback: answers from a table, or not at all."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class DnsServer:
    """`zone` maps (name, type) to records; a name that is in no row does not exist.

    `silent` answers nothing, `mute` nothing about these names. `soa` tells for how long what is not there stays away,
    `secure` says that DNSSEC proved it all. `lies` tells how every answer is spoilt, see `spoilt`.
    """

    zone: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    silent: bool = False
    failing: bool = False
    mute: set[str] = field(default_factory=set)
    soa: int | None = None  # seconds
    ttl: int = 60
    secure: bool = False
    lies: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """A thread that waits for a datagram is not woken by the socket's end, but by one of ours."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(60)
        self.socket.close()

    def serve(self) -> None:
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            query = dns.message.from_wire(data)
            if not self.silent and query.question[0].name.to_text(omit_final_dot=True).lower() not in self.mute:
                self.socket.sendto(self.spoilt(self.answer(query)), peer)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = self.zone.get((name, kind))
        if self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if not records and self.soa is not None:
            soa = f"ns.example. admin.example. 1 3600 600 86400 {self.soa}"
            response.authority.append(dns.rrset.from_text("example.", 86400, "IN", "SOA", soa))
        if self.secure:
            response.flags |= dns.flags.AD
        return response

    def spoilt(self, response: dns.message.Message) -> bytes:
        """An answer as `lies` says: to another question, about another name, cut off (and nobody listens on TCP) …"""
        other = dns.name.from_text("liar.example.")
        if self.lies == "id":
            response.id ^= 1
        elif self.lies == "question":
            response.question[0].name = other
        elif self.lies == "name":
            for rrset in response.answer:
                rrset.name = other
        elif self.lies == "type" and response.answer:
            response.answer = [dns.rrset.from_text(response.question[0].name, 60, "IN", "A", "192.0.2.1")]
        elif self.lies == "truncated":
            response.flags |= dns.flags.TC
        elif self.lies == "no answer":
            response.flags &= ~dns.flags.QR
        wire = response.to_wire()
        return {"garbage": b"\xff" * 40, "cut": wire[:20], "nothing": b""}.get(self.lies, wire)

    def host(self, address: str, name: str, resolves_to: str | None = None) -> None:
        """A host whose address has a name; it is confirmed unless it resolves to another address."""
        reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
        self.zone[(reverse, "PTR")] = [f"{name}."]
        self.zone.setdefault((name, "A"), []).append(resolves_to or address)
