"""A signature and its key, without knowing what is signed: tags, key records, and the arithmetic.

Of DKIM (RFC 6376 with 8301 and 8463), and of ARC, which writes its fields alike (RFC 8617 4.1).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nacl.exceptions
import nacl.signing
from dkim.crypto import DigestTooLargeError, EMSA_PKCS1_v1_5_encode, UnparsableKeyError, parse_public_key
from dkim.util import InvalidTagValueList, parse_tag_value

from gateway.evidence.resolver import Records
from gateway.policy.address import BadAddress, domain_key

LONGEST_KEY = 4096  # bits of RSA; longer ones cost much and are nobody's
SHORTEST_KEY = 1024  # RFC 8301 3.2: below it nothing is valid
LARGEST_EXPONENT = 1 << 32
ED25519_KEY = 32  # bytes
LONGEST_RECORD = 4096  # bytes
MOST_RECORDS = 3  # key records under one name that are tried

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,12}")
_SPACE = re.compile(r"[ \t\r\n]+")

Tags = Mapping[str, str]


class Malformed(ValueError):
    """What somebody wrote is not a signature or a key; args[0] says why."""


def tags_of(text: bytes) -> Tags:
    """The tags of a list, a character for each byte, values as they stand. Raises Malformed (RFC 6376 3.2)."""
    try:
        found = {name.decode("latin-1"): value.decode("latin-1") for name, value in parse_tag_value(text).items()}
    except InvalidTagValueList:
        raise Malformed("no list of tags") from None
    if not all(map(_TAG_NAME.fullmatch, found)):
        raise Malformed("no name of a tag")
    return found


def required(tags: Tags, *names: str) -> None:
    for name in names:
        if not tags.get(name):
            raise Malformed(f"no {name}=")


def unfolded(value: str) -> str:
    """A value without any white space."""
    return _SPACE.sub("", value)


def listed(value: str) -> tuple[str, ...]:
    """What a value names between its colons, in small letters."""
    return tuple(part.strip(" \t\r\n").lower() for part in value.split(":"))


def base64_of(value: str) -> bytes:
    """Raises Malformed."""
    try:
        return base64.b64decode(unfolded(value), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None


def number_of(tags: Tags, name: str) -> int | None:
    """Raises Malformed."""
    if name in tags and not _NUMBER.fullmatch(tags[name]):
        raise Malformed(f"{name}= is no number")
    return int(tags[name]) if name in tags else None


def name_of(value: str) -> str:
    """A domain as A-labels in small letters. Raises Malformed."""
    try:
        return domain_key(value.encode("latin-1").decode("utf-8"))
    except (UnicodeError, BadAddress):
        raise Malformed("no domain name") from None


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as a domain publishes it (RFC 6376 3.6.1). `bits` of an Ed25519 key is None."""

    kind: str  # "rsa" or "ed25519"
    material: Any
    bits: int | None
    hashes: tuple[str, ...]  # that it permits; none: all
    flags: tuple[str, ...]  # of t=

    @property
    def is_weak(self) -> bool:
        return self.bits is not None and self.bits < SHORTEST_KEY

    def verifies(self, text: bytes, signature: bytes, algorithm: str) -> bool:
        """Whether the signature is of this text. Raises Malformed where it cannot be told."""
        digest = hashlib.new(algorithm, text)
        try:
            if self.kind == "rsa":
                return rsa_verifies(self.material, digest, signature)
            self.material.verify(digest.digest(), signature)
        except nacl.exceptions.BadSignatureError:
            return False
        except (DigestTooLargeError, nacl.exceptions.CryptoError, ValueError, TypeError):
            raise Malformed("the key is not for this") from None
        return True


def rsa_verifies(numbers: Mapping[str, int], digest: Any, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2); with dkimpy's most time goes into bytes of numbers."""
    modulus = numbers["modulus"]
    stated = int.from_bytes(signature, "big")
    expected = int.from_bytes(EMSA_PKCS1_v1_5_encode(digest, (modulus.bit_length() + 7) // 8), "big")
    return stated < modulus and pow(stated, numbers["publicExponent"], modulus) == expected


@lru_cache(512)
def key_of(record: str) -> Key:
    """Raises Malformed (RFC 6376 6.1.2)."""
    if len(record) > LONGEST_RECORD:
        raise Malformed("the key record is too long")
    tags = tags_of(record.encode("latin-1"))
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise Malformed("no DKIM key")
    if not tags.get("p"):
        raise Malformed("the key is revoked" if "p" in tags else "no p=")
    if not {"*", "email"} & set(listed(tags.get("s", "*"))):
        raise Malformed("the key is not for mail")
    kind, material = tags.get("k", "rsa"), base64_of(tags["p"])
    hashes = listed(tags["h"]) if "h" in tags else ()
    flags = listed(tags.get("t", ""))
    if kind == "rsa":
        numbers = rsa_numbers(material)
        return Key(kind, numbers, numbers["modulus"].bit_length(), hashes, flags)
    if kind == "ed25519" and len(material) == ED25519_KEY:
        return Key(kind, nacl.signing.VerifyKey(material), None, hashes, flags)
    raise Malformed("no such key")


def rsa_numbers(material: bytes) -> dict[str, int]:
    """Modulus and exponent of a key that can be reckoned with. Raises Malformed."""
    try:
        numbers: dict[str, int] = parse_public_key(material)
    except (UnparsableKeyError, AssertionError, IndexError, TypeError, ValueError):
        raise Malformed("no RSA key") from None
    if numbers["modulus"].bit_length() > LONGEST_KEY or not 2 < numbers["publicExponent"] < LARGEST_EXPONENT:
        raise Malformed("no RSA key that is used")
    return numbers


def key_among(records: Records) -> Key:
    """The first usable key of those that are there, in an order of its own. Raises Malformed."""
    problem = Malformed("no key")
    for record in sorted(records.values)[:MOST_RECORDS]:
        try:
            return key_of(record)
        except Malformed as error:
            problem = error
    raise problem
