"""A passkey in software: what a browser and its device answer, well or badly, without either."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftKey:
    """`uses`: what it counts, 0 where it does not; `verifies`: whether it asks who holds it."""

    origin: str = "http://localhost"
    uses: int = 1
    verifies: bool = True
    secret: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""

    def made(self, options: dict[str, Any], **changed: Any) -> str:
        """The answer to being made."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        numbers = self.secret.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        data = self.data(changed.get("rp", options["rp"]["id"]), ATTESTED) + attested
        whole = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self.client("webauthn.create", options["challenge"], **changed)
        return self.said(clientDataJSON=client, attestationObject=whole)

    def used(self, options: dict[str, Any], **changed: Any) -> str:
        """The answer to being used."""
        if self.uses:
            self.uses += 1
        data = self.data(changed.get("rp", options["rpId"]))
        client = self.client("webauthn.get", options["challenge"], **changed)
        secret = changed.get("secret", self.secret)
        signature = secret.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        handle = changed.get("handle", self.handle)
        return self.said(clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=handle)

    def data(self, name: str, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(name.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4, "big")

    def client(self, kind: str, challenge: str, /, **changed: Any) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | {name: changed[name] for name in told if name in changed}).encode()

    def said(self, **response: bytes) -> str:
        name = bytes_to_base64url(self.id)
        told = {one: bytes_to_base64url(value) for one, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": told})
