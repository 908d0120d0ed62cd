"""Digests that stand for long keys: short to index, equal on every database, and safe from what senders write."""

from hashlib import blake2b, sha256

from gateway.model import Rung

LENGTH = 16  # bytes of a key


def digest(*parts: str) -> bytes:
    """The first 16 bytes of SHA-256 over the parts, each with its length, so that no two lists of parts run together.

    SHA-256 because the routine in sql/routines makes the same keys, and MariaDB has no BLAKE2.
    """
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return sha256(b"".join([len(part).to_bytes(4, "big") + part for part in encoded])).digest()[:LENGTH]


def pair_key(sender: str, recipient: str) -> bytes:
    return digest("pair", sender, recipient)


def rung_key(rung: Rung, sender: str, recipient: str, *, saw_data: bool) -> bytes:
    """Sightings before the data and after it are found apart: many mails are one envelope, but not one content."""
    return digest("data" if saw_data else "rcpt", str(int(rung.kind)), rung.value, sender, recipient)


def content_keys(sender: str, recipient: str, body: str | None, message_id: str | None) -> dict[str, bytes | None]:
    """The columns by which a mail is found again: its envelope with its body, and with its Message-ID."""
    return {
        "body_key": digest("body", sender, recipient, body) if body else None,
        "message_id_key": digest("message-id", sender, recipient, message_id) if message_id else None,
    }


def text_key(text: str | None) -> str | None:
    """A Message-ID as 64 hex characters: real ones are longer than a column should be."""
    return None if text is None else blake2b(text.encode("utf-8", "surrogateescape"), digest_size=32).hexdigest()
