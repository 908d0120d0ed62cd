"""Passwords as argon2id (RFC 9106), the second factor (RFC 6238), and codes for the day the telephone is lost."""

import secrets
from hashlib import sha256

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.i18n import _

SHORTEST, LONGEST = 12, 1024
STEP = 30  # seconds
DRIFT = 1  # steps that a clock may be off
CODES = 10
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODY = HASHER.hash(secrets.token_urlsafe(16))  # checked where there is no such person: that must take as long
COMMON = frozenset(
    (
        "123456789012",
        "1234567890123",
        "abc123abc123",
        "adminadminadmin",
        "administrator",
        "changemechangeme",
        "greygategreygate",
        "iloveyou1234",
        "letmeinletmein",
        "p@ssw0rd1234",
        "passw0rd1234",
        "password1234",
        "passwordpassword",
        "qwertyuiop12",
        "qwertyuiop123",
        "welcome12345",
    )
)


class BadPassword(ValueError):
    """A password that is too easy; says why."""


def hashed(password: str, name: str) -> str:
    """Raises BadPassword."""
    said = password.casefold()
    if len(password) < SHORTEST:
        raise BadPassword(
            _("At least %(count)d characters, please. Three or four words make a good one.") % {"count": SHORTEST}
        )
    if len(password) > LONGEST:
        raise BadPassword(_("At most %(count)d characters.") % {"count": LONGEST})
    if said in COMMON or len(set(said)) < 5 or said in (name.casefold(), name.casefold()[::-1]):
        raise BadPassword(_("Others guess that one first. Three or four words make a good one."))
    return HASHER.hash(password)


def is_right(stored: str, password: str) -> bool:
    """Takes as long where there is no password."""
    try:
        HASHER.verify(stored or NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(stored)


# ---- the second factor ---------------------------------------------------------------------------------------------


def new_secret() -> str:
    return pyotp.random_base32()


def address_of(secret: str, name: str) -> str:
    """What a telephone reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Greygate")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that a code is of; None where it is wrong. `now` is in seconds of Unix time."""
    said = code.replace(" ", "")
    if not (said.isascii() and said.isdigit() and len(said) == 6):
        return None
    current = int(now) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if secrets.compare_digest(pyotp.TOTP(secret).at(step * STEP), said):
            return step
    return None


def recovery_codes() -> list[str]:
    return ["-".join(secrets.token_hex(2) for __ in range(3)) for __ in range(CODES)]


def digest_of(code: str) -> str:
    """Of a code with 48 bits: enough against guessing at a page that lets nobody guess often."""
    return sha256(code.strip().casefold().encode("utf-8", "replace")).hexdigest()
