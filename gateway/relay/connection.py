"""One SMTP or LMTP connection from the greeting to QUIT (RFC 5321 3.1-3.2, RFC 2033, RFC 3207, RFC 2920)."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.model import Address, Peer, Reply
from gateway.relay.answer import Answer, read_answer
from gateway.relay.commands import Offers, callout_commands
from gateway.relay.nexthop import Capabilities
from gateway.relay.origin import sayable_name, xclient_command, xforward_command
from gateway.relay.wire import Broken, TimeLimits, Wire, connect_tcp, connect_unix, time_limit

BATCH = 100  # pipelined commands whose replies surely fit into what we read ahead


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a next hop listens and how it is spoken to; `socket` is a path and goes before host and port.

    `hostname` is what we call ourselves. Without `tls` STARTTLS is not used; with `tls_required` nothing goes out
    in plain.
    """

    hostname: str
    host: str = "localhost"
    port: int = 25
    socket: str | None = None
    lmtp: bool = False
    tls: ssl.SSLContext | None = None
    tls_required: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'lmtp' if self.lmtp else 'smtp'}://{self.socket or f'{host}:{self.port}'}"


class Connection:
    """A connection that said hello. Its methods raise Broken when it fails; then it can only be aborted."""

    def __init__(self, wire: Wire, endpoint: Endpoint, limits: TimeLimits) -> None:
        self.limits = limits
        self.lmtp = endpoint.lmtp
        self.offers: Offers = {}
        self.carried = 0  # conversations so far
        self._wire = wire
        self._endpoint = endpoint
        self._xclient: bytes | None = None
        self._refused: bytes | None = None  # the XCLIENT that the hop did not take last
        self._ahead = b""  # a command that goes with the next envelope
        self._in_transaction = False
        self._asked_for_data = False  # with the envelope; the answer is not read yet
        self._in_step = False  # both sides agree where they are
        self._closing = False  # the hop said 421

    @property
    def capabilities(self) -> Capabilities:
        size = self.offers.get("SIZE", "")
        known = self.offers.keys()
        limit = int(size) if size.isascii() and size.isdigit() else 0
        return Capabilities(limit or None, "8BITMIME" in known, "SMTPUTF8" in known, "DSN" in known)

    @property
    def is_reusable(self) -> bool:
        """Whether another mail may follow: in step, alive, and nothing came in that nobody asked for."""
        return self._in_step and not (self._closing or self._wire.is_over or self._wire.has_unread)

    def suits(self, origin: Peer | None) -> bool:
        """A hop that was told of a peer by XCLIENT takes all that follows for mail of some peer."""
        return origin is not None or self._xclient is None

    async def greet(self) -> None:
        """Waits for the greeting, says hello, and goes on encrypted where that is possible or required."""
        answer = await self.answer()
        if answer.code != 220:
            raise Broken(f"greeted with {answer.as_reply()}")
        await self._hello()
        await self._secure()
        self._in_step = True

    async def _hello(self, peer: str | None = None) -> None:
        """As ourselves, or after XCLIENT as the peer: what is said here replaces the name that XCLIENT gave."""
        name = (peer or self._endpoint.hostname).encode("ascii")
        answer = await self.ask((b"LHLO " if self.lmtp else b"EHLO ") + name + b"\r\n")
        self.offers = dict(_offers(answer.lines[1:]))
        if answer.code >= 500 and not self.lmtp:
            answer = await self.ask(b"HELO " + name + b"\r\n")
            self.offers = {}
        if peer and answer.code >= 500:  # its name is not liked here, which is no reason to keep its mail
            await self._hello()
        elif not answer.as_reply().is_positive:
            raise Broken(f"hello refused: {answer.as_reply()}")

    async def _secure(self) -> None:
        """Capabilities told in plain are forgotten: anybody may have written them (RFC 3207 4.2)."""
        context = self._endpoint.tls
        if context and "STARTTLS" in self.offers and (await self.ask(b"STARTTLS\r\n")).code == 220:
            async with time_limit(self.limits.command, "TLS"):
                await self._wire.start_tls(context, self._endpoint.host)
            await self._hello()
        elif self._endpoint.tls_required:
            raise Broken("TLS is required and not offered")

    async def answer(self, seconds: float | None = None) -> Answer:
        """The next reply, within the limit for commands unless another is given."""
        self._wire.limit(seconds or self.limits.command, "reply")
        answer = await read_answer(self._wire.line)
        self._wire.no_limit()
        self._closing = self._closing or answer.code == 421
        return answer

    async def ask(self, command: bytes) -> Answer:
        await self.write(command)
        return await self.answer()

    async def write(self, data: bytes) -> None:
        """Sends; Broken when nothing of it was sent or the hop stopped reading."""
        self._wire.limit(self.limits.write, "write")
        await self._wire.write(data)

    @property
    def is_alive(self) -> bool:
        return not self._wire.is_over

    @property
    def hop_spoke(self) -> bool:
        return self._wire.has_unread

    async def begin(self, origin: Peer | None) -> None:
        """Leaves a transaction that was not finished and tells the hop whom the next one comes from."""
        self._in_step = False
        self._asked_for_data = False
        self._ahead = b""
        if self._in_transaction and not (await self.ask(b"RSET\r\n")).as_reply().is_positive:
            raise Broken("RSET refused")
        self._in_transaction = False
        if origin is not None and not await self._become(origin):
            self._mention(origin)

    async def _become(self, origin: Peer) -> bool:
        """XCLIENT; False when not offered, or refused to a connection that had no other origin before.

        What was refused once is not said again.
        """
        command = xclient_command(origin, self.offers.get("XCLIENT", ""))
        if command is None or (command == self._refused and self._xclient is None):
            return False
        if command == self._xclient:
            return True
        answer = await self.ask(command)
        if answer.code == 220:
            self._xclient = command
            await self._hello(sayable_name(origin))
        elif self._xclient or answer.code == 421:
            raise Broken(f"XCLIENT refused: {answer.as_reply()}")
        else:
            self._refused = command
        return answer.code == 220

    def _mention(self, origin: Peer) -> None:
        """XFORWARD, which only feeds the hop's log: a refusal changes nothing."""
        command = xforward_command(origin, self.offers.get("XFORWARD", ""))
        self._ahead = command or b""

    async def envelope(self, commands: Sequence[bytes], *, with_data: bool = False) -> list[Reply]:
        """The replies to MAIL and the RCPTs; fewer when MAIL was refused or the hop closed with 421.

        `with_data`: DATA goes with them where one group has room for all (RFC 2920 3.1); data() has its answer.
        A reused connection that is closed with 421 at MAIL was only idle for too long: that raises Broken.
        """
        self._in_transaction = True
        batch = BATCH if "PIPELINING" in self.offers else 1
        replies: list[Reply] = []
        if with_data and len(commands) < batch:
            self._asked_for_data = True
        if self._ahead and batch == 1:
            self._mentioned(await self.ask(self._ahead))
        for start in range(0, len(commands), batch):
            await self._group(commands[start : start + batch], replies)
            if replies[-1].code == 421 or not replies[0].is_positive:
                break
        if replies[0].code == 421 and self.carried:
            raise Broken("closed while idle")
        return replies

    def _mentioned(self, answer: Answer) -> None:
        self._ahead = b""
        if answer.code == 421:
            raise Broken("closed at XFORWARD")

    async def _group(self, commands: Sequence[bytes], replies: list[Reply]) -> None:
        ahead, self._ahead = self._ahead, b""
        await self.write(ahead + b"".join(commands) + (b"DATA\r\n" if self._asked_for_data else b""))
        if ahead:
            self._mentioned(await self.answer())
        for _ in commands:
            replies.append(settled(await self.answer()))
            if replies[-1].code == 421:
                return

    async def data(self) -> Answer:
        """What the hop says to DATA."""
        if not self._asked_for_data:
            return await self.ask(b"DATA\r\n")
        self._asked_for_data = False
        return await self.answer()

    async def without_data(self) -> None:
        """Nobody is to get the mail. A hop that waits for it all the same stays out of step."""
        with suppress(Broken):  # what was said of the recipients stays said
            if not self._asked_for_data or (await self.data()).code >= 400:
                self.finish(in_transaction=True)

    def finish(self, in_transaction: bool = False) -> None:
        """Ends a conversation in step; one that ends otherwise does not call this, and the connection is not kept."""
        self.carried += 1
        self._in_transaction = in_transaction
        self._in_step = True

    async def call_out(self, address: Address) -> bool | None:
        """Whether the hop takes mail for the address, asked by a transaction that stops before DATA.

        Raises ValueError, and leaves the connection alone, when the address cannot be put into a command.
        """
        commands = callout_commands(address, self.offers)
        await self.begin(None)
        replies = await self.envelope(commands)
        self.finish(in_transaction=True)
        if len(replies) < 2 or not replies[0].is_positive or replies[1].is_transient:
            return None
        return replies[1].is_positive

    def leave(self) -> None:
        self._wire.leave(b"QUIT\r\n")

    def abort(self) -> None:
        self._wire.abort()


def settled(answer: Answer) -> Reply:
    """A reply that says yes or no; Broken for one that asks for more."""
    if 300 <= answer.code < 400:
        raise Broken(f"unexpected {answer.code}")
    return answer.as_reply()


def _offers(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        keyword, _, parameters = line.replace("=", " ", 1).strip().partition(" ")
        yield keyword.upper(), parameters.strip()


async def open_connection(endpoint: Endpoint, limits: TimeLimits) -> Connection:
    """Connects and says hello. Raises Broken."""
    async with time_limit(limits.connect, "connect"):
        wire = await (connect_unix(endpoint.socket) if endpoint.socket else connect_tcp(endpoint.host, endpoint.port))
    connection = Connection(wire, endpoint, limits)
    try:
        await connection.greet()
    finally:
        if not connection.is_reusable:
            connection.abort()
    if not connection.is_reusable:
        raise Broken("closed or spoke out of turn after hello")
    return connection
