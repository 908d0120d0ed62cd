"""A private NSD: a real name server on a loopback port with zones written from a table; gone with the test run."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query

from gateway.evidence.resolver import DnsResolver
from tests.gate import free_port

NSD = shutil.which("nsd") or "/usr/sbin/nsd"
UP_WITHIN = 60.0
START_OF_AUTHORITY = "ns.invalid. admin.invalid. 1 3600 600 86400 60"

CONFIG = """
server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  logfile: "{folder}/log"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""

Table = Mapping[tuple[str, str], Iterable[str]]


def is_installed() -> bool:
    return os.getuid() == 0 and Path(NSD).exists()


def quoted(text: str) -> str:
    """A TXT record as a zone file has it, a byte for each character, in strings of at most 255."""
    parts = [text[start : start + 255] for start in range(0, len(text), 255)] or [""]
    return " ".join(f'"{"".join(map(escaped, part))}"' for part in parts)


def escaped(letter: str) -> str:
    return letter if " " <= letter <= "~" and letter not in '"\\' else f"\\{ord(letter):03}"


@dataclass
class Nsd:
    """A running NSD that knows the whole DNS from a table (name, type) → records as a zone file has them.

    Whatever is not there does not exist. It answers SERVFAIL for `broken` names and all below them that the table
    does not have.
    """

    table: Table
    broken: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="greygate-nsd-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Nsd":
        zones = {".": self.lines(self.below_none())}
        zones |= {name: self.lines([name]) for name in self.names() if self.is_below_broken(name)}
        text = CONFIG.format(port=self.port, folder=self.folder)
        for number, (name, lines) in enumerate(zones.items()):
            header = [f"{name} 60 IN SOA {START_OF_AUTHORITY}", f"{name} 60 IN NS ns.invalid."]
            (self.folder / f"zone{number}").write_text("\n".join([*header, *lines, ""]), encoding="ascii")
            text += f'zone:\n  name: "{name}"\n  zonefile: "zone{number}"\n'
        for name in self.broken:
            text += f'zone:\n  name: "{name}."\n  zonefile: "there-is-none"\n'
        (self.folder / "conf").write_text(text, encoding="ascii")
        with open(self.folder / "words", "ab") as words:
            self.process = subprocess.Popen([NSD, "-d", "-c", f"{self.folder}/conf"], stdout=words, stderr=words)
        self.wait()
        return self

    def wait(self) -> None:
        deadline = time.monotonic() + UP_WITHIN
        question = dns.message.make_query(".", "SOA")
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(dns.exception.DNSException, OSError):
                if dns.query.udp(question, "127.0.0.1", 0.5, self.port).answer:
                    return
            time.sleep(0.05)
        told = [path.read_text() for path in (self.folder / "words", self.folder / "log") if path.exists()]
        raise AssertionError(f"nsd was not ready in {UP_WITHIN} s:\n{''.join(told)}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def resolver(self, timeout: float = 60.0) -> DnsResolver:
        return DnsResolver([("127.0.0.1", self.port)], timeout)

    # ---- zone files ------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        return [fqdn for fqdn in dict.fromkeys(absolute(name) for name, _ in self.table) if fqdn]

    def below_none(self) -> list[str]:
        return [name for name in self.names() if not self.is_below_broken(name)]

    def is_below_broken(self, name: str) -> bool:
        return any(f".{name}".lower().endswith(f".{broken}.".lower()) for broken in self.broken)

    def lines(self, names: Iterable[str]) -> list[str]:
        wanted = set(names)
        return [
            f"{name} 60 IN {kind} {record}"
            for (raw, kind), records in self.table.items()
            if (name := absolute(raw)) in wanted
            for record in dict.fromkeys(records)
        ]


def absolute(name: str) -> str:
    """A name as a zone file has it; "" where it can be in none."""
    try:
        return dns.name.from_text(name).to_text()
    except dns.exception.DNSException:
        return ""
