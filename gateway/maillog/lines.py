"""One line of a mail server's log: Postfix (cleanup, qmgr and its delivery agents), Exim (mainlog, or by syslog)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_POSTFIX = re.compile(r" postfix[\w.-]*(?:/[\w.-]+)*/\w+\[\d+\]: ([0-9A-Za-z]{5,20}): (.*)")
_FROM = re.compile(r"from=<([^>]*)>, size=")
_TO = re.compile(r"to=<([^>]+)>,.* relay=([^,]+),.* status=sent \(")
_POSTFIX_ID = re.compile(r"message-id=<?([^<>\s]+)>?$")
_EXIM = re.compile(
    r"(?:^|: )(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?) (?:\[\d+\] )?"
    r"([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) (.*)"
)
_EXIM_ID = re.compile(r" id=([^\s<>]+)")
_EXIM_HOST = re.compile(r" H=(\S+)(?: \[([^\]]+)\])?")
_LOOPBACK = re.compile(r"127\.|\[127\.|::1|\[::1\]|localhost\b")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?\d*(?: ?[+-]\d\d:?\d\d|Z)?")
_SYSLOG = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) ")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PRIORITY = re.compile(r"<\d{1,3}>")


class BadLine(ValueError):
    """A line that tells of mail and cannot be understood."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What the times of a log are to be read by: syslog writes neither the year nor the zone."""

    now: datetime
    zone: tzinfo | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A mail came into the queue. `sender` is None where the line does not tell; "" is the null sender."""

    queue: str
    sender: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Another server has taken it for a recipient."""

    queue: str
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """It left the queue."""

    queue: str


Event = Opened | Taken | Ended


def parse(line: str, clock: Clock) -> Event | None:
    """What a line tells; None: nothing that matters here. Raises BadLine."""
    if found := _POSTFIX.search(line):
        return None if found[1] == "NOQUEUE" else postfix(line, found[1], found[2], clock)
    if found := _EXIM.search(line):
        return exim(found[1], found[2], found[3], clock)
    return None


def postfix(line: str, queue: str, rest: str, clock: Clock) -> Event | None:
    if found := _FROM.match(rest):
        return Opened(queue, sender=found[1].lower())
    if rest.startswith("message-id="):
        named = _POSTFIX_ID.match(rest)
        return Opened(queue, message_id=named[1]) if named else None
    if rest == "removed":
        return Ended(queue)
    if (sent := _TO.match(rest)) and not _LOOPBACK.match(sent[2]):  # a filter beside it is not the world
        return Taken(queue, sent[1].lower(), moment(line, clock))
    return None


def exim(at: str, queue: str, rest: str, clock: Clock) -> Event | None:
    flag, _, told = rest.partition(" ")
    if flag == "<=":
        named = _EXIM_ID.search(told)
        sender = told.partition(" ")[0]
        return Opened(queue, "" if sender == "<>" else sender.lower(), named[1] if named else None)
    if flag in ("=>", "->", ">>"):
        host = _EXIM_HOST.search(told)
        is_near = host is None or _LOOPBACK.match(host[2] or host[1])
        return None if is_near else Taken(queue, exim_recipient(told), moment(at, clock))
    return Ended(queue) if rest.startswith("Completed") else None


def exim_recipient(told: str) -> str:
    """The address of "=> ann@example.org R=…" or "=> ann <ann@example.org> R=…". Raises BadLine."""
    first, _, more = told.partition(" ")
    if "@" not in first and more.startswith("<"):
        first = more[1:].partition(">")[0]
    if "@" not in first:
        raise BadLine("a delivery without an address")
    return first.strip("<>").lower()


def moment(text: str, clock: Clock) -> datetime:
    """When a line was written. Raises BadLine."""
    text = _PRIORITY.sub("", text, count=1) if text.startswith("<") else text
    try:
        if found := _ISO.match(text):
            return aware(datetime.fromisoformat(found[0].replace(" +", "+").replace(" -", "-")), clock)
        if found := _SYSLOG.match(text):
            return syslog_time(found, clock)
    except ValueError as error:
        raise BadLine("an impossible time") from error
    raise BadLine("no time at its beginning")


def syslog_time(found: re.Match[str], clock: Clock) -> datetime:
    """Of this year, unless that is still to come. Raises ValueError."""
    month = MONTHS.index(found[1]) + 1
    day, hour, minute, second = map(int, found.groups()[1:])
    latest = clock.now + timedelta(days=1)
    for year in (latest.year, latest.year - 1, latest.year - 2, latest.year - 3, latest.year - 4):
        try:
            at = aware(datetime(year, month, day, hour, minute, second), clock)  # noqa: DTZ001  (it gets one there)
        except ValueError:  # the 29th of February
            continue
        if at <= latest:
            return at
    raise ValueError("no such day")


def aware(at: datetime, clock: Clock) -> datetime:
    if at.tzinfo is not None:
        return at
    return at.replace(tzinfo=clock.zone) if clock.zone is not None else at.astimezone()
