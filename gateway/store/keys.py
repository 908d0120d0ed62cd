"""Digests that stand for long keys: short to index, equal on every database, and safe from what senders write."""

from hashlib import blake2b

from gateway.model import Rung


def digest(*parts: str) -> bytes:
    """16 bytes of BLAKE2b over the parts, each with its length, so that no two lists of parts run together."""
    summed = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        summed.update(len(encoded).to_bytes(4, "big") + encoded)
    return summed.digest()


def pair_key(sender: str, recipient: str) -> bytes:
    return digest("pair", sender, recipient)


def rung_key(rung: Rung, sender: str, recipient: str) -> bytes:
    return digest("rung", str(int(rung.kind)), rung.value, sender, recipient)


def text_key(text: str | None) -> str | None:
    """A Message-ID as 64 hex characters: real ones are longer than a column should be."""
    return None if text is None else blake2b(text.encode("utf-8", "surrogateescape"), digest_size=32).hexdigest()
