"""What a decision point asks the store."""

from dataclasses import dataclass
from datetime import datetime

from gateway.model import Fingerprint, Rung
from gateway.store.keys import content_keys


@dataclass(frozen=True, slots=True)
class Question:
    """Asked at RCPT for one recipient, with `content` after the dot for all of a mail.

    `sender` is the envelope sender's key ("" is null), `normal` the same without what changes from mail to mail.
    """

    sender: str
    normal: str
    recipients: tuple[str, ...]
    rungs: frozenset[Rung]
    now: datetime
    content: Fingerprint | None = None

    def content_keys(self, recipient: str) -> dict[str, bytes | None]:
        """Columns and values by which this mail is found for a recipient; none before the data."""
        if self.content is None:
            return {}
        return content_keys(self.sender, recipient, self.content.body, self.content.message_id)
