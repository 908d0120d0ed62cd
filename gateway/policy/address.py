"""The grammar of envelope addresses, stricter than needed where laxness opens relays (RFC 5321 4.1.2, RFC 6531 3.3)."""

import re
import unicodedata
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

import idna

from gateway.marked import N_
from gateway.model import Address

Role = Literal["sender", "recipient"]

MAX_PATH = 512  # bytes, brackets included; RFC 5321 4.5.3.1.3 asks for 256, long bounce addresses need more
MAX_DOMAIN = 255
RECENT = 4096  # addresses that are not taken apart anew for each of their mails

# Quoted strings are stepped over whole, so that no bracket inside one ends the path.
_PATH = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^"<>\\ ])*)>(?: (.*))?')
_ATEXT = r"A-Za-z0-9#$&'*+/=?^_`{|}~\-\u0080-\U0010ffff"
_SENDER_LOCAL = re.compile(rf"[{_ATEXT}!%.]+")  # dots anywhere: Japanese carriers send such
_RECIPIENT_LOCAL = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LITERAL = re.compile(r"\[(?:([0-9.]+)|ipv6:([0-9a-f:.]+))\]")


class BadAddress(ValueError):
    """An address that is not taken. args[0] says why, in words fit for a reply; it never repeats the input."""


def parse_path(data: bytes, *, smtputf8: bool, role: Role) -> tuple[Address | None, bytes]:
    """The address in what follows "FROM:" or "TO:", and its parameters.

    None is the null reverse-path "<>". `smtputf8`: UTF-8 is permitted here (RFC 6531). A recipient "<postmaster>"
    has the domain "" (RFC 5321 4.1.1.3). Raises BadAddress.
    """
    found = _PATH.fullmatch(_decoded(data.lstrip(b" "), smtputf8))
    if not found:
        raise BadAddress(N_("address must stand alone in angle brackets"))
    raw, rest = found[1], (found[2] or "").strip(" ").encode()
    if len(raw.encode()) + 2 > MAX_PATH:
        raise BadAddress(N_("address too long"))
    if not raw and role == "sender":
        return None, rest
    return _mailbox(raw, role), rest


def parse_address(text: str, *, smtputf8: bool = True) -> Address:
    """An address without brackets, as people write it. Raises BadAddress."""
    try:
        address, rest = parse_path(f"<{text}>".encode(), smtputf8=smtputf8, role="sender")
    except UnicodeEncodeError:
        raise BadAddress(N_("address is not Unicode text")) from None
    if address is None or rest:
        raise BadAddress(N_("one address expected"))
    return address


def domain_key(domain: str) -> str:
    """The one form in which a domain name is compared: lower-case A-labels (RFC 5890). Raises BadAddress."""
    if len(domain) > MAX_DOMAIN:
        raise BadAddress(N_("domain too long"))
    try:
        plain = domain if domain.isascii() else idna.uts46_remap(domain, std3_rules=False, transitional=False)
        key = ".".join(map(_a_label, plain.lower().split(".")))
    except UnicodeError:  # which idna.IDNAError is
        raise BadAddress(N_("domain is not an internationalised name")) from None
    if len(key) > MAX_DOMAIN:
        raise BadAddress(N_("domain too long"))
    return key


def _a_label(label: str) -> str:
    key = label if label.isascii() else idna.alabel(label).decode()
    if not _LABEL.fullmatch(key):
        raise BadAddress(N_("domain is not a valid name"))
    return key


def _decoded(data: bytes, smtputf8: bool) -> str:
    try:
        text = data.decode("utf-8" if smtputf8 else "ascii")
    except UnicodeDecodeError:
        raise BadAddress(N_("address has characters that are not permitted here")) from None
    # Beyond ASCII this also refuses invisible characters, which make two addresses look the same.
    if not text.isprintable():
        raise BadAddress(N_("address has control characters"))
    return text


@lru_cache(RECENT)
def _mailbox(raw: str, role: Role) -> Address:
    if role == "recipient" and raw.lower() == "postmaster":
        return Address(raw, raw, "")
    if raw.startswith("@"):
        raise BadAddress(N_("source routes are not accepted"))
    local, at, domain = raw.rpartition("@")
    if not at:
        raise BadAddress(N_("address has no domain"))
    key = _path_domain(domain, role)
    return Address(raw, _sender_local(local) if role == "sender" else _recipient_local(local), key)


def _sender_local(local: str) -> str:
    if _SENDER_LOCAL.fullmatch(local):
        return local
    if not _QUOTED.fullmatch(local):
        raise BadAddress(N_("local part is not valid"))
    # Quoting that is not needed does not make another mailbox (RFC 5321 4.1.2).
    bare = re.sub(r"\\(.)", r"\1", local[1:-1])
    return bare if _SENDER_LOCAL.fullmatch(bare) else local


