"""A mail handed on while its sender still names recipients: each is told what the hop says of it (RFC 5321 3.3)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import structlog

from gateway.model import Address, Envelope, MailParameters, Recipient, Reply
from gateway.relay.commands import mail_command, rcpt_command
from gateway.relay.connection import Connection, Endpoint, open_connection, settled
from gateway.relay.nexthop import LOST, UNREACHABLE, Attempt, Outgoing
from gateway.relay.stuffing import DotStuffer, pieces
from gateway.relay.transaction import BAD_RECIPIENT, BAD_SENDER, NO_SMTPUTF8
from gateway.relay.wire import Broken, TimeLimits

log = structlog.get_logger()

Chunks = Callable[[], Iterator[bytes]]


class LiveRelay:
    """One session's line to the first next hop that answers. Kept open from mail to mail; nothing is queued.

    No method raises for a fault of the hop: the reply is then one of ours, 451.
    """

    def __init__(self, endpoints: Sequence[Endpoint], times: TimeLimits) -> None:
        self._endpoints = endpoints
        self._times = times
        self._connection: Connection | None = None
        self._sender: Address | None = None
        self._parameters = MailParameters()
        self._taken: list[Recipient] = []
        self._refused: Reply | None = None  # the whole mail
        self._speaking = asyncio.Lock()

    def begin(self, sender: Address | None, parameters: MailParameters) -> None:
        """A mail of this sender follows; the hop hears of it with the first recipient."""
        self._sender, self._parameters, self._taken, self._refused = sender, parameters, [], None

    async def add(self, recipient: Recipient) -> Reply:
        """What the hop says to one more recipient."""
        async with self._speaking:
            if self._refused is not None:
                return self._refused
            try:
                reply = await self._add(recipient)
            except Broken as broken:
                reply = self._refused = self._gave_up(broken)
            if reply.is_positive:
                self._taken.append(recipient)
            return ours_stays_open(reply)

    async def send(self, chunks: Chunks) -> Attempt:
        """The hop's word on the whole mail. LOST: nobody knows whether it has the mail."""
        async with self._speaking:
            if self._refused is not None:
                return Attempt.answered(self._refused)
            dotted = False
            try:
                connection = await self._in_step()
                answer = await connection.data()
                if answer.code != 354:
                    return Attempt.answered(ours_stays_open(self._not_taken(connection, answer.as_reply())))
                stuffer = DotStuffer()
                for piece in pieces(chunks()):
                    await connection.write(stuffer.feed(piece))
                dotted = True
                await connection.write(stuffer.finish())
                reply = settled(await connection.answer(self._times.final))
                connection.finish()
                return Attempt.answered(ours_stays_open(reply))
            except Broken as broken:
                self._gave_up(broken)
                return LOST if dotted else UNREACHABLE
            except Unready as unready:
                return Attempt.answered(unready.reply)

    def close(self) -> None:
        """Part with the hop; what it was told and did not answer yet does not count."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_reusable:
            connection.leave()
        elif connection is not None:
            connection.abort()

    # ---- the hop ---------------------------------------------------------------------------------------------------

    async def _add(self, recipient: Recipient) -> Reply:
        if self._taken:
            assert self._connection is not None
            return await self._ask(self._connection, recipient)
        if self._connection is not None:
            with suppress(Broken):  # it was idle for too long
                return await self._first(self._connection, recipient)
            self.close()
        return await self._first(await self._open(), recipient)

    async def _ask(self, connection: Connection, recipient: Recipient) -> Reply:
        try:
            command = rcpt_command(recipient, connection.offers, self._parameters.smtputf8)
        except ValueError:
            return BAD_RECIPIENT
        return settled(await connection.ask(command))

    async def _first(self, connection: Connection, recipient: Recipient) -> Reply:
        """MAIL, and the first recipient that is taken, or one more try after one that was not."""
        offers = {name: value for name, value in connection.offers.items() if name != "SIZE"}  # nobody knows it yet
        if self._parameters.smtputf8 and "SMTPUTF8" not in offers:
            self._refused = NO_SMTPUTF8
            return NO_SMTPUTF8
        mail = Outgoing(Envelope(self._sender, (recipient,), self._parameters), lambda: iter(()), 0)
        try:
            command = mail_command(mail, offers)
        except ValueError:
            self._refused = BAD_SENDER
            return BAD_SENDER
        await connection.begin(None)
        (said,) = await connection.envelope([command])
        if not said.is_positive:
            return self._not_taken(connection, said)
        return await self._ask(connection, recipient)

    async def _in_step(self) -> Connection:
        """The connection as it is, or, where the hop left while the data came in, another with the same envelope.

        Raises Unready when that one does not take all of it.
        """
        connection = self._connection
        if connection is not None and connection.is_alive and not connection.hop_spoke:
            return connection
        self.close()
        connection = await self._open()
        taken, self._taken = self._taken, []
        for recipient in taken:
            said = await (self._ask(connection, recipient) if self._taken else self._first(connection, recipient))
            if not said.is_positive:
                raise Unready(said)
            self._taken.append(recipient)
        return connection

    async def _open(self) -> Connection:
        """The first hop that says hello. Raises the last one's Broken."""
        trouble = Broken("no next hop")
        for endpoint in self._endpoints:
            try:
                self._connection = await open_connection(endpoint, self._times)
            except Broken as broken:
                trouble = broken
                log.warning("a backend failed", backend=str(endpoint), error=str(broken))
            else:
                return self._connection
        raise trouble

    def _not_taken(self, connection: Connection, said: Reply) -> Reply:
        """A no to the whole mail."""
        self._refused = said if not said.is_positive else UNREACHABLE.reply
        connection.finish(in_transaction=True)
        return self._refused

    def _gave_up(self, broken: Broken) -> Reply:
        if self._connection is not None:
            log.warning("a backend failed", backend=", ".join(map(str, self._endpoints)), error=str(broken))
        self.close()
        return UNREACHABLE.reply


def ours_stays_open(reply: Reply) -> Reply:
    """A hop that closes its connection does not close the session with our peer."""
    return Reply(451, reply.enhanced, reply.text) if reply.code == 421 else reply


class Unready(Exception):
    """The hop that took the recipients left, and another does not take them all."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply
