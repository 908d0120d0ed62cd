"""Mails signed as a sender signs them, with dkimpy's canonical forms and arithmetic, which ours are compared with."""

import base64
import hashlib
import subprocess
from dataclasses import dataclass
from functools import cache

import dkim
import nacl.signing
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import RSASSA_PKCS1_v1_5_sign, parse_pem_private_key

HEAD = b"From: Ann <ann@elsewhere.example>\r\nTo: Bo <bo@example.com>\r\nSubject: A \t letter\r\n of two lines\r\n"
BODY = b"Hello  Bo, \t \r\n\r\n  it is me.\t\r\n\r\n \r\n"
MAIL = HEAD + b"\r\n" + BODY
DOMAIN = "elsewhere.example"


@dataclass(frozen=True)
class Signer:
    """A private key, and what its domain publishes of it."""

    kind: str
    private: bytes  # PEM, or base64 for Ed25519
    public: str  # base64

    def record(self, more: str = "") -> str:
        return f"v=DKIM1; k={self.kind}; {more}p={self.public}"

    def sign(self, text: bytes, algorithm: str) -> bytes:
        digest = hashlib.new(algorithm, text)
        if self.kind == "ed25519":
            key = nacl.signing.SigningKey(base64.b64decode(self.private))
            return bytes(key.sign(digest.digest()).signature)
        return bytes(RSASSA_PKCS1_v1_5_sign(digest, parse_pem_private_key(self.private)))


@cache
def rsa_signer(bits: int = 2048) -> Signer:
    if bits < 1024:  # what no library makes any more
        made = subprocess.run(["openssl", "genrsa", "-traditional", str(bits)], check=True, capture_output=True)
        public = subprocess.run(
            ["openssl", "rsa", "-pubout", "-outform", "DER"], input=made.stdout, check=True, capture_output=True
        )
        return Signer("rsa", made.stdout, base64.b64encode(public.stdout).decode())
    key = rsa.generate_private_key(65537, bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public_der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Signer("rsa", private, base64.b64encode(public_der).decode())


@cache
def ed25519_signer() -> Signer:
    key = nacl.signing.SigningKey.generate()
    return Signer("ed25519", base64.b64encode(bytes(key)), base64.b64encode(bytes(key.verify_key)).decode())


def signed(mail: bytes = MAIL, signer: Signer | None = None, **tags: str | None) -> bytes:
    """The mail with a signature on top; a tag that is None is left out."""
    signer = signer or rsa_signer()
    every: dict[str, str | None] = {
        "v": "1", "a": f"{signer.kind}-sha256", "c": "relaxed/relaxed", "d": DOMAIN, "s": "sel",
        "h": "from:to:subject", "bh": "", **tags,
    }  # fmt: skip
    forms = CanonicalizationPolicy.from_c_value((every["c"] or "simple/simple").encode())
    algorithm = (every["a"] or "").rpartition("-")[2]
    algorithm = algorithm if algorithm in hashlib.algorithms_available else "sha256"
    headers, body = dkim.rfc822_parse(mail)
    canonical = forms.canonicalize_body(body)[: int(every["l"] or 0) if every.get("l") else None]
    if every["bh"] == "":
        every["bh"] = base64.b64encode(hashlib.new(algorithm, canonical).digest()).decode()
    field = "; ".join(f"{name}={value}" for name, value in every.items() if value is not None) + ";\r\n b="
    names = [name.strip().lower().encode() for name in (every["h"] or "").split(":")]
    chosen = dkim.select_headers([tuple(header) for header in headers], names)
    chosen.append((b"DKIM-Signature", b" " + field.encode("latin-1")))
    text = b"".join(name + b":" + value for name, value in forms.canonicalize_headers(chosen))
    signature = base64.b64encode(signer.sign(text.removesuffix(b"\r\n"), algorithm))
    return b"DKIM-Signature: " + field.encode("latin-1") + signature + b"\r\n" + mail


def forwarded(mail: bytes, signer: Signer, domain: str, said: str) -> bytes:
    """The mail with an ARC set on top, by one who states what it found."""
    stated = f"Authentication-Results: {domain}; {said}\r\n".encode()
    fields = dkim.arc_sign(stated + mail, b"sel", domain.encode(), signer.private, domain.encode())
    return b"".join(fields) + stated + mail
