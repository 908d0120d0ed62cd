"""The sections about signing in with what people have elsewhere: at an issuer, in a directory, at the mail server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from gateway.model import Role
from gateway.settings.addresses import domain, is_host, port_number
from gateway.settings.listening import Section
from gateway.settings.quantities import DAY, HOUR, MINUTE, SECOND, quoted
from gateway.settings.shapes import Duration, Flag, HostName, Location, Number, Percent, Shape, distinct

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LDAP_FORMS = "write ldaps://host:port or ldap://host:port"
LONGEST = 500  # characters
_PORTS = {"ldap": 389, "ldaps": 636}
_FILTER = re.compile(r"\([ -~]+\)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9;_.:/-]{0,99}")


@dataclass(frozen=True, slots=True)
class LdapUrl:
    """Where a directory is asked."""

    scheme: Literal["ldap", "ldaps"]
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


def ldap_url(value: object) -> LdapUrl:
    """Raises ValueError for what says more than a host and a port."""
    if isinstance(value, LdapUrl):
        return value
    scheme, _, place = value.rstrip("/").partition("://") if isinstance(value, str) else ("", "", "")
    if scheme not in ("ldap", "ldaps"):
        raise ValueError(f"{quoted(value)} is no directory; {LDAP_FORMS}")
    bare = place.endswith("]") or ":" not in place
    host, _, port = (place, "", "") if bare else place.rpartition(":")
    if not is_host(host):
        raise ValueError(f"{quoted(value)} names no host; {LDAP_FORMS}")
    found = _PORTS[scheme] if bare else port_number(port)
    return LdapUrl("ldap" if scheme == "ldap" else "ldaps", host.strip("[]").lower(), found)


def issuer(value: object) -> str:
    """An issuer as it calls itself, letter by letter (OpenID Connect Discovery 1.0, 3), or nothing."""
    if value == "":
        return ""
    try:
        parts = urlsplit(value) if isinstance(value, str) and value.isascii() and value.isprintable() else None
        host = (parts.hostname or "") if parts else ""
    except ValueError:
        parts, host = None, ""
    if parts is None or not host or parts.query or parts.fragment or "@" in parts.netloc or " " in str(value):
        raise ValueError(f"{quoted(value)} is no issuer; write it as it calls itself: https://login.example.com/realm")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ValueError(f"{quoted(value)} is not encrypted; an issuer begins with https://")
    if len(str(value)) > 200:
        raise ValueError("an issuer has at most 200 characters")
    return str(value)


def machine(value: object) -> str:
    """A host name or an address of one, or nothing."""
    if value == "":
        return ""
    if not isinstance(value, str) or not is_host(value):
        raise ValueError(f"{quoted(value)} is no host; write such as mail.example.com")
    return value.strip("[]").lower()


def words(value: object) -> str:
    """A short text for people."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > 60:
        raise ValueError(f"{quoted(value)} is no short text; write at most 60 letters")
    return value.strip()


def written(value: object) -> str:
    """A text that another program gave, as it is."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST:
        raise ValueError(f"{quoted(value)} is no text; write at most {LONGEST} letters")
    return value


def name(value: object) -> str:
    """The name of a claim or an attribute."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError(f"{quoted(value)} is no name; write such as email or memberOf")
    return value


def ldap_filter(value: object) -> str:
    """A filter (RFC 4515) in brackets."""
    if not isinstance(value, str) or not _FILTER.fullmatch(value) or value.count("(") != value.count(")"):
        raise ValueError(f"{quoted(value)} is no filter; write such as (mail={{name}})")
    return value


def role(value: object) -> str:
    """A role, or a role for a domain, as people write it: approver:example.com."""
    said, colon, where = value.partition(":") if isinstance(value, str) else ("", "", "")
    if said not in tuple(Role) or (colon and not where):
        known = ", ".join(Role)
        raise ValueError(f"{quoted(value)} is no role; write one of {known}, or one for a domain: approver:example.com")
    return f"{said}:{domain(where)}" if where else said


