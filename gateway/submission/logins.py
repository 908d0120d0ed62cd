"""Passwords of those who submit mail (scrypt, RFC 7914), and who guesses at them."""

import asyncio
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import scrypt

from gateway.model import IPAddress
from gateway.policy.identity import network_of
from gateway.settings.sending import User
from gateway.smtpd.limits import Guesses

COST, BLOCK, PARALLEL = 15, 8, 1  # 2^15 rounds: 32 MiB and a tenth of a second
LENGTH = 32  # bytes of a hash
MOST_WAITING = 50  # passwords that wait to be checked
# Nobody's: what is compared where there is no such user.
NOBODYS = f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{'00' * 16}:{'00' * LENGTH}"


class Busy(Exception):
    """Too many passwords wait to be checked."""


def hashed(password: str) -> str:
    """A password as the settings keep it."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{salt.hex()}:{derived(password, salt, COST).hex()}"


def derived(password: str, salt: bytes, cost: int) -> bytes:
    plain = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogateescape")
    room = 2 * 128 * BLOCK * 2**cost
    return scrypt(plain, salt=salt, n=2**cost, r=BLOCK, p=PARALLEL, maxmem=room, dklen=LENGTH)


def matches(password: str, stored: str) -> bool:
    _, cost, _, _, salt, key = stored.split(":")
    return hmac.compare_digest(derived(password, bytes.fromhex(salt), int(cost)), bytes.fromhex(key))


class Logins:
    """Checks one password at a time, as long for a name that does not exist as for one that does."""

    def __init__(self, users: Mapping[str, User], most_failures: int) -> None:
        self.users = users
        self.failures = Guesses(most_failures)
        self.checker = ThreadPoolExecutor(1, "passwords")
        self.waiting = 0

    async def check(self, name: str, password: str) -> bool:
        """Raises Busy."""
        if self.waiting >= MOST_WAITING:
            raise Busy
        user = self.users.get(name)
        stored = user.password if user is not None else NOBODYS
        self.waiting += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(self.checker, matches, password, stored)
        finally:
            self.waiting -= 1
        return right and user is not None

    def is_barred(self, address: IPAddress) -> bool:
        """Whether so many logins failed from there that no other is looked at."""
        return self.failures.are_too_many((guesser(address),), asyncio.get_running_loop().time())

    def failed(self, address: IPAddress) -> None:
        self.failures.wrong((guesser(address),), asyncio.get_running_loop().time())


def guesser(address: IPAddress) -> str:
    """Who guesses: an IPv4 address, or the /64 that one customer has."""
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address) if address.version == 4 else str(network_of(address))
