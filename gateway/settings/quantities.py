"""Durations and sizes: how the settings file writes them, and how people say them."""

import re
from datetime import timedelta

from gateway.i18n import _, ngettext

MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONGEST = 36500 * DAY  # more would leave the calendar when added to a date

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
MOST = 2**63 - 1  # what an integer column holds

_PERIODS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": MILLISECOND}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _PERIODS))

_BINARY = {"TiB": 1024 * GIB, "GiB": GIB, "MiB": MIB, "KiB": KIB}
_DECIMAL = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3, "KB": 10**3}
_UNITS = {**_BINARY, **_DECIMAL, "B": 1}
_SIZE = re.compile(f"([0-9]{{1,19}}) ?({'|'.join(_UNITS)})")

_DURATION_FORM = 'write a duration such as "500ms", "90s", "1h30m" or "4d"'
_SIZE_FORM = 'write a size such as "64KiB", "50MiB" or "2GB", or a plain number of bytes'


def duration(value: object) -> timedelta:
    """The duration that "1h30m" says; raises ValueError when there is no unit or another form."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'{value} has no unit; write "{value}s" for seconds, or use ms, m, h or d')
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match or not match[0]:
        raise ValueError(f"{quoted(value)} is not a duration; {_DURATION_FORM}")
    return _total([int(number or 0) for number in match.groups()], str(value))


def _total(numbers: list[int], text: str) -> timedelta:
    """The sum of days, hours, minutes, seconds and milliseconds; raises ValueError beyond a century."""
    milliseconds = sum(
        number * (period // MILLISECOND) for number, period in zip(numbers, _PERIODS.values(), strict=True)
    )
    if milliseconds > LONGEST // MILLISECOND:
        raise ValueError(f"{quoted(text)} is too much; at most {duration_text(LONGEST)}")
    return milliseconds * MILLISECOND


def duration_text(value: timedelta) -> str:
    """A duration as the file writes it, to the millisecond: "1h30m"."""
    return "".join(f"{number}{unit}" for unit, number in _parts(value)) or "0s"


def words(value: timedelta) -> str:
    """A duration as a person says it, to the millisecond: "1 hour and 30 minutes"."""
    parts = [_counted(unit, number) for unit, number in _parts(value)] or [_counted("s", 0)]
    if len(parts) == 1:
        return parts[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(parts[:-1]), "last": parts[-1]}


def _counted(unit: str, number: int) -> str:
    ways = {
        "d": ngettext("%(count)d day", "%(count)d days", number),
        "h": ngettext("%(count)d hour", "%(count)d hours", number),
        "m": ngettext("%(count)d minute", "%(count)d minutes", number),
        "s": ngettext("%(count)d second", "%(count)d seconds", number),
        "ms": ngettext("%(count)d millisecond", "%(count)d milliseconds", number),
    }
    return ways[unit] % {"count": number}


def _parts(value: timedelta) -> list[tuple[str, int]]:
    parts = []
    for unit, period in _PERIODS.items():
        number, value = divmod(value, period)
        if number:
            parts.append((unit, number))
    return parts


def size(value: object) -> int:
    """The bytes that "50MiB" says; a plain number is bytes already; raises ValueError for another form."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match:
        number = int(match[1]) * _UNITS[match[2]]
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        number = value
    else:
        raise ValueError(f"{quoted(value)} is not a size; {_SIZE_FORM}")
    if number > MOST:
        raise ValueError(f"{quoted(value)} is too much; less than 8388608TiB")
    return number


def size_text(value: int) -> str:
    """Bytes as the file writes them: the largest unit that leaves no remainder, "50MiB"; else the number of bytes."""
    for unit, factor in (*_BINARY.items(), *_DECIMAL.items()):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value}B"


def quoted(value: object) -> str:
    """A value as problems show it: text in quotes and cut to a line, anything else by what it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:77] + "…")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list | tuple) else str(value)
