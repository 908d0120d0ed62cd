"""The lines of one mail put together by its queue id, across restarts."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from gateway.maillog.lines import Ended, Event, Opened, Taken

MOST_WAITING = 20_000  # mails in a queue; with more the oldest are forgotten


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail that another server has taken for one recipient."""

    sender: str
    recipient: str
    message_id: str | None
    at: datetime


class Joiner:
    """Remembers who sent what is still in a queue."""

    def __init__(self, waiting: str = "") -> None:
        self.waiting: OrderedDict[str, tuple[str | None, str | None]] = OrderedDict()
        for queue, (sender, message_id) in (json.loads(waiting) if waiting else {}).items():
            self.waiting[queue] = (sender, message_id)

    def text(self) -> str:
        """What a Joiner after a restart begins with."""
        return json.dumps(self.waiting)

    def feed(self, event: Event) -> Delivered | None:
        match event:
            case Opened():
                self.open(event)
            case Ended():
                self.waiting.pop(event.queue, None)
            case Taken():
                sender, message_id = self.waiting.get(event.queue, (None, None))
                return Delivered(sender, event.recipient, message_id, event.at) if sender else None
        return None

    def open(self, event: Opened) -> None:
        sender, message_id = self.waiting.pop(event.queue, (None, None))
        if event.sender is not None:
            sender = event.sender
        self.waiting[event.queue] = (sender, event.message_id or message_id)
        if len(self.waiting) > MOST_WAITING:
            self.waiting.popitem(last=False)
