"""Links in mails: each does one thing to one mail for one person, and only until some day.

Whoever fetches one changes nothing: programs fetch every link of every mail before a person sees it. A link holds 128
random bits, of which a digest is kept, and a seal over them (HMAC-SHA256, 128 bits) with a key of the month: who can
read the database cannot make one, nor can who has an old key.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.store import digests
from gateway.store.keys import digest

BYTES = 16
KEY_BYTES = 32
DIGITS = 3  # of a code
TRIES = 3  # wrong codes that a link takes; then somebody has to sign in
NOTHING = bytes(BYTES)


@dataclass(frozen=True, slots=True)
class Made:
    """A link: what stands in the mail, what is kept of it, and of the code that stands beside it."""

    token: str
    key: bytes
    code_key: bytes


def month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def valid_months(now: datetime) -> tuple[str, str]:
    """This one, and the one before it."""
    return month(now), month(now.replace(day=1) - timedelta(days=1))


def make(seal: bytes, code: str) -> Made:
    held = secrets.token_bytes(BYTES)
    return Made(f"{text(held)}.{text(sealed(held, seal))}", key_of(held), code_key(held, code))


def new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def opened(token: str, seals: Collection[bytes]) -> tuple[bytes, bool]:
    """What a link holds, and whether its seal is one of ours. It takes as long for one that was never made."""
    first, _, second = token.partition(".")
    held, told = raw(first), raw(second)
    fits = [hmac.compare_digest(sealed(held or NOTHING, one), told or NOTHING) for one in seals]
    return held or NOTHING, any(fits) and held is not None and told is not None


def sealed(held: bytes, seal: bytes) -> bytes:
    return hmac.digest(seal, b"link in a mail" + held, "sha256")[:BYTES]


def key_of(held: bytes) -> bytes:
    return digest("link", held.hex())


def code_key(held: bytes, code: str) -> bytes:
    return digest("code", held.hex(), code)


def is_code(held: bytes, said: str, kept: bytes) -> bool:
    """Whether somebody typed the code; spaces do not count."""
    typed = "".join(said.split())
    return hmac.compare_digest(code_key(held, typed), kept)


def text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def raw(value: str) -> bytes | None:
    """What the text stands for, if it is the one way to write so many bytes."""
    try:
        found = urlsafe_b64decode(value.encode("ascii") + b"==")
    except ValueError:
        return None
    return found if len(found) == BYTES and text(found) == value else None


# ---- keys ----------------------------------------------------------------------------------------------------------


def seals(conn: Connection, now: datetime) -> list[bytes]:
    """What links are sealed with that are valid now; always two, so that nobody learns how old a key is."""
    found = digests.seal_keys(conn, valid_months(now))
    return [found.get(one, secrets.token_bytes(KEY_BYTES)) for one in valid_months(now)]


def seal_of(conn: Connection, now: datetime) -> bytes:
    """This month's, made where it is not there yet; older ones are forgotten then."""
    this, before = valid_months(now)
    found = digests.seal_keys(conn, [this])
    if this not in found:
        digests.make_seal_key(conn, this, secrets.token_bytes(KEY_BYTES))
        digests.forget_seal_keys(conn, before)
        found = digests.seal_keys(conn, [this])
    return found[this]
