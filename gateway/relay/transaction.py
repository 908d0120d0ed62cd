"""One mail over one connection: envelope, data, and what became of each recipient (RFC 5321 3.3, RFC 2033 4.2)."""

from gateway.model import Reply
from gateway.relay.commands import mail_command, rcpt_command
from gateway.relay.connection import Connection, settled
from gateway.relay.nexthop import LOST, UNREACHABLE, Attempt, Outgoing
from gateway.relay.stuffing import DotStuffer, pieces
from gateway.relay.wire import Broken

SMALL = 16384  # bytes of a mail that goes out in one write, its end included

NO_SMTPUTF8 = Reply(550, "5.6.7", "The destination does not take internationalized addresses")
BAD_SENDER = Reply(550, "5.1.7", "The sender address cannot be passed on")
BAD_RECIPIENT = Reply(550, "5.1.3", "The recipient address cannot be passed on")


class Transaction:
    """Carries one mail. A recipient without an attempt yet is *open*."""

    def __init__(self, connection: Connection, mail: Outgoing) -> None:
        self._connection = connection
        self._mail = mail
        self._attempts: list[Attempt | None] = [None] * len(mail.envelope.recipients)
        self._dotted = False

    @property
    def _open(self) -> list[int]:
        return [place for place, attempt in enumerate(self._attempts) if attempt is None]

    async def run(self) -> list[Attempt]:
        """One attempt for each recipient. Raises Broken when the connection failed before the envelope was answered."""
        await self._connection.begin(self._mail.origin)
        await self._address()
        if self._open:
            await self._hand_over()
        return [attempt or UNREACHABLE for attempt in self._attempts]

    def _answer_open(self, reply: Reply) -> None:
        for place in self._open:
            self._attempts[place] = Attempt.answered(reply)

    async def _address(self) -> None:
        """MAIL and the RCPTs that can be put into commands; leaves those open that were accepted."""
        commands = self._commands()
        if not self._open:
            self._connection.finish()
            return
        replies = await self._connection.envelope(commands, with_data=True)
        if not replies[0].is_positive:
            self._answer_open(replies[0])
        for place, reply in zip(self._open, replies[1:], strict=False):
            self._attempts[place] = None if reply.is_positive else Attempt.answered(reply)
        if replies[-1].code == 421:
            self._answer_open(replies[-1])
        elif not self._open:
            await self._connection.without_data()

    def _commands(self) -> list[bytes]:
        """The envelope; a recipient that cannot be part of it gets its attempt here."""
        utf8 = self._mail.envelope.parameters.smtputf8
        if utf8 and "SMTPUTF8" not in self._connection.offers:
            self._answer_open(NO_SMTPUTF8)
            return []
        try:
            commands = [mail_command(self._mail, self._connection.offers)]
        except ValueError:
            self._answer_open(BAD_SENDER)
            return []
        for place, recipient in enumerate(self._mail.envelope.recipients):
            try:
                commands.append(rcpt_command(recipient, self._connection.offers, utf8))
            except ValueError:
                self._attempts[place] = Attempt.answered(BAD_RECIPIENT)
        return commands

    async def _hand_over(self) -> None:
        """DATA. Whoever is still open when the connection fails is unreachable before the dot, lost after it."""
        try:
            answer = await self._connection.data()
            if 300 <= answer.code < 400:
                await self._data()
            else:
                self._refused_data(answer.as_reply())
        except Broken:
            for place in self._open:
                self._attempts[place] = LOST if self._dotted else UNREACHABLE

    def _refused_data(self, reply: Reply) -> None:
        if reply.is_positive:
            raise Broken("DATA answered 2xx")
        self._answer_open(reply)
        self._connection.finish(in_transaction=True)

    async def _data(self) -> None:
        stuffer = DotStuffer()
        if self._mail.size <= SMALL and not self._connection.hop_spoke:
            await self._dot(stuffer.feed(b"".join(self._mail.chunks())) + stuffer.finish())
        elif await self._body(stuffer):
            await self._dot(stuffer.finish())
        else:
            await self._interrupted()
            return
        await self._verdicts()

    async def _body(self, stuffer: DotStuffer) -> bool:
        """Sends all but the end; False when the hop spoke before it was asked to."""
        try:
            for piece in pieces(self._mail.chunks()):
                if self._connection.hop_spoke:
                    return False
                await self._connection.write(stuffer.feed(piece))
        except Broken:
            if not self._connection.hop_spoke:
                raise
        return not self._connection.hop_spoke

    async def _interrupted(self) -> None:
        """A refusal in the middle of the data counts; the connection is out of step and ends here."""
        reply = settled(await self._connection.answer())
        if reply.is_positive:
            raise Broken("accepted before the end of the data")
        self._answer_open(reply)

    async def _dot(self, end: bytes) -> None:
        self._dotted = self._connection.is_alive
        await self._connection.write(end)

    async def _verdicts(self) -> None:
        """After the dot SMTP has one reply for all, LMTP one for each accepted recipient in order."""
        last = None
        for place in self._open:
            if last is None or self._connection.lmtp:
                last = settled(await self._connection.answer(self._connection.limits.final))
            self._attempts[place] = Attempt.answered(last)
        self._connection.finish()
