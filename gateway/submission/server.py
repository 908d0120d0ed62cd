"""The dialogue of those who send mail: the hardened server with a login (RFC 6409, RFC 4954, RFC 4616)."""

import asyncio
import binascii
import re
from asyncio.sslproto import SSLProtocol
from base64 import b64decode
from ssl import SSLContext

import structlog

from gateway.model import Reply
from gateway.policy import reply
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.smtpd.server import Command, Server
from gateway.smtpd.session import Session
from gateway.submission.logins import Busy
from gateway.submission.office import Office
from gateway.submission.visit import Visit

log = structlog.get_logger()

FAILED_PAUSE = 1.0  # seconds until a failed login is answered
MOST_FAILURES = 3  # in one session

WELCOME = Reply(235, "2.7.0", "Welcome")
WRONG = Reply(535, "5.7.8", "User name or password is wrong")
BARRED = Reply(421, "4.7.0", "Too many failed logins from your address, please try later")
BUSY = Reply(454, "4.7.0", "Too many logins at once, please try again")
NEEDS_TLS = Reply(538, "5.7.11", "Log in under TLS: say STARTTLS first")
LOGGED_IN = Reply(503, "5.5.1", "You are logged in already")
NOT_NOW = Reply(503, "5.5.1", "Not within a mail")
NO_SUCH_WAY = Reply(504, "5.5.4", "Log in with PLAIN or LOGIN")
NOT_BASE64 = Reply(501, "5.5.2", "That is not base64")
CANCELLED = Reply(501, "5.7.0", "Login cancelled")

ASK_NAME, ASK_PASSWORD = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"
_AUTH_PARAMETER = re.compile(r" AUTH=[!-~]*", re.IGNORECASE)


class NoCredentials(Exception):
    """The login did not come to its end; the reply says why."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(answer.text)
        self.reply = answer


class SubmissionServer(Server):
    """`begin_encrypted` is said before the connection is made, where TLS comes first."""

    def __init__(
        self, door: Door, guest: Guest, office: Office, *, tls: SSLContext | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(door, guest, tls=tls, loop=loop)
        self.office = office
        self.failed_logins = 0
        self.has_begun = False

    def begin_encrypted(self, layer: SSLProtocol) -> None:
        self._tls_protocol = layer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.has_begun = True
        super().connection_made(transport)

    def make_visit(self) -> Session:
        visit = Visit(self.door, self.guest, self.office)
        visit.tls = self._tls_protocol is not None
        return visit

    def hang_up(self) -> None:
        super().hang_up()
        if isinstance(self.visit, Visit):
            self.visit.close()

    def command_of(self, verb: str) -> Command | None:
        return log_in if verb == "AUTH" and self.office.logins.users else super().command_of(verb)

    def extensions(self) -> list[str]:
        offered = super().extensions()
        if self.office.logins.users and self._tls_protocol is not None:
            offered.insert(-1, "AUTH PLAIN LOGIN")
        return offered

    def begin_mail(self, visit: Session, arg: str | None) -> Reply:
        """AUTH= may stand in MAIL, and says nothing that we would believe (RFC 4954 5)."""
        return super().begin_mail(visit, _AUTH_PARAMETER.sub("", arg, count=1) if arg else arg)

    # ---- the login -------------------------------------------------------------------------------------------------

    async def smtp_AUTH(self, arg: str) -> None:
        visit = self.visit
        assert isinstance(visit, Visit)
        if (objection := self.objection(visit)) is not None:
            return await self.push(objection)
        if self.office.logins.is_barred(visit.address):
            self.closing = True
            return await self.push(BARRED)
        try:
            name, password = await self.credentials(arg)
            right = await self.office.logins.check(name, password)
        except NoCredentials as error:
            return await self.push(error.reply)
        except Busy:
            return await self.push(BUSY)
        if not right:
            return await self.refuse(visit)
        visit.user = name
        return await self.push(WELCOME)

    def objection(self, visit: Visit) -> Reply | None:
        if not visit.helo or not visit.esmtp:
            return reply.HELLO_FIRST
        if not visit.tls:
            return NEEDS_TLS
        if visit.user is not None:
            return LOGGED_IN
        return NOT_NOW if visit.in_transaction else None

    async def refuse(self, visit: Visit) -> None:
        """The same words after the same time, whether the name exists or not."""
        log.warning("login failed", peer=str(visit.address))
        self.office.logins.failed(visit.address)
        self.failed_logins += 1
        await asyncio.sleep(FAILED_PAUSE)
        await self.push(WRONG)
        if self.failed_logins >= MOST_FAILURES:
            self.closing = True

    async def credentials(self, arg: str) -> tuple[str, str]:
        """Name and password. Raises NoCredentials."""
        way, _, first = arg.partition(" ")
        if way.upper() == "PLAIN":
            return plain(decoded(first) if first else await self.ask("334 "))
        if way.upper() == "LOGIN":
            name = decoded(first) if first else await self.ask(ASK_NAME)
            return text(name), text(await self.ask(ASK_PASSWORD))
        raise NoCredentials(NO_SUCH_WAY)

    async def ask(self, question: str) -> bytes:
        """The peer's answer to a challenge, decoded."""
        await self.push(question)
        await self.flush()
        line = await self.next_line()
        self.stop_timer()
        if line is None:
            raise ConnectionResetError("the peer left within a login")
        said = self.well_formed(line)
        if said is None:
            self.closing = self.distrusted = True
            raise NoCredentials(reply.BAD_LINE)
        return decoded(said)


async def log_in(server: Server, arg: str) -> None:
    assert isinstance(server, SubmissionServer)
    await server.smtp_AUTH(arg)


def decoded(said: str) -> bytes:
    """Raises NoCredentials. "=" is an empty initial response (RFC 4954 4)."""
    if said == "*":
        raise NoCredentials(CANCELLED)
    try:
        return b"" if said == "=" else b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        raise NoCredentials(NOT_BASE64) from None


def plain(response: bytes) -> tuple[str, str]:
    """Name and password of RFC 4616; nobody acts for somebody else. Raises NoCredentials."""
    parts = response.split(b"\0")
    if len(parts) != 3 or parts[0] not in (b"", parts[1]):
        raise NoCredentials(WRONG)
    return text(parts[1]), text(parts[2])


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
