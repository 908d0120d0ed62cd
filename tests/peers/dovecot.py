"""A private Dovecot that does nothing but LMTP, on a unix socket and a TCP port; gone with the test run."""

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

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
PEOPLE = tuple(f"{one}@example.com" for one in ("bo", "cy", "bo.waits", "cy.waits", "before"))
UP_WITHIN = 20.0

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = lmtp
ssl = no
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


def is_installed() -> bool:
    return os.getuid() == 0 and Path(DOVECOT).exists() and Path("/usr/lib/dovecot/lmtp").exists()


@dataclass
class Dovecot:
    """A running Dovecot. It knows some people, or with `everybody` whoever is written to."""

    everybody: bool = False
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-dovecot-", dir="/tmp")))
    people: tuple[str, ...] = PEOPLE
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
        (self.folder / "dovecot.conf").write_text(CONFIG.format(folder=self.folder, port=self.port, people=people))
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

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
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

    def wait_for(self, address: str, count: int = 1, within: float = 15.0) -> list[bytes]:
        deadline = time.monotonic() + within
        while len(self.boxes(address)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.mails(address)

    def empty(self) -> None:
        """Throw away what arrived so far."""
        for path in (self.folder / "mail").glob("*/new/*"):
            path.unlink()