def _recipient_local(local: str) -> str:
    """`local`, if no server behind us can read a route or a second address into it."""
    if re.search(r'[%!:@"]', local):
        raise BadAddress(N_("local part has characters that are not accepted here"))
    # Look-alikes such as U+FF20 become "@" where a backend normalises names, so that form must be harmless too.
    forms = local, unicodedata.normalize("NFKC", local)
    if not all(map(_RECIPIENT_LOCAL.fullmatch, forms)):
        raise BadAddress(N_("local part is not valid"))
    return local


def _path_domain(domain: str, role: Role) -> str:
    if domain.startswith("["):
        return _literal(domain.lower())
    if role == "recipient" and ("_" in domain or "." not in domain):
        raise BadAddress(N_("domain is not a full name"))
    if not domain.isascii() and not _is_settled(domain):
        raise BadAddress(N_("domain is not in its normal form"))
    return domain_key(domain)


def _is_settled(domain: str) -> bool:
    """Whether mapping changes no more than case, so that every reader sees the same dots and letters."""
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
    except UnicodeError:
        return False
    return mapped == unicodedata.normalize("NFC", domain.lower())


def _literal(text: str) -> str:
    """An address literal (RFC 5321 4.1.3) in its shortest form, for instance "[ipv6:2001:db8::1]"."""
    found = _LITERAL.fullmatch(text)
    try:
        if found and found[1]:
            return f"[{IPv4Address(found[1])}]"
        if found:
            return f"[ipv6:{IPv6Address(found[2])}]"
    except ValueError:
        pass
    raise BadAddress(N_("address literal is not valid"))


# Normal forms of senders, for memory: what varies from mail to mail becomes "#" or goes.

_DOTTED = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+"
_SRS = re.compile(
    r"(?:srs0|srs1[=+-][^=]+=(?P<forwarder>[^=]+)=)[=+-](?:[^=#]+=[a-z0-9]{2}|#)=(?P<domain>[^=]+)=(?P<user>.+)"
)
_BATV = re.compile(
    r"(?:prvs=[0-9a-f]{8,12}=|btv1==[^=]+==|msprvs1=[^=]+=)(?P<user>.+)|prvs=(?P<user2>[^/]+)/[0-9a-f]{8,12}"
)
_BOUNCE_WORD = r"(?:bounced?|bounces|returns?|verp)"
_BOUNCE = re.compile(rf"(?:^|[-_.+=]){_BOUNCE_WORD}(?![a-z])")
_BOUNCE_DOMAIN = re.compile(rf"{_BOUNCE_WORD}\d*\.")
_VERP = (
    re.compile(rf"(?P<head>(?:|.*?[-_.=]){_BOUNCE_WORD}[-_.+=]).*=.+"),
    re.compile(rf"(?P<head>[^+=]+\+)[^=]+={_DOTTED}"),
    re.compile(rf"(?P<head>[^-+=]+-)[^=]+={_DOTTED}"),
)
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_LONG_HEX = r"(?<![a-z0-9])(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![a-z0-9])"
_MACHINE = re.compile(rf"{_UUID}|{_LONG_HEX}")
_NUMBER = re.compile(rf"{_UUID}|(?<![a-z0-9])(?=[a-f]*[0-9])[0-9a-f]{{8,}}(?![a-z0-9])|[0-9]{{3,}}")


@lru_cache(RECENT)
def normalise_sender(key: str) -> str:
    """`key` (Address.key) without what a sender changes from mail to mail. For memory only, never for sending.

    VERP, BATV, SRS, bounce numbers and plus-tags; the domain stays. Addresses of people keep their digits: only what
    says that it is a bounce address, or carries a UUID or 16 hexadecimal digits, loses them.
    """
    local, at, domain = key.lower().rpartition("@")
    return f"{_settled(local, domain)}{at}{domain}"


def _settled(local: str, domain: str) -> str:
    # One form may wrap another (BATV around VERP); each step shortens, so this ends.
    while (simpler := _simpler(local, domain)) != local:
        local = simpler
    return local


def _simpler(local: str, domain: str) -> str:
    if local.startswith('"'):
        return local
    if found := _SRS.fullmatch(local):
        head = f"srs1=#={found['forwarder']}=" if found["forwarder"] else "srs0"
        return f"{head}=#={found['domain']}={_settled(found['user'], found['domain'])}"
    if found := _BATV.fullmatch(local):
        return found["user"] or found["user2"]
    if found := next(filter(None, (form.fullmatch(local) for form in _VERP)), None):
        return f"{found['head']}#"
    if _BOUNCE.search(local) or _BOUNCE_DOMAIN.match(domain) or _MACHINE.search(local):
        return _NUMBER.sub("#", re.sub(r"(?<=.)\+.+", "+#", local))
    return _untagged(local)


def _untagged(local: str) -> str:
    base, _, tag = local.partition("+")
    return base if base and tag and tag != "#" else local
