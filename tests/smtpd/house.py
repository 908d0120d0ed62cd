"""A gate with a backend behind it, both kept for many tests, and what all attacks on it have in common."""

import contextlib
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.gate import Gate, catches, free_port, merged
from tests.sink import Conversation, Mail, Sink
from tests.talk import Closed, Talk

Settings = dict[str, dict[str, Any]]

IMPURE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
REPLY = re.compile(r"(?:[245][0-9]{2}[ -]|354 )")
LONGEST_REPLY = 512  # RFC 5321 4.5.3.1.5, the line end included

OPEN, GREY, LISTED = "example.com", "grey.example", "list.example"
BARE_NEWLINES_OK = "127.0.2.1"
PROXY = "127.0.3.1"
MAX_SIZE = 128 * 1024


class Witness(Sink):
    """A sink that also keeps every command it was given, whatever became of it."""

    def __post_init__(self) -> None:
        self.heard: list[str] = []
        super().__post_init__()

    def serve(self, connection: socket.socket) -> None:
        try:
            WitnessConversation(self, connection).run()
        except OSError:
            pass
        finally:
            connection.close()


class WitnessConversation(Conversation):
    def obey(self, verb: str, argument: str) -> None:
        assert isinstance(self.sink, Witness)
        self.sink.heard.append(f"{verb} {argument}")
        super().obey(verb, argument)


@dataclass
class House:
    """A running gate and its backend."""

    gate: Gate
    sink: Witness

    @property
    def port(self) -> int:
        return self.gate.port

    def talk(self, source: str = "127.0.0.1", timeout: float = 60.0) -> Talk:
        return Talk(self.port, source, timeout)

    def fresh(self) -> "House":
        self.sink.mails.clear()
        self.sink.heard.clear()
        self.sink.on.clear()
        return self


AT_ONCE = 6  # houses: each is half a dozen processes that are never quite idle