def roles(value: object) -> Mapping[str, str]:
    """A table of groups and what their members are here, with commas between; raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError('is not a table; write { "gate-approvers" = "approver:example.com" }')
    found = {}
    for group, said in value.items():
        many = said if isinstance(said, list) else said.split(",") if isinstance(said, str) else (said,)
        found[written(group)] = ", ".join(role(one.strip() if isinstance(one, str) else one) for one in many)
    return found


Roles = Annotated[
    Mapping[str, str],
    PlainValidator(roles),
    PlainSerializer(dict),
    Shape('a table of groups and roles: { "gate-approvers" = "approver:example.com" }'),
]
Issuer = Annotated[str, PlainValidator(issuer), Shape('an https:// address as the issuer calls itself, or ""')]
Machine = Annotated[str, PlainValidator(machine), Shape('a host; "" is none')]
Words = Annotated[str, PlainValidator(words), Shape("a short text")]
Written = Annotated[str, PlainValidator(written), Shape("a text", "texts")]
Name = Annotated[str, PlainValidator(name), Shape("a name", "names")]
Filter = Annotated[str, PlainValidator(ldap_filter), Shape("a filter in brackets (RFC 4515)")]
Ldap = Annotated[LdapUrl, PlainValidator(ldap_url), PlainSerializer(str)]
Ldaps = Annotated[
    tuple[Ldap, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str | LdapUrl) else value),
    AfterValidator(distinct),
    Shape("ldaps://host:port or ldap://host:port; one, or a list of them"),
]


class Oidc(Section):
    """Signing in at an issuer (OpenID Connect): Keycloak, Entra ID, Google and others. Off without an issuer."""

    issuer: Issuer = Field(default="", description="The issuer, letter by letter as it calls itself.")
    client_id: Written = Field(default="", description="What Greygate is called there.")
    secret_file: Location | None = Field(
        default=None, description="A file, readable by us alone, whose first line is the client secret."
    )
    label: Words = Field(default="your work account", description="What the button says after “Sign in with”.")
    scopes: tuple[Name, ...] = Field(default=("openid", "email", "profile"), description="What is asked for.")
    address: Name = Field(default="email", description="The claim that holds somebody's mail address.")
    verified: Literal["claim", "issuer"] = Field(
        default="claim",
        description="Whether an address counts only where email_verified says so, or the issuer proves all of them.",
    )
    groups_claim: Name = Field(default="groups", description="The claim that lists somebody's groups.")
    groups: tuple[Written, ...] = Field(default=(), description="Who must be in one of these; empty: everybody there.")
    roles: Roles = Field(default={}, description="What members of a group are here; it ends when they leave it.")
    create: Flag = Field(
        default=False, description="Whether whoever has an address of ours is made known by signing in there."
    )
    second_factor: Literal["ours", "provider"] = Field(
        default="ours", description="Whether a second factor is asked for here too, or the issuer sees to it."
    )
    acr: tuple[Written, ...] = Field(
        default=(), description="What the issuer has to say in acr or amr of how somebody signed in; one of these."
    )
    logout: Flag = Field(default=False, description="Whether signing out here signs out there too.")
    timeout: Duration = Field(default=5 * SECOND, ge=SECOND, le=MINUTE, description="How long it may take to answer.")
    ca_file: Location | None = Field(
        default=None, description="The certificates, in PEM, by which it is believed; without it those of the system."
    )

    @property
    def is_on(self) -> bool:
        return bool(self.issuer)


class DirectorySettings(Section):
    """A directory (LDAP, Active Directory): passwords, groups, and which recipients exist. Off without a URL."""

    url: Ldaps = Field(default=(), description="Where it is; with several, the next is tried when one is down.")
    tls: Literal["require", "off"] = Field(
        default="require", description="Whether ldap:// is encrypted by StartTLS; never is for this machine only."
    )
    ca_file: Location | None = Field(
        default=None, description="The certificates, in PEM, by which it is believed; without it those of the system."
    )
    bind_dn: Written = Field(default="", description="Who asks; without it nobody in particular (anonymous).")
    password_file: Location | None = Field(
        default=None, description="A file, readable by us alone, whose first line is the password of bind_dn."
    )
    base: Written = Field(default="", description="Below which entry people are.")
    filter: Filter = Field(
        default="(&(objectClass=person)(|(uid={name})(mail={name})))",
        description="Who it is that signs in with {name}.",
    )
    everybody: Filter = Field(
        default="(&(objectClass=person)(mail=*))", description="Who is read by greygate directory sync."
    )
    id: Name = Field(default="entryUUID", description="What never changes of an entry; objectGUID in AD.")
    addresses: tuple[Name, ...] = Field(
        default=("mail", "mailAlternateAddress", "proxyAddresses"),
        min_length=1,
        description="Where the addresses of an entry stand; the first of the first one is the main one.",
    )
    group_base: Written = Field(default="", description="Below which entry groups are; empty: as people.")
    group_filter: Filter = Field(
        default="(|(objectClass=groupOfNames)(objectClass=group)(objectClass=posixGroup))",
        description="What a group is.",
    )
    groups: tuple[Written, ...] = Field(
        default=(), description="Who must be in one of these to sign in, by DN or cn; empty: everybody there."
    )
    roles: Roles = Field(default={}, description="What members of a group (DN or cn) are here; it ends with that.")
    create: Flag = Field(
        default=False, description="Whether whoever has an address of ours is made known by signing in."
    )
    sync: Literal["off", "recipients", "people", "both"] = Field(
        default="off", description="What greygate directory sync and the sweep keep as the directory has it."
    )
    every: Duration = Field(default=HOUR, ge=5 * MINUTE, le=7 * DAY, description="How often the sweep reads it.")
    most_removed: Percent = Field(
        default=10, description="Per cent of the people or recipients that may be gone at once; more is refused."
    )
    timeout: Duration = Field(default=5 * SECOND, ge=SECOND, le=MINUTE, description="How long it may take to answer.")

    @property
    def is_on(self) -> bool:
        return bool(self.url)

    @property
    def keeps_people(self) -> bool:
        return self.is_on and self.sync in ("people", "both")

    @property
    def keeps_recipients(self) -> bool:
        return self.is_on and self.sync in ("recipients", "both")


class ImapSettings(Section):
    """Passwords of the mail server: whoever can read their mail there can sign in here. Off without a host."""

    host: Machine = Field(default="", description="The IMAP server.")
    port: Number = Field(default=993, ge=1, le=65535, description="Its port.")
    tls: Literal["tls", "starttls", "off"] = Field(
        default="tls",
        description="How it is encrypted: from the first byte, by STARTTLS, or, on this machine only, never.",
    )
    ca_file: Location | None = Field(
        default=None, description="The certificates, in PEM, by which it is believed; without it those of the system."
    )
    domain: HostName = Field(default="", description="What is put behind a name without a domain.")
    create: Flag = Field(
        default=False, description="Whether whoever has an address of ours is made known by signing in."
    )
    timeout: Duration = Field(default=5 * SECOND, ge=SECOND, le=MINUTE, description="How long it may take to answer.")

    @property
    def is_on(self) -> bool:
        return bool(self.host)

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK
