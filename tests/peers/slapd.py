"""A private OpenLDAP in a folder of its own, with a few people and groups; gone with the test run."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from tests.gate import free_port
from tests.peers.authority import Authority

SLAPD = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
SLAPADD = shutil.which("slapadd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
BASE = "dc=example,dc=com"
ASKER, ASKERS_PASSWORD = f"cn=gate,{BASE}", "the gate asks"
UP_WITHIN = 30.0

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.1 NAME 'mailHolder' SUP top AUXILIARY MAY ( mail $ proxyAddresses ) )
pidfile {folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
disallow bind_anon
{security}
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw root
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{asker}" read by * none
limits dn.exact="{asker}" size.soft=500 size.hard=500 size.pr=500 size.prtotal=unlimited
"""
TOP = f"""
dn: {BASE}
objectClass: domain
dc: example

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: {ASKER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gate
userPassword: {ASKERS_PASSWORD}
"""


def is_installed() -> bool:
    return bool(SLAPD and SLAPADD) and Path("/usr/lib/ldap").exists()


def person(uid: str, *addresses: str, password: str = "secret of {uid}", more: Iterable[str] = ()) -> str:
    lines = [f"dn: uid={uid},ou=people,{BASE}", "objectClass: inetOrgPerson", "objectClass: mailHolder"]
    lines += [f"entryUUID: {uuid5(NAMESPACE_DNS, uid)}"]
    lines += [f"uid: {uid}", f"cn: {uid}", f"sn: {uid}", f"userPassword: {password.format(uid=uid)}"]
    return "\n".join([*lines, *(f"mail: {one}" for one in addresses), *more])


def group(name: str, *uids: str, mail: str = "") -> str:
    lines = [f"dn: cn={name},ou=groups,{BASE}", "objectClass: groupOfNames", "objectClass: mailHolder", f"cn: {name}"]
    lines += [f"member: uid={uid},ou=people,{BASE}" for uid in uids]
    return "\n".join([*lines, *([f"mail: {mail}"] if mail else [])])


@dataclass
class Slapd:
    """A running slapd. `encrypted`: it answers nothing in the clear."""

    entries: tuple[str, ...] = ()
    encrypted: bool = False
    host: str = "localhost"  # that its certificate is for
    port: int = field(default_factory=free_port)
    port_tls: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-slapd-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def url_tls(self) -> str:
        return f"ldaps://localhost:{self.port_tls}"

    @property
    def ca(self) -> str:
        return f"{self.folder}/ca.pem"

    @property
    def config(self) -> Path:
        return self.folder / "slapd.conf"

    def fill(self, *entries: str) -> None:
        """These people and groups, and no others; while it does not run."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "data").mkdir()
        text = "\n\n".join([TOP.strip(), *entries]) + "\n"
        subprocess.run([SLAPADD, "-q", "-f", self.config], input=text.encode(), check=True, capture_output=True)

    def start(self) -> "Slapd":
        if not self.config.exists():
            authority = Authority(self.folder)
            authority.issue(self.host, "server")
            security = "security simple_bind=128" if self.encrypted else ""
            told = {"folder": self.folder, "base": BASE, "asker": ASKER, "security": security}
            self.config.write_text(CONFIG.format(**told))
            self.fill(*self.entries)
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.port_tls}"
        with open(self.folder / "log", "ab") as log:
            command = [SLAPD, "-f", str(self.config), "-h", urls, "-d", "stats"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
                return self
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError("slapd was not ready")

    def refill(self, *entries: str) -> None:
        self.stop()
        self.fill(*entries)
        self.start()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
