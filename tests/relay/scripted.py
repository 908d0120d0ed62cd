"""A next hop that answers by a table and writes down what it was told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.model import Address, Envelope, MailParameters, Peer, Recipient
from gateway.relay.nexthop import Outgoing

DROP = b"(close)"  # closes instead of answering
HANG = b"(silence)"  # never answers
EHLO = b"250-hop.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n"
NOBODY = b"503 5.5.1 no valid recipients\r\n"
BARE = b"250 hop.example\r\n"
EVERYTHING_FINE = {
    "greeting": b"220 hop.example ESMTP\r\n",
    "EHLO": EHLO,
    "LHLO": EHLO,
    "HELO": BARE,
    "STARTTLS": b"220 go ahead\r\n",
    "MAIL": b"250 2.1.0 sender ok\r\n",
    "RCPT": b"250 2.1.5 recipient ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 queued\r\n",
    "RSET": b"250 2.0.0 reset\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
    "XFORWARD": b"250 2.0.0 noted\r\n",
    "XCLIENT": b"220 hop.example ESMTP\r\n",
}

Script = bytes | list[bytes]


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits until it holds; fails after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


class ScriptedHop:
    """`answers` are by verb; a list is used up one by one, its last entry stays. "." answers the end of the data."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, naive: bool = False, **answers: Script) -> None:
        self.script: dict[str, list[bytes]] = {
            verb: list(answer) if isinstance(answer, list) else [answer]
            for verb, answer in (EVERYTHING_FINE | answers).items()
        }
        self.tls = tls
        self.naive = naive  # takes mail for nobody
        self.lines: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def commands(self, verb: str) -> list[bytes]:
        return [line for line in self.lines if line.upper().startswith(verb.encode())]

    @property
    def verbs(self) -> list[str]:
        return [line.split()[0].decode() for line in self.lines]

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    def _next(self, verb: str) -> bytes:
        answers = self.script.get(verb, [b"502 5.5.2 unknown\r\n"])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except OSError:
            pass
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._say(writer, self._next("greeting")):
            return
        begun, taken = False, 0  # a transaction, and its recipients
        while line := await reader.readline():
            self.lines.append(line)
            verb = line.split()[0].decode().upper()
            nobody = verb == "DATA" and not taken and not self.naive
            answer = NOBODY if nobody else self._next(verb)
            begun = answer.startswith(b"2") if verb == "MAIL" else begun
            taken = taken + (begun and answer.startswith(b"2")) if verb == "RCPT" else 0
            if not await self._say(writer, answer):
                return
            if verb == "STARTTLS" and self.tls and answer == EVERYTHING_FINE["STARTTLS"]:
                await writer.start_tls(self.tls)
            if verb == "DATA" and answer.startswith(b"354") and not await self._data(reader, writer):
                return

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        body = bytearray(b"\r\n")
        if "mid-data" in self.script:
            await reader.read(10)
            await asyncio.sleep(0.1)  # until the buffers are full and the sender waits
            if await self._say(writer, self._next("mid-data")):
                await asyncio.sleep(3600)  # reads no further
            return False
        while not body.endswith(b"\r\n.\r\n"):
            if not (piece := await reader.readline()):
                return False
            body += piece
        self.bodies.append(bytes(body[2:]))
        return await self._say(writer, self._next("."))

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        if answer == HANG:
            await asyncio.sleep(3600)
        words, drop, _ = answer.partition(DROP)
        writer.write(words)
        await writer.drain()
        return not drop


@asynccontextmanager
async def running(hop: ScriptedHop, socket: Path | None = None) -> AsyncIterator[ScriptedHop]:
    """Serves on a free port of 127.0.0.1, or on a unix socket."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(hop.serve(reader, writer)))

    if socket:
        server = await asyncio.start_unix_server(accept, socket)
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", hop.port)
        hop.port = server.sockets[0].getsockname()[1]
    try:
        yield hop
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def address(raw: str) -> Address:
    local, _, domain = raw.rpartition("@")
    return Address(raw, local, domain.lower())


def outgoing(
    *recipients: str | Recipient,
    data: bytes = b"Subject: x\r\n\r\nhello\r\n",
    sender: str | None = "anna@there.example",
    origin: Peer | None = None,
    key: str | None = None,
    cut: int = 7,
    **parameters: object,
) -> Outgoing:
    """A mail whose data comes in chunks of `cut` bytes."""
    envelope = Envelope(
        address(sender) if sender else None,
        tuple(r if isinstance(r, Recipient) else Recipient(address(r)) for r in recipients or ("bob@here.example",)),
        MailParameters(**parameters),  # type: ignore[arg-type]
    )

    def chunks() -> Iterator[bytes]:
        return (data[start : start + cut] for start in range(0, len(data), cut))

    return Outgoing(envelope, chunks, len(data), origin, key)


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1 and the certificate that a client would have to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem
