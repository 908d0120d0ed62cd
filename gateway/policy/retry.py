"""When the courier tries again, and when it gives up."""

from datetime import datetime, timedelta

from gateway.model import DeliveryState, Reply

FIRST_PAUSE = timedelta(seconds=300)
LONGEST_PAUSE = timedelta(seconds=4000)
LIFETIME = timedelta(days=5)  # RFC 5321 4.5.4.1 asks for at least 4 to 5 days


def next_attempt(attempts: int, now: datetime, jitter: float = 0.0) -> datetime:
    """When to try again after `attempts` failures; pauses double. `jitter` (0 to 1) adds up to a tenth."""
    pause = min(FIRST_PAUSE * 2 ** max(0, attempts - 1), LONGEST_PAUSE) if attempts < 12 else LONGEST_PAUSE
    return now + pause * (1 + jitter / 10)


def gives_up(created: datetime, now: datetime) -> bool:
    """True when a mail has been tried for long enough; it is then shown as undeliverable."""
    return now - created >= LIFETIME


def after(reply: Reply, created: datetime, now: datetime) -> DeliveryState:
    """What becomes of a mail that is ours after an attempt: delivered, given up, or tried again."""
    if reply.is_positive:
        return DeliveryState.DELIVERED
    return DeliveryState.UNDELIVERABLE if reply.is_permanent or gives_up(created, now) else DeliveryState.RELEASING
