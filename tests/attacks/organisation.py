"""Organisations that sign their mail: keys, what they publish in DNS, and mails of theirs."""

import base64
from dataclasses import dataclass, field
from functools import cache

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.evidence.dnsserver import DnsServer
from tests.talk import message

SELECTOR = "s1"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name: to make one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Organisation:
    """A domain with a signing key, published in a zone; `hosts` are the addresses that its SPF record permits."""

    domain: str
    dns: DnsServer
    hosts: list[str] = field(default_factory=list)
    dmarc: str | None = None

    def __post_init__(self) -> None:
        zone, public = self.dns.zone, private_key(self.domain).public_key()
        coded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = f"v=DKIM1; k=rsa; p={base64.b64encode(coded).decode()}"
        parts = [text[begin : begin + 200] for begin in range(0, len(text), 200)]
        zone[(f"{SELECTOR}._domainkey.{self.domain}", "TXT")] = [" ".join(f'"{part}"' for part in parts)]
        zone[(self.domain, "A")] = ["192.0.2.80"]
        if self.hosts:
            permitted = " ".join(f"ip4:{host}" for host in self.hosts)
            zone[(self.domain, "TXT")] = [f'"v=spf1 {permitted} -all"']
        if self.dmarc:
            zone[(f"_dmarc.{self.domain}", "TXT")] = [f'"v=DMARC1; p={self.dmarc}"']

    @property
    def key(self) -> bytes:
        """The private key, as PEM."""
        return private_key(self.domain).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    def forwarded(self, mail: bytes, said: str) -> bytes:
        """The mail as this organisation forwards it: with an ARC set on top that states what it found."""
        found = f"Authentication-Results: {self.domain}; {said}\r\n".encode()
        sealed = dkim.arc_sign(found + mail, SELECTOR.encode(), self.domain.encode(), self.key, self.domain.encode())
        return b"".join(sealed) + found + mail

    def signed(self, mail: bytes, **how: object) -> bytes:
        """The mail with this organisation's signature on top."""
        options = {
            "canonicalize": (b"relaxed", b"relaxed"),
            "include_headers": [b"from", b"to", b"subject", b"date", b"message-id"],
            **how,
        }
        return dkim.sign(mail, SELECTOR.encode(), self.domain.encode(), self.key, **options) + mail

    def mail(self, subject: str, local: str = "ann", to: str = "bo@example.com", **how: object) -> bytes:
        """A signed mail of one of its people."""
        return self.signed(message(subject, sender=f"{local}@{self.domain}", to=to), **how)
