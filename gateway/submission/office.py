"""What all sessions of the submission listener share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.model import Address, IPAddress, IPNetwork, Rung
from gateway.policy.outbound import may_send
from gateway.policy.trail import is_among
from gateway.relay.connection import Endpoint
from gateway.relay.live import LiveRelay
from gateway.relay.wire import TimeLimits
from gateway.submission.logins import Logins


@dataclass(frozen=True, slots=True)
class Office:
    """`signers` names the identities by which mail of a domain is told; `key` is of our tags in senders, "" is none."""

    logins: Logins
    trusted: Sequence[IPNetwork]
    local: frozenset[str]
    smarthosts: Sequence[Endpoint]
    times: TimeLimits
    form_accounts: frozenset[str]
    memory_for: timedelta
    signers: Callable[[str], frozenset[Rung]]
    key: str = ""

    def relay(self) -> LiveRelay:
        return LiveRelay(self.smarthosts, self.times)

    def trusts(self, address: IPAddress) -> bool:
        return bool(self.trusted) and is_among(address, self.trusted)

    def lets_send(self, user: str | None, sender: Address) -> bool:
        """Whether a user, or somebody in a trusted network, may name this sender."""
        named = self.logins.users[user].senders if user is not None else ()
        return may_send(sender, named or self.local)
