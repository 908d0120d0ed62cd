"""A private Postfix: own folders, own port, gone with the test run; nothing of the machine's own Postfix is used."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.gate import free_port

PROGRAMS = Path("/usr/lib/postfix/sbin")
POSTFIX = shutil.which("postfix") or "/usr/sbin/postfix"
PEOPLE = ("bo", "cy", "bo.waits", "cy.waits", "before", "secret", "höflich")
DOMAINS = ("example.com", "example.org")
UP_WITHIN = 60.0

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def is_installed() -> bool:
    """Its master only runs as root."""
    return os.getuid() == 0 and (PROGRAMS / "postlogd").exists() and Path(POSTFIX).exists()


@dataclass
class Postfix:
    """A running Postfix. As a backend it keeps Maildirs (or what `settings` say); with a relayhost it is a sender."""

    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-postfix-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    def configure(self) -> None:
        """Nothing may touch the bytes: no dropped header fields, no rewriting, no limits for lines."""
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.mail, nobody.pw_uid, nobody.pw_gid)
        domains = " ".join(DOMAINS)
        boxes = "".join(f"{one}@{domain} {one}@{domain}/\n" for one in PEOPLE for domain in DOMAINS)
        (self.folder / "etc" / "boxes").write_text(boxes)
        main = {
            "compatibility_level": "3.6",
            "config_directory": f"{self.folder}/etc",
            "queue_directory": f"{self.folder}/queue",
            "data_directory": f"{self.folder}/data",
            "daemon_directory": str(PROGRAMS),
            "maillog_file": f"{self.folder}/log",
            "maillog_file_prefixes": str(self.folder),
            "multi_instance_name": f"postfix-{self.port}",
            "syslog_name": "postfix",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.example.com",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "local_recipient_maps": "",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
            "smtpd_authorized_xforward_hosts": "127.0.0.0/8",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_peername_lookup": "no",
            "smtpd_delay_reject": "no",
            "smtpd_helo_restrictions": "reject_invalid_helo_hostname",
            "smtp_dns_support_level": "disabled",
            "message_drop_headers": "",
            "local_header_rewrite_clients": "",
            "header_size_limit": "1000000",
            "message_size_limit": "100000000",
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
            "smtp_line_length_limit": "0",
            "lmtp_line_length_limit": "0",
            "virtual_mailbox_domains": domains,
            "virtual_mailbox_maps": f"texthash:{self.folder}/etc/boxes",
            "virtual_mailbox_base": str(self.mail),
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "virtual_minimum_uid": "100",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "1s",
            "in_flow_delay": "0",
        } | self.settings
        (self.folder / "etc" / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in main.items()))
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))

    def start(self) -> "Postfix":
        self.configure()
        done = subprocess.run(
            [POSTFIX, "-c", f"{self.folder}/etc", "check"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr + self.log
        self.process = subprocess.Popen(
            [PROGRAMS / "master", "-c", f"{self.folder}/etc", "-d"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # when it ends it ends its process group
        )
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
                if probe.recv(100).startswith(b"220"):
                    return self
            time.sleep(0.05)
        raise AssertionError(f"postfix was not ready in {UP_WITHIN} s:\n{self.log}")

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
        return sorted((self.mail / address / "new").glob("*"))

    def mails(self, address: str) -> list[bytes]:
        """What is in somebody's Maildir, with CRLF as it was sent: virtual(8) writes LF."""
        return [path.read_bytes().replace(b"\n", b"\r\n") for path in self.boxes(address)]

    def wait_for(self, address: str, count: int = 1, within: float = 60.0) -> list[bytes]:
        deadline = time.monotonic() + within
        while len(self.boxes(address)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.mails(address)

    def empty(self) -> None:
        """Throw away what arrived so far."""
        for box in self.mail.iterdir():
            shutil.rmtree(box)

    def log_lines(self, pattern: str, within: float = 60.0) -> list[str]:
        """The lines of the log in which the pattern is found, once there is one."""
        deadline = time.monotonic() + within
        while not (found := [line for line in self.log.splitlines() if re.search(pattern, line)]):
            if time.monotonic() > deadline:
                return []
            time.sleep(0.05)
        return found

    def queued(self) -> int:
        """How many mails are on their way."""
        folders: Sequence[str] = ("incoming", "active", "deferred")
        return sum(path.is_file() for name in folders for path in (self.folder / "queue" / name).rglob("*"))
