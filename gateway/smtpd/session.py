"""One peer's visit: translates between the protocol's words and ours, and holds what the transaction is so far."""

from collections.abc import Awaitable, Callable

from gateway import clock
from gateway.evidence.rdns import HostName
from gateway.ids import new_id
from gateway.model import (
    Action,
    Address,
    Envelope,
    MailParameters,
    Peer,
    Reason,
    ReasonCode,
    Recipient,
    Reply,
    Verdict,
)
from gateway.policy import reply
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.header import VERDICT_FIELD
from gateway.smtpd import acceptance, admission, bounces, relayed
from gateway.smtpd.admission import Admitted, Mail
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.smtpd.message import Received
from gateway.spool import Spool


class Session:
    """The state between the greeting and the goodbye."""

    def __init__(self, door: Door, guest: Guest) -> None:
        self.door = door
        self.guest = guest
        self.address = guest.address
        self.id = new_id(clock.now())
        self.helo = ""
        self.esmtp = False
        self.tls = False
        self.normalised = door.normalises(guest.address)
        self.is_relay = door.is_relay(guest.address)
        self.name: HostName | None = None  # not looked up yet
        self.mail_now: Mail | None = None
        self.reader: Fingerprinter | None = None
        self.on_lost_reply: Callable[[], Awaitable[None]] | None = None

    # ---- state -----------------------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        return self.mail_now is not None

    @property
    def is_idle(self) -> bool:
        return self.mail_now is None

    @property
    def has_recipients(self) -> bool:
        return self.mail_now is not None and bool(self.mail_now.admitted)

    @property
    def smtputf8(self) -> bool:
        return self.mail_now is not None and self.mail_now.parameters.smtputf8

    def hello(self, name: str, *, esmtp: bool) -> None:
        self.reset()
        self.helo = name
        self.esmtp = esmtp

    def forget_hello(self, *, tls: bool) -> None:
        self.reset()
        self.helo = ""
        self.tls = tls

    def reset(self) -> None:
        self.mail_now = None
        self.reader = None

    async def peer(self) -> Peer:
        """The peer with its confirmed name, which is looked up once."""
        if self.name is None:
            self.name = await self.door.evidence.name_of(self.address)
            self.guest.has_name(self.name)
        name = self.name
        return Peer(
            self.address, self.helo, name.value, self.tls, self.esmtp, name.is_missing, organisation=name.organisation
        )

    # ---- the mail --------------------------------------------------------------------------------------------------

    def mail(self, sender: Address | None, parameters: MailParameters) -> Reply:
        self.mail_now = Mail(new_id(clock.now()), sender, parameters, self.guest)
        self.guest.names_sender(self.mail_now.sender_key)
        self.on_lost_reply = None
        return reply.SENDER_OK

    async def rcpt(self, address: Address, notify: str | None, orcpt: str | None) -> Reply:
        assert self.mail_now is not None
        if not address.domain:  # a bare <postmaster> (RFC 5321 4.5.1)
            address = Address(f"{address.local}@{self.door.first_local}", address.local, self.door.first_local)
        address = bounces.without_tag(self.door, address)
        self.mail_now.named += 1
        if self.mail_now.named > self.most_recipients():
            return reply.TOO_MANY_RECIPIENTS
        recipient = Recipient(address, notify, orcpt)
        return await admission.admit(self.door, self.mail_now, await self.peer(), recipient)

    def most_recipients(self) -> int:
        assert self.mail_now is not None
        limits = self.door.limits
        is_known = self.is_relay or self.mail_now.transaction.sender_known
        return limits.recipients_known if is_known else limits.recipients

    def saw(self, payload: bytes) -> None:
        """A part of the data, on its way to the spool."""
        if self.reader is None:
            self.reader = Fingerprinter(self.door.hostname, VERDICT_FIELD)
        self.reader.feed(payload)

    async def data(self, spool: Spool) -> Reply:
        """The data have ended without a defect."""
        assert self.mail_now is not None
        self.saw(b"")
        assert self.reader is not None
        facts = self.reader.finish()
        if self.reader.head_too_big:
            return self.defective("header too big")
        envelope = self.envelope(self.mail_now.admitted)
        peer = await self.peer()
        relayed_by = await relayed.hop_of(self.door, peer, self.mail_now.sender, self.reader) if self.is_relay else None
        received = Received(self.mail_now, envelope, peer, facts, spool, relayed_by)
        answer, tell_lost = await acceptance.accept(self.door, received)
        self.on_lost_reply = tell_lost
        return answer

    def envelope(self, admitted: list[Admitted]) -> Envelope:
        assert self.mail_now is not None
        recipients = tuple(one.recipient for one in admitted)
        return Envelope(self.mail_now.sender, recipients, self.mail_now.parameters)

    def defective(self, defect: str) -> Reply:
        """The data break the rules: say which one."""
        verdict = Verdict(Action.REJECT, (Reason(ReasonCode.MESSAGE_DEFECT, {"defect": defect}),))
        return self.not_taken(verdict, Reply(550, "5.6.0", f"The message is malformed: {defect}"))

    def too_big(self) -> Reply:
        verdict = Verdict(Action.REJECT, (Reason(ReasonCode.MESSAGE_DEFECT, {"defect": "message too big"}),))
        return self.not_taken(verdict, reply.TOO_BIG)

    def no_room(self) -> Reply:
        """The data could not even be received."""
        verdict = Verdict(Action.DEFER, (Reason(ReasonCode.STORAGE_FULL),))
        return self.not_taken(verdict, reply.DEFERRALS[ReasonCode.STORAGE_FULL])

    def not_taken(self, verdict: Verdict, answer: Reply) -> Reply:
        assert self.mail_now is not None
        said = reply.with_id(answer, self.mail_now.id)
        admission.record_for_all(self.door, self.mail_now, self.address, verdict, said)
        return said

    def failed(self) -> Reply:
        """Our own fault, whatever it was."""
        return reply.with_id(reply.FAILED, self.id)

    async def reply_was_lost(self) -> None:
        """Our 250 did not reach the peer: its retry must be recognised."""
        if self.on_lost_reply is not None:
            await self.on_lost_reply()