@dataclass
class Houses:
    """Starts a house for each set of settings once, and ends the one that was not asked for the longest."""

    folder: Path
    running: dict[str, House] = field(default_factory=dict)  # whoever was asked for last is last
    begun: int = 0

    def get(self, settings: Settings | None = None, *, tls: bool = False, sink: Witness | None = None) -> House:
        key = repr((settings, tls, sink and sink.extensions))
        self.running[key] = self.running.pop(key, None) or self.begin(settings or {}, tls, sink or Witness())
        while len(self.running) > AT_ONCE:
            self.close([self.running.pop(next(iter(self.running)))])
        return self.running[key].fresh()

    def begin(self, settings: Settings, tls: bool, sink: Witness) -> House:
        folder = self.folder / f"house{self.begun}"
        folder.mkdir()
        self.begun += 1
        asked = merged(settings, certificate(self.folder)) if tls else settings
        gate = Gate(folder, sink.url, asked, port=free_port())
        try:
            return House(gate.start(), sink)
        except AssertionError:
            gate.stop()
            raise

    def end(self) -> None:
        self.close(list(self.running.values()))

    @staticmethod
    def close(houses: Sequence[House]) -> None:
        """All at once; each has to end well."""
        for house in houses:
            wait_until_stoppable(house.gate)
        running = [house.gate.process for house in houses if house.gate.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            process.wait(120)
        for house in houses:
            house.sink.close()
            process = house.gate.process
            assert process is None or process.returncode == 0, f"{process.returncode}: {house.gate.log[-2000:]}"
            _, found, trace = house.gate.log.partition("Traceback")
            assert not found, trace[:3000]


def wait_until_stoppable(gate: Gate, within: float = 60.0) -> None:
    """A process that is told to stop while it still starts dies of it, and that is not what is tested here."""
    deadline = time.monotonic() + within
    while gate.process is not None and time.monotonic() < deadline:
        if all(catches(pid, signal.SIGTERM) for pid in gate.children()):
            return
        time.sleep(0.1)


def certificate(folder: Path) -> Settings:
    """The [tls] section with a certificate made for the tests."""
    pem, private = folder / "cert.pem", folder / "key.pem"
    if not pem.exists():
        write_certificate(folder, 1)
    return {"tls": {"certificate": str(pem), "key": str(private)}}


def write_certificate(folder: Path, serial: int) -> None:
    """Certificate and key, each put in its place whole, as those who renew them do."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    for path, content in (
        (folder / "cert.pem", made.public_bytes(serialization.Encoding.PEM)),
        (folder / "key.pem", private),
    ):
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(content)
        fresh.rename(path)


# ---- the houses that several test files share ----------------------------------------------------------------------

DOMAINS: Settings = {
    "domains": {"local": [OPEN, GREY, LISTED]},
    "recipients": {"verify": "list", "list": [f"@{OPEN}", f"@{GREY}", f"bo@{LISTED}"]},
    "protection": {"overrides": {OPEN: "off", LISTED: "off"}},
}


def usual(houses: Houses) -> House:
    """TLS, three domains, room for many connections, and a peer each whose newlines and whose PROXY header count."""
    limits = {"connections_per_address": 500, "connections_per_network": 1000}
    smtp = {"size": f"{MAX_SIZE // 1024}KiB", "bare_newline_ok": ["127.0.2.0/24"], "proxy_from": ["127.0.3.0/24"]}
    return houses.get({**DOMAINS, "limits": limits, "smtp": smtp}, tls=True)


def impatient(houses: Houses) -> House:
    """Short time-outs and small counts."""
    limits = {
        "command_timeout": "8s",
        "data_timeout": "8s",
        "tls_handshake": "4s",
        "connections_per_address": 5,
        "transactions": 3,
        "errors": 5,
        "junk_commands": 1000000,
    }
    return houses.get({**DOMAINS, "limits": limits}, tls=True)


def generous(houses: Houses, more: Settings | None = None) -> House:
    """No TLS, one domain that nobody waits for, and hardly a limit."""
    limits = {"errors": 1000000, "transactions": 1000000, "recipients": 1000}
    return houses.get({"protection": {"overrides": {OPEN: "off"}}, "limits": limits, **(more or {})})


# ---- what an attacker does -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def seated(house: House, source: str) -> Iterator[Talk]:
    """A greeted connection, once there is a place: those that others left are free a moment later."""
    deadline = time.monotonic() + 60
    while (talk := house.talk(source)).answer().code != 220:
        talk.close()
        assert time.monotonic() < deadline, "no place is free again"
        time.sleep(0.05)
    with contextlib.closing(talk):
        yield talk


def push(talk: Talk, data: bytes) -> bool:
    """Send, and do not mind being cut off; False when that happened."""
    try:
        talk.send(data)
    except OSError:
        return False
    return True


def segments(talk: Talk, *pieces: bytes, pause: float = 0.004) -> None:
    """Each piece in a TCP segment of its own."""
    talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        if not push(talk, piece):
            return
        time.sleep(pause)


def is_closed(talk: Talk, within: float = 60.0) -> bool:
    """True when the gate closes the connection in that time, whatever it says before."""
    deadline = time.monotonic() + within
    talk.sock.settimeout(within)
    try:
        while time.monotonic() < deadline:
            if not talk.sock.recv(65536):
                return True
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def fresh_or_closed(talk: Talk) -> bool:
    """After a refusal no envelope may be left over."""
    try:
        return talk.say(f"RCPT TO:<bo@{OPEN}>").code == 503
    except (Closed, OSError):
        return True


def all_answers(talk: Talk) -> Iterator[str]:
    """Every reply line up to the close, without its line end."""
    with contextlib.suppress(OSError):
        while more := talk.sock.recv(65536):
            talk.held += more
    for line in talk.held.split(b"\n")[:-1]:
        yield line.decode("utf-8", "replace").rstrip("\r")
    talk.held = b""


def well_formed(lines: Sequence[str]) -> bool:
    return all(REPLY.match(line) and len(line.encode()) + 2 <= LONGEST_REPLY for line in lines)


def cleanly(mails: Sequence[Mail]) -> bool:
    """No bare CR, bare LF or NUL anywhere in what the backend got."""
    return not any(IMPURE.search(mail.data) for mail in mails)


def client_tls(newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if newest:
        context.maximum_version = newest
    return context
