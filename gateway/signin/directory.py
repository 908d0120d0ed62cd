"""Asking a directory (LDAP, RFC 4511): who somebody is, whether their password is right, and who is there at all.

Never in the clear, but to this machine; referrals are not followed; an empty password is none, because a bind with one
succeeds for everybody (RFC 4513, 5.1.2).
"""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ldap3
import structlog
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from gateway.marked import N_
from gateway.policy.address import BadAddress, parse_address
from gateway.settings.signin import DirectorySettings, LdapUrl
from gateway.signin.nouns import NO_GROUP, NoAnswer, NotIn, Proven, is_member

log = structlog.get_logger()

WHO = N_("The directory")
A_PAGE = 500  # entries at once
LONGEST = 255  # of an id
NOBODY = "cn=nobody-is-called-that"  # who is bound as where nobody was found
SUCCESS, WRONG = (
    0,
    {19, 32, 34, 48, 49, 53},
)  # result codes of a bind that say something of the password (RFC 4511, 4.1.9)
MEMBERS = ("member", "uniqueMember", "memberUid")


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in the directory. `addresses`: the main one first; `uid`: how groups of POSIX call them."""

    dn: str
    subject: str
    addresses: tuple[str, ...]
    groups: frozenset[str] = frozenset()
    uid: str = ""

    @property
    def address(self) -> str:
        return self.addresses[0] if self.addresses else ""


@dataclass(frozen=True, slots=True)
class Group:
    """`members`: DNs, or for POSIX uids, in small letters."""

    names: frozenset[str]
    addresses: tuple[str, ...]
    members: frozenset[str]


class Verified(ldap3.Tls):
    """TLS whose certificates OpenSSL compares with the name of the host; Python 3.12 lacks what ldap3 does it with."""

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = False) -> None:
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


@dataclass
class Directory:
    """By the settings. `latest` is the server that answered last."""

    settings: DirectorySettings
    latest: int = 0
    issuer: str = "directory"

    # ---- signing in ------------------------------------------------------------------------------------------------

    def check(self, name: str, password: str, admit: Callable[[Proven], None]) -> Proven | None:
        """Raises NoAnswer, NotIn, and whatever `admit` does."""
        if not name or not password or "\0" in password:
            return None
        with self.asking() as (server, conn):
            entry = self.entry_of(conn, name)
            if entry is not None:
                admit(Proven(self.issuer, entry.subject, entry.address))
            dn = entry.dn if entry else f"{NOBODY},{self.settings.base}"
            is_right = self.binds(server, dn, password)
            if entry is None or not is_right:
                return None
            groups = entry.groups | self.groups_of(conn, entry)
        if not is_member(groups, self.settings.groups):
            raise NotIn(NO_GROUP)
        return Proven(self.issuer, entry.subject, entry.address, groups)

    def entry_of(self, conn: ldap3.Connection, name: str) -> Entry | None:
        """The only one that is called that; None where there is none, or are several."""
        wanted = self.settings.filter.replace("{name}", escape_filter_chars(name))
        found = list(self.searched(conn, self.settings.base, wanted, self.attributes, most=2))
        entry = self.read(found[0]) if len(found) == 1 else None
        if len(found) > 1:
            log.warning("several entries of the directory go by one name", name=name)
        return entry

    def groups_of(self, conn: ldap3.Connection, entry: Entry) -> frozenset[str]:
        """What it is a member of, by DN and by cn; not asked where nothing depends on it."""
        if not self.settings.groups and not self.settings.roles:
            return frozenset()
        dn, uid = escape_filter_chars(entry.dn), escape_filter_chars(entry.uid)
        mine = f"(member={dn})(uniqueMember={dn})" + (f"(memberUid={uid})" if uid else "")
        wanted = f"(&{self.settings.group_filter}(|{mine}))"
        found = self.searched(conn, self.settings.group_base or self.settings.base, wanted, ("cn",))
        return frozenset(name for one in found for name in names_of(one))

    def binds(self, server: ldap3.Server, dn: str, password: str) -> bool:
        """Whether that is its password. Raises NoAnswer."""
        with self.connection(server, dn, password) as conn:
            conn.bind()
            code = conn.result["result"]
        if code != SUCCESS and code not in WRONG:
            raise NoAnswer(WHO, f"it answers a bind with {code} {conn.result.get('description', '')}")
        return bool(code == SUCCESS)

    # ---- everybody -------------------------------------------------------------------------------------------------

    def everybody(self) -> tuple[list[Entry], list[Group]]:
        """All people, with their groups, and all groups. Raises NoAnswer where it cannot be read to the end."""
        with self.asking() as (_, conn):
            where = self.settings.group_base or self.settings.base
            wanted = ("cn", *MEMBERS, *self.settings.addresses)
            groups = [self.read_group(one) for one in self.searched(conn, where, self.settings.group_filter, wanted)]
            found = self.searched(conn, self.settings.base, self.settings.everybody, self.attributes)
            people = [entry for one in found if (entry := self.read(one)) is not None]
        by_member: dict[str, set[str]] = {}
        for group in groups:
            for member in group.members:
                by_member.setdefault(member, set()).update(group.names)
        return [with_groups(one, by_member) for one in people], groups

    # ---- entries ---------------------------------------------------------------------------------------------------

    @property
    def attributes(self) -> tuple[str, ...]:
        return (self.settings.id, "uid", "memberOf", *self.settings.addresses)

    def read(self, said: Mapping[str, Any]) -> Entry | None:
        """None for an entry without the attribute by which it is known."""
        raw = {key.casefold(): value for key, value in said["raw_attributes"].items()}
        ids = raw.get(self.settings.id.casefold()) or []
        if len(ids) != 1:
            return None
        return Entry(
            said["dn"],
            text_of(ids[0])[:LONGEST],
            self.addresses_of(raw),
            frozenset(name for one in raw.get("memberof", []) for name in dn_and_cn(text_of(one))),
            next((text_of(one) for one in raw.get("uid", [])), ""),
        )

    def read_group(self, said: Mapping[str, Any]) -> Group:
        raw = {key.casefold(): value for key, value in said["raw_attributes"].items()}
        members = {text_of(one).casefold() for key in MEMBERS for one in raw.get(key.casefold(), [])}
        return Group(frozenset(names_of(said)), self.addresses_of(raw), frozenset(members))

    def addresses_of(self, raw: Mapping[str, Sequence[bytes]]) -> tuple[str, ...]:
        """In the order of the settings, each once. proxyAddresses say SMTP: for the main one, smtp: for others."""
        said = [text_of(one) for key in self.settings.addresses for one in raw.get(key.casefold(), [])]
        found = [address for one in said if (address := read_address(one))]
        return tuple(dict.fromkeys(found))

    # ---- the wire --------------------------------------------------------------------------------------------------

    @contextmanager
    def asking(self) -> Iterator[tuple[ldap3.Server, ldap3.Connection]]:
        """A connection that may search, at the first server that answers. Raises NoAnswer."""
        password, trouble = self.password(), NoAnswer(WHO, "no server is named")
        for turn in range(len(self.settings.url)):
            place = (self.latest + turn) % len(self.settings.url)
            server = self.server(self.settings.url[place])
            try:
                with self.connection(server, self.settings.bind_dn, password) as conn:
                    if self.settings.bind_dn and not conn.bind():
                        raise NoAnswer(WHO, f"{server.name} does not let us ask: {conn.result.get('description', '')}")
                    self.latest = place
                    yield server, conn
                    return
            except NoAnswer as error:
                if self.latest == place and turn:
                    raise
                trouble = error
                log.warning("a directory does not answer", server=str(self.settings.url[place]), why=error.args[1])
        raise trouble

    def password(self) -> str:
        file = self.settings.password_file
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r") if file else ""
        except OSError as error:
            raise NoAnswer(WHO, f"{file} cannot be read: {error.strerror}") from error

    def server(self, url: LdapUrl) -> ldap3.Server:
        file = self.settings.ca_file
        tls = Verified(validate=ssl.CERT_REQUIRED, ca_certs_file=str(file) if file else None)
        within = self.settings.timeout.total_seconds()
        return ldap3.Server(
            url.host, url.port, use_ssl=url.scheme == "ldaps", tls=tls, get_info=ldap3.NONE, connect_timeout=within
        )

    @contextmanager
    def connection(self, server: ldap3.Server, dn: str, password: str) -> Iterator[ldap3.Connection]:
        """Encrypted before anything is said. Whatever goes wrong on the way is a NoAnswer."""
        how: dict[str, Any] = {"user": dn, "password": password} if dn else {}
        conn = None
        try:
            conn = ldap3.Connection(
                server,
                **how,
                auto_referrals=False,
                check_names=False,
                read_only=True,
                receive_timeout=int(self.settings.timeout.total_seconds()),
            )
            conn.open(read_server_info=False)
            if not server.ssl and self.settings.tls != "off" and not conn.start_tls(read_server_info=False):
                raise NoAnswer(WHO, f"{server.name} offers no encryption")
            yield conn
        except (LDAPException, OSError) as error:
            raise NoAnswer(WHO, f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            if conn is not None:
                with suppress(LDAPException, OSError):
                    conn.unbind()

    def searched(
        self, conn: ldap3.Connection, base: str, wanted: str, attributes: Sequence[str], most: int = 0
    ) -> Iterator[Mapping[str, Any]]:
        """Entries, page by page; with `most` no more than that. Raises NoAnswer where it ends before its end."""
        cookie: Any = None
        while True:
            paged: dict[str, Any] = {"size_limit": most} if most else {"paged_size": A_PAGE, "paged_cookie": cookie}
            conn.search(base, wanted, attributes=list(attributes), time_limit=0, **paged)
            code = conn.result["result"]
            if code != SUCCESS and not (most and code == 4):  # 4: there were more than we want
                raise NoAnswer(WHO, f"it answers a search with {code} {conn.result.get('description', '')}")
            yield from [one for one in conn.response or () if one["type"] == "searchResEntry"]
            controls = conn.result.get("controls") or {}
            cookie = controls.get("1.2.840.113556.1.4.319", {}).get("value", {}).get("cookie")
            if most or not cookie:
                return


def with_groups(entry: Entry, by_member: Mapping[str, set[str]]) -> Entry:
    more = by_member.get(entry.dn.casefold(), set()) | by_member.get(entry.uid.casefold(), set())
    return Entry(entry.dn, entry.subject, entry.addresses, entry.groups | more, entry.uid)


def text_of(value: bytes) -> str:
    """As text; what is none, such as an objectGUID, in hexadecimal."""
    try:
        said = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return said if said.isprintable() else value.hex()


def names_of(said: Mapping[str, Any]) -> set[str]:
    names = {text_of(one) for key, values in said["raw_attributes"].items() if key.casefold() == "cn" for one in values}
    return names | {said["dn"]}


def dn_and_cn(dn: str) -> set[str]:
    """A group by its DN, and by its name where that is plain."""
    kind, _, name = dn.partition(",")[0].partition("=")
    return {dn, name} if kind.casefold() == "cn" and "\\" not in dn.partition(",")[0] else {dn}


def read_address(said: str) -> str:
    """An address of a person; "" for what is none, such as X500:/o=…"""
    kind, colon, rest = said.partition(":")
    if colon and kind.casefold() != "smtp":
        return ""
    try:
        return parse_address(rest if colon else said).key
    except BadAddress:
        return ""
