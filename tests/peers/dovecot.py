"""A private Dovecot: LMTP on a unix socket and a TCP port, IMAP where a test wants it; gone with the test run."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.gate import free_port
from tests.peers.authority import Authority

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
PEOPLE = tuple(f"{one}@example.com" for one in ("bo", "cy", "bo.waits", "cy.waits", "before"))
UP_WITHIN = 60.0

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = {protocols}
{ssl}
listen = 127.0.0.1
mail_location = maildir:{folder}/mail/%u
mail_save_crlf = yes
hostname = box.example.com
first_valid_uid = 1
{people}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
{imap}
"""

# Sign-in by IMAP, encrypted from the first byte or by STARTTLS; Dovecot would let guesses wait.
IMAP = """
auth_failure_delay = 0
disable_plaintext_auth = {plaintext}
auth_mechanisms = {mechanisms}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap_port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps_port}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
SSL = """
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
"""

LISTED = """
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/people
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/people
}}
"""

EVERYBODY = """
passdb {{
  driver = static
  args = nopassword=yes
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail allow_all_users=yes
}}
"""


def has_imap() -> bool:
    return is_installed() and Path("/usr/lib/dovecot/imap-login").exists()


def is_installed() -> bool:
    return os.getuid() == 0 and Path(DOVECOT).exists() and Path("/usr/lib/dovecot/lmtp").exists()


@dataclass
class Dovecot:
    """A running Dovecot. It knows some people, or with `everybody` whoever is written to."""

    everybody: bool = False
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-dovecot-", dir="/tmp")))
    people: tuple[str, ...] = PEOPLE
    imap: bool = False
    mechanisms: str = "plain login"
    host: str = "localhost"  # that its certificate is for
    imap_port: int = field(default_factory=free_port)
    imaps_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"lmtp://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"lmtp://{self.folder}/lmtp"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> "Dovecot":
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        lines = (f"{one}:secret:{nobody.pw_uid}:{nobody.pw_gid}::{self.folder}/mail::\n" for one in self.people)
        (self.folder / "people").write_text("".join(lines))
        people = EVERYBODY if self.everybody else LISTED
        people = people.format(folder=self.folder, uid=nobody.pw_uid, gid=nobody.pw_gid)
        told = {"folder": self.folder, "port": self.port, "people": people, **self.with_imap()}
        (self.folder / "dovecot.conf").write_text(CONFIG.format(**told))
        with open(self.folder / "words", "ab") as words:
            self.process = subprocess.Popen(
                [DOVECOT, "-F", "-c", f"{self.folder}/dovecot.conf"],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
                if probe.recv(100).startswith(b"220"):
                    return self
            time.sleep(0.05)
        raise AssertionError(
            f"dovecot was not ready in {UP_WITHIN} s:\n{(self.folder / 'words').read_text()}{self.log}"
        )

    def with_imap(self) -> dict[str, str]:
        if not self.imap:
            return {"protocols": "lmtp", "ssl": "ssl = no", "imap": ""}
        if not (self.folder / "server.pem").exists():
            Authority(self.folder).issue(self.host, "server")
        ports = {"imap_port": self.imap_port, "imaps_port": self.imaps_port}
        imap = IMAP.format(mechanisms=self.mechanisms, plaintext="yes", **ports)
        return {"protocols": "lmtp imap", "ssl": SSL.format(folder=self.folder), "imap": imap}

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what arrived ----------------------------------------------------------------------------------------------

    def boxes(self, address: str) -> list[Path]:
        return sorted((self.folder / "mail" / address / "new").glob("*"))

    def mails(self, address: str) -> list[bytes]:
        """What is in somebody's Maildir, as it was sent."""
        return [path.read_bytes() for path in self.boxes(address)]

    def wait_for(self, address: str, count: int = 1, within: float = 60.0) -> list[bytes]:
        deadline = time.monotonic() + within
        while len(self.boxes(address)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.mails(address)

    def empty(self) -> None:
        """Throw away what arrived so far."""
        for path in (self.folder / "mail").glob("*/new/*"):
            path.unlink()
