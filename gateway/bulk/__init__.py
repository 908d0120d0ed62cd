"""Decisions about many mails at once."""

from gateway.bulk.alike import ALIKE, Group, Kind, alike
from gateway.bulk.asking import (
    AT_ONCE,
    MOST,
    NOBODY_ELSE,
    REFUSE,
    RELEASE,
    Asker,
    FourEyes,
    NotNow,
    begin,
    confirm,
    drop_out_of_time,
    may_confirm,
    prepare,
    propose,
    stop,
    undo,
    view_of,
    withdraw,
)
from gateway.bulk.telling import counted, sentences
from gateway.bulk.work import Means, turn

__all__ = [
    "ALIKE",
    "AT_ONCE",
    "MOST",
    "NOBODY_ELSE",
    "REFUSE",
    "RELEASE",
    "Asker",
    "FourEyes",
    "Group",
    "Kind",
    "Means",
    "NotNow",
    "alike",
    "begin",
    "confirm",
    "counted",
    "drop_out_of_time",
    "may_confirm",
    "prepare",
    "propose",
    "sentences",
    "stop",
    "turn",
    "undo",
    "view_of",
    "withdraw",
]
