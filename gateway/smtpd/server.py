"""SMTP on the wire (RFC 5321): aiosmtpd, with everything replaced that trusts the peer.

What changed against aiosmtpd 1.4.6: data streams through a strict reader with limits instead of growing in memory;
commands are lines of CRLF and nothing else; addresses keep their bytes; and whatever fails on our side is a 451 with
an id. What a connection does when its peer stalls or vanishes is in `connection`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from ssl import SSLContext, SSLError

import structlog
from aiosmtpd.smtp import TLSSetupException

from gateway import metrics
from gateway.model import Reply
from gateway.policy import reply
from gateway.policy.address import BadAddress, parse_path
from gateway.policy.parameters import (
    UnknownParameter,
    parse_mail_parameters,
    parse_parameters,
    parse_rcpt_parameters,
)
from gateway.smtpd import stress
from gateway.smtpd.connection import Connection
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.smtpd.inbox import LineTooLong
from gateway.smtpd.limits import Drain, Pace
from gateway.smtpd.session import Session
from gateway.smtpd.wire import DataReader, Defect
from gateway.spool import Spool

log = structlog.get_logger()

CONTROL = re.compile(rb"[\0-\x1f\x7f]")
FREE_COMMANDS = frozenset({"NOOP", "RSET", "VRFY", "HELP", "EHLO", "HELO", "EXPN"})  # they bring no mail


class Server(Connection):
    """The dialogue. All policy is behind `door`; this class knows commands and their order."""

    def __init__(self, door: Door, guest: Guest, *, tls: SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(door, guest, tls=tls, loop=loop)
        self.free_commands = 0
        self.mails = 0
        self.distrusted = False  # what the peer sends from here on may be forged

    # ---- the dialogue ----------------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        try:
            await self.serve()
        except (ConnectionError, TLSSetupException, SSLError) as error:
            log.debug("connection ended", error=type(error).__name__)
        except Exception:  # the session is an edge: our fault must neither reach the peer nor the loop
            log.exception("session failed", session=self.visit.id if self.visit else None)
        finally:
            self.guest.leave()
            if self.unconfirmed and self.lost is None and self.unacknowledged() > 0:
                self.reply_was_lost()
            self.hang_up()

    async def serve(self) -> None:
        self.visit = self.make_visit()
        if self.wire is None:  # it left before it was greeted
            return
        self.guest.begin(self.wire.write)
        self.say(f"220 {self.door.hostname} ESMTP Greygate")
        while not self.closing and self.lost is None:
            await self.flush()
            line = await self.next_line()
            self.stop_timer()
            if line is None:
                return
            self.unconfirmed = False
            await self.obey(line)
        await self.flush()
        if self.distrusted:
            await self.linger()

    def make_visit(self) -> Session:
        return Session(self.door, self.guest)

    def command_of(self, verb: str) -> "Command | None":
        return VERBS.get(verb)

    async def next_line(self) -> bytes | None:
        """One command line; what is wrong with its form is answered here. None at the end."""
        while True:
            self.expect(self.patience())
            try:
                line = await self.inbox.line(self.limits.command_line)
            except LineTooLong:
                self.say(reply.TOO_LONG)
            else:
                return line
            if self.spent():
                return None
            await self.flush()

    async def obey(self, line: bytes) -> None:
        text = self.well_formed(line)
        if text is None:
            self.say(reply.BAD_LINE)
            self.closing = self.distrusted = True  # what a peer means by half a line end, nobody knows
            return
        verb, _, argument = text.partition(" ")
        await self.run(self.command_of(verb.upper()), verb.upper(), argument.strip(" "))
        if self.spent():
            self.closing = True

    def well_formed(self, line: bytes) -> str | None:
        """The command without its line end, or None when it has stray control characters."""
        if line.endswith(b"\r\n"):
            content = line[:-2]
        elif self.visit is not None and self.visit.normalised:
            content = line[:-1]
        else:
            return None
        if CONTROL.search(content):
            return None
        return content.decode("utf-8", "surrogateescape")

    async def run(self, command: "Command | None", verb: str, argument: str) -> None:
        """Do what a command asks; our own failure is a 451 with the id of the session."""
        if command is None:
            return self.say(reply.UNKNOWN)
        if verb in FREE_COMMANDS:
            self.free_commands += 1
        try:
            await command(self, argument)
        except (ConnectionError, TLSSetupException, SSLError):
            raise
        except Exception:
            assert self.visit is not None
            log.exception("command failed", session=self.visit.id, command=verb)
            self.visit.reset()
            self.say(self.visit.failed())
        return None

    def spent(self) -> bool:
        """True when the peer has used up its errors, its idle talk or its time; it was told so."""
        last_word = None
        if self.errors >= (stress.ERRORS if self.guest.is_hurried else self.limits.errors):
            last_word = reply.TOO_MANY_ERRORS
        elif self.free_commands >= self.limits.junk_commands:
            last_word = reply.TOO_MANY_COMMANDS
        elif self.loop.time() - self.began > self.limits.session.total_seconds():
            last_word = reply.TOO_LONG_A_SESSION
        elif self.door.draining and self.idle():
            last_word = reply.STOPPING
        if last_word is None or self.closing:
            return False
        self.say(last_word)
        return True

    # ---- the commands ----------------------------------------------------------------------------------------------

    async def smtp_EHLO(self, hostname: str) -> None:
        await self.hello(hostname, esmtp=True)

    async def smtp_HELO(self, hostname: str) -> None:
        await self.hello(hostname, esmtp=False)

    async def hello(self, name: str, *, esmtp: bool) -> None:
        assert self.visit is not None
        if not name or len(name) > 255 or not name.isascii() or not name.isprintable() or " " in name:
            return self.say(reply.SAY_HELLO)
        self.visit.hello(name, esmtp=esmtp)
        if not esmtp:
            return self.say(f"250 {self.door.hostname}")
        lines = [self.door.hostname, *self.extensions()]
        self.say("\r\n".join(f"250-{line}" for line in lines[:-1]) + f"\r\n250 {lines[-1]}")
        return None

    def extensions(self) -> list[str]:
        offered = self.door.offered
        lines = ["PIPELINING", f"SIZE {offered.size}"]
        if offered.eight_bit:
            lines.append("8BITMIME")
        if offered.smtputf8:
            lines.append("SMTPUTF8")
        if offered.dsn:
            lines.append("DSN")
        if self.tls_context and not self._tls_protocol:
            lines.append("STARTTLS")
        return [*lines, "ENHANCEDSTATUSCODES"]

    async def smtp_STARTTLS(self, arg: str) -> None:
        assert self.visit is not None
        if arg:
            return self.say(reply.NO_ARGUMENT)
        if self._tls_protocol is not None:
            return self.say(reply.TLS_ALREADY)
        if self.tls_context is None:
            return self.say(reply.NOT_HERE)
        if not self.guest.encrypt():
            self.closing = True
            return self.say(reply.TOO_MANY_ENCRYPTED)
        self.inbox.clear()
        self.expect(self.limits.tls_handshake.total_seconds())
        try:
            await super().smtp_STARTTLS("")
        finally:
            if not self.visit.tls:  # then asyncio never says that the connection is lost
                self.door.sessions.discard(self)
        if not self.visit.tls:
            raise TLSSetupException
        return None

    async def smtp_MAIL(self, arg: str | None) -> None:
        assert self.visit is not None
        if not self.visit.helo:
            return self.say(reply.HELLO_FIRST)
        if self.visit.in_transaction:
            return self.say(reply.NESTED_MAIL)
        if self.mails >= self.limits.transactions:
            self.closing = True
            return self.say(reply.TOO_MANY_MAILS)
        self.mails += 1
        return self.say(self.begin_mail(self.visit, arg))

    def begin_mail(self, visit: Session, arg: str | None) -> Reply:
        """Open a transaction if the sender and its parameters are well-formed."""
        offered = self.door.offered
        utf8 = offered.smtputf8 and visit.esmtp
        path = self.after_keyword(arg, "FROM:")
        if path is None:
            return reply.SAY_MAIL
        try:
            sender, rest = parse_path(path, smtputf8=utf8, role="sender")
        except BadAddress as error:
            return Reply(553, "5.1.7", str(error))
        try:
            given = parse_parameters(rest)
            parameters = parse_mail_parameters(given, smtputf8_offered=utf8, dsn_offered=offered.dsn)
        except BadAddress as error:
            return bad_parameter(error)
        if parameters.size is not None and parameters.size > offered.size:
            return reply.TOO_BIG
        if sender is not None and not sender.raw.isascii() and not parameters.smtputf8:
            return reply.SENDER_NEEDS_UTF8
        return visit.mail(sender, parameters)

    async def smtp_RCPT(self, arg: str | None) -> None:
        assert self.visit is not None
        if not self.visit.in_transaction:
            return self.say(reply.MAIL_FIRST if self.visit.helo else reply.HELLO_FIRST)
        offered = self.door.offered
        path = self.after_keyword(arg, "TO:")
        if path is None:
            return self.say(reply.SAY_RCPT)
        try:
            address, rest = parse_path(path, smtputf8=self.visit.smtputf8, role="recipient")
        except BadAddress as error:
            return self.say(Reply(553, "5.1.3", str(error)))
        try:
            notify, orcpt = parse_rcpt_parameters(parse_parameters(rest), dsn_offered=offered.dsn)
        except BadAddress as error:
            return self.say(bad_parameter(error))
        if address is None:
            return self.say(reply.EMPTY_RECIPIENT)
        return self.say(await self.visit.rcpt(address, notify, orcpt))

    def after_keyword(self, argument: str | None, keyword: str) -> bytes | None:
        """The bytes after FROM: or TO:, as the peer sent them."""
        if not argument or argument[: len(keyword)].upper() != keyword:
            return None
        return argument[len(keyword) :].encode("utf-8", "surrogateescape")

    async def smtp_RSET(self, arg: str) -> None:
        assert self.visit is not None
        if arg:
            return self.say(reply.NO_ARGUMENT)
        self.visit.reset()
        return self.say(reply.OK)

    async def smtp_NOOP(self, arg: str) -> None:
        self.say(reply.OK)

    async def smtp_QUIT(self, arg: str) -> None:
        self.say(reply.BYE)
        self.closing = True

    async def not_here(self, arg: str) -> None:
        self.say(reply.NOT_HERE)

    async def smtp_DATA(self, arg: str) -> None:
        assert self.visit is not None
        if arg:
            return self.say(reply.NO_ARGUMENT)
        if not self.visit.has_recipients:
            # The peer went on without waiting for us: what follows would be taken for commands.
            if not self.inbox.is_empty:
                self.closing = self.distrusted = True
                return self.say(reply.SYNCHRONIZE)
            return self.say(reply.RCPT_FIRST if self.visit.in_transaction else reply.MAIL_FIRST)
        if self.door.spooled_bytes >= self.door.most_spooled:
            no_room = self.visit.no_room()
            self.visit.reset()
            return self.say(no_room)
        self.say(reply.GO_AHEAD)
        await self.flush()
        spool = Spool(self.door.incoming, self.limits.memory_per_session)
        try:
            self.say(await self.receive(spool))
            self.unconfirmed = True
            if self.lost is not None:
                self.reply_was_lost()
        finally:
            self.door.spooled_bytes -= spool.size
            spool.close()
            self.visit.reset()
        return None

    async def receive(self, spool: Spool) -> Reply:
        """Read the data to its end, then ask what becomes of it."""
        assert self.visit is not None
        reader = DataReader(
            max_size=self.door.offered.size, max_line=self.limits.data_line, normalise=self.visit.normalised
        )
        full = False
        pace = Pace(self.loop.time(), self.limits.data_timeout.total_seconds(), self.limits.data_rate)
        drain = Drain(self.door.offered.size)
        while not (reader.done or reader.ended_plausibly or drain.is_over(self.loop.time())):
            self.expect(pace.left(self.loop.time()))
            piece = await self.inbox.piece()
            if not piece:
                raise ConnectionResetError("the peer left within the data")
            pace.received += len(piece)
            payload = reader.feed(piece)
            if payload and not full:
                full = not self.take(payload, spool)
            if full or reader.defect is not None:
                drain.saw(len(piece), self.loop.time())
        self.stop_timer()
        self.inbox.put_back(reader.rest)
        if reader.defect is not None:
            return self.defective(reader.defect)
        if not reader.done:  # there is no room, and no end to it
            self.closing = self.distrusted = True
        return self.visit.no_room() if full else await metrics.timed_reply(self.visit.data(spool))

    def take(self, payload: bytes, spool: Spool) -> bool:
        """Keep a part of the data; False when the disk is full."""
        assert self.visit is not None
        self.visit.saw(payload)
        self.door.spooled_bytes += len(payload)
        try:
            spool.write(payload)
        except OSError as error:
            log.error("no room to receive a message", error=error.strerror)
            return False
        return True

    def defective(self, defect: Defect) -> Reply:
        """Refuse data that break the rules. The connection ends: behind such data the next bytes may be forged."""
        assert self.visit is not None
        self.closing = self.distrusted = True
        self.inbox.clear()
        return self.visit.too_big() if defect is Defect.TOO_BIG else self.visit.defective(str(defect))


def bad_parameter(error: BadAddress) -> Reply:
    return Reply(555 if isinstance(error, UnknownParameter) else 501, "5.5.4", str(error))


Command = Callable[[Server, str], Awaitable[None]]

VERBS: dict[str, Command] = {
    "EHLO": Server.smtp_EHLO,
    "HELO": Server.smtp_HELO,
    "MAIL": Server.smtp_MAIL,
    "RCPT": Server.smtp_RCPT,
    "DATA": Server.smtp_DATA,
    "RSET": Server.smtp_RSET,
    "NOOP": Server.smtp_NOOP,
    "QUIT": Server.smtp_QUIT,
    "STARTTLS": Server.smtp_STARTTLS,
    "VRFY": Server.not_here,
    "EXPN": Server.not_here,
    "HELP": Server.not_here,
    "BDAT": Server.not_here,  # CHUNKING is where servers break (RFC 3030 is not offered)
    "ETRN": Server.not_here,
    "AUTH": Server.not_here,
    "TURN": Server.not_here,
}
