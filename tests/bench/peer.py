"""The peer: Debian's Postfix with postgrey as its policy service, private, with their ordinary durability."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import Broken, tool
from tests.gate import free_port
from tests.peers.postfix import Postfix, is_installed

DELAY = 300  # seconds; postgrey's default

# What the private Postfix of the tests sets otherwise, back to Postfix' defaults.
DEFAULTS = {
    "smtpd_delay_reject": "yes",
    "smtpd_helo_restrictions": "",
    "smtpd_authorized_xclient_hosts": "",
    "smtpd_authorized_xforward_hosts": "",
    "queue_run_delay": "300s",
    "minimal_backoff_time": "300s",
    "maximal_backoff_time": "4000s",
    "header_size_limit": "102400",
    "message_drop_headers": "bcc, content-length, resent-bcc, return-path",
    "virtual_mailbox_domains": "",
}
RAISED = {
    "smtpd_client_connection_count_limit": "0",
    "in_flow_delay": "0",
    "relay_destination_concurrency_limit": "100",
    "relay_initial_destination_concurrency": "40",
}


QLEN = Path("/proc/sys/net/unix/max_dgram_qlen")
QUEUE = 512


@dataclass
class Postgrey:
    """Its own folder and port, no allowlists of clients or recipients."""

    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-postgrey-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Postgrey":
        (self.folder / "db").mkdir()
        (self.folder / "nobody").touch()
        account = pwd.getpwnam("postgrey")
        for path in (self.folder, self.folder / "db"):
            os.chown(path, account.pw_uid, account.pw_gid)
        self.process = subprocess.Popen(
            [tool("postgrey"), f"--inet=127.0.0.1:{self.port}", f"--dbdir={self.folder}/db", f"--delay={DELAY}",
             f"--whitelist-clients={self.folder}/nobody", f"--whitelist-recipients={self.folder}/nobody"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise Broken("postgrey did not start")

    def remove(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Peer:
    """Two Postfixes: one asks postgrey about every recipient, one relays to the sink."""

    sink: int
    postgrey: Postgrey = field(default_factory=Postgrey)

    def start(self) -> "Peer":
        if not is_installed():
            raise Broken("Postfix is not installed, or this is not root: apt-get install postfix postgrey")
        self.postgrey.start()
        relaying = DEFAULTS | RAISED | {
            "relay_domains": "example.com",
            "relay_transport": f"relay:[127.0.0.1]:{self.sink}",
        }  # fmt: skip
        asks = {"smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{self.postgrey.port}"}
        self.greylisting = Postfix(relaying | asks).start()
        self.relaying = Postfix(relaying).start()
        return self

    def roots(self, postfix: Postfix) -> list[int]:
        assert postfix.process is not None
        assert self.postgrey.process is not None
        return [postfix.process.pid] + ([self.postgrey.process.pid] if postfix is self.greylisting else [])

    def remove(self) -> None:
        for postfix in (getattr(self, name, None) for name in ("greylisting", "relaying")):
            if postfix is not None:
                postfix.remove()
        self.postgrey.remove()


def raised() -> str:
    return ", ".join(f"{key} = {value}" for key, value in {**RAISED, "net.unix.max_dgram_qlen": QUEUE}.items())


@contextmanager
def room_for_log_lines() -> Iterator[None]:
    """As many datagrams may wait at a socket as systemd lets them. With the kernel's 10 Postfix' master waits for its
    postlogd, which waits for its master."""
    before = QLEN.read_text()
    QLEN.write_text(f"{max(QUEUE, int(before))}\n")
    yield
    QLEN.write_text(before)
