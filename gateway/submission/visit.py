"""One session of somebody who sends mail: each recipient and the mail itself go on to the smarthost at once."""

from collections.abc import Iterator

import structlog

from gateway import clock
from gateway.model import Address, Envelope, MailParameters, Peer, ReasonCode, Recipient, Reply
from gateway.policy import bounce, reply
from gateway.policy.fingerprint import MAX_HEAD
from gateway.policy.outbound import Letter, read_letter, received
from gateway.smtpd.bounces import beginning
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.smtpd.session import Session
from gateway.spool import Spool
from gateway.store import outbound
from gateway.store.outbound import Sent
from gateway.submission.office import Office

log = structlog.get_logger()

LOGIN_FIRST = Reply(530, "5.7.0", "Log in first")
TLS_FIRST = Reply(530, "5.7.0", "Say STARTTLS and log in first")
NOT_AS = Reply(553, "5.7.1", "You may not send as this address")


class Visit(Session):
    """`user` is who logged in; None: nobody yet, or a trusted network."""

    def __init__(self, door: Door, guest: Guest, office: Office) -> None:
        super().__init__(door, guest)
        self.office = office
        self.user: str | None = None
        self.relay = office.relay()
        self.taken: list[Recipient] = []

    @property
    def has_recipients(self) -> bool:
        return bool(self.taken)

    def reset(self) -> None:
        super().reset()
        self.taken = []

    def close(self) -> None:
        self.relay.close()

    def mail(self, sender: Address | None, parameters: MailParameters) -> Reply:
        if self.user is None and not self.office.trusts(self.address):
            return LOGIN_FIRST if self.tls else TLS_FIRST
        if sender is not None and not self.office.lets_send(self.user, sender):
            return NOT_AS
        self.relay.begin(self.signed(sender), parameters)
        return super().mail(sender, parameters)

    def signed(self, sender: Address | None) -> Address | None:
        if sender is None or not self.office.key or sender.domain not in self.door.local:
            return sender
        return bounce.tagged(sender, self.office.key, clock.now())

    async def rcpt(self, address: Address, notify: str | None, orcpt: str | None) -> Reply:
        assert self.mail_now is not None
        if not address.domain:  # a bare <postmaster> (RFC 5321 4.5.1)
            address = Address(f"{address.local}@{self.door.first_local}", address.local, self.door.first_local)
        self.mail_now.named += 1
        if self.mail_now.named > self.door.limits.recipients_known:
            return reply.TOO_MANY_RECIPIENTS
        if any(one.address.raw == address.raw for one in self.taken):
            return reply.ACCEPTED
        recipient = Recipient(address, notify, orcpt)
        said = await self.relay.add(recipient)
        if said.is_positive:
            self.taken.append(recipient)
            return said
        return reply.with_id(said, self.mail_now.id)

    async def data(self, spool: Spool) -> Reply:
        """Our reply is the smarthost's; what it took teaches."""
        assert self.mail_now is not None
        self.saw(b"")
        assert self.reader is not None
        if self.reader.finish().received_count >= self.door.policy.max_received:
            return self.not_taken_at_all(ReasonCode.MESSAGE_LOOP)
        if self.reader.head_too_big:
            return self.defective("header too big")
        letter = read_letter(beginning(spool.chunks(), MAX_HEAD)[:MAX_HEAD])
        top, letter = self.trace(letter)

        def chunks() -> Iterator[bytes]:
            yield top
            yield from spool.chunks()

        attempt = await self.relay.send(chunks)
        answer = reply.with_id(attempt.reply, self.mail_now.id)
        if attempt.reply.is_positive:
            self.learn(letter)
        self.tell(answer)
        return answer

    def not_taken_at_all(self, code: ReasonCode) -> Reply:
        assert self.mail_now is not None
        answer = reply.with_id(reply.REFUSALS[code], self.mail_now.id)
        self.tell(answer)
        return answer

    def trace(self, letter: Letter) -> tuple[bytes, Letter]:
        """What goes on top: Received, and where it is missing a Message-ID (RFC 6409 8.3): its bounce names it."""
        assert self.mail_now is not None
        peer = Peer(self.address, self.helo, tls=self.tls, esmtp=self.esmtp)
        envelope = Envelope(self.mail_now.sender, tuple(self.taken), self.mail_now.parameters)
        is_user = self.user is not None
        top = received(peer, envelope, self.door.hostname, self.mail_now.id, clock.now(), user=is_user)
        if letter.message_id is None:
            letter = Letter(f"{self.mail_now.id}@{self.door.hostname}", letter.answers, letter.by_machine)
            top += f"Message-ID: <{letter.message_id}>\r\n"
        return top.encode("utf-8"), letter

    def learn(self, letter: Letter) -> None:
        """Whom one of us wrote to is known from now on."""
        assert self.mail_now is not None
        sender = self.mail_now.sender
        foreign = [one.address for one in self.taken if one.address.domain not in self.door.local]
        now = clock.now()
        is_ours = sender is not None and sender.domain in self.door.local
        sent = Sent(
            author=self.user or self.mail_now.sender_key,
            sender=self.mail_now.sender_key,
            to={address.key: self.office.signers(address.domain) for address in foreign},
            letter=letter,
            now=now,
            expires=now + self.office.memory_for,
            teaches=is_ours and self.mail_now.sender_key not in self.office.form_accounts,
        )
        self.door.database.note(outbound.learn, sent)

    def tell(self, answer: Reply) -> None:
        assert self.mail_now is not None
        log.info(
            "submitted",
            id=self.mail_now.id,
            peer=str(self.address),
            user=self.user or "",
            sender=self.mail_now.sender_key,
            recipients=[one.address.key for one in self.taken],
            reply=str(answer),
        )
