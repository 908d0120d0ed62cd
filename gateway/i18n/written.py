"""Times and numbers as a language writes them; what is said of them are sentences like all others."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from babel import Locale
from babel.dates import format_datetime, match_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from gateway.i18n.languages import PSEUDO
from gateway.i18n.pseudo import foreign
from gateway.i18n.speaking import _, ngettext, spoken


def span(duration: timedelta) -> str:
    """As people say it, short: 3 min, 2 h, 5 d."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds >= 2 * 86400:
        return _("%(count)d d") % {"count": seconds // 86400}
    if seconds >= 2 * 3600:
        return _("%(count)d h") % {"count": seconds // 3600}
    if seconds >= 60:
        return _("%(count)d min") % {"count": seconds // 60}
    return _("%(count)d s") % {"count": seconds}


def ago(duration: timedelta) -> str:
    return _("%(span)s ago") % {"span": span(duration)}


def day(at: date, now: date) -> str:
    """Friday 3 April; with the year where it is another one."""
    return _by("yMMMMEEEEd" if at.year != now.year else "MMMMEEEEd", at)


def moment(at: datetime) -> str:
    """Fri 3 Apr 09:05, in the zone that it is in."""
    return _("%(day)s %(time)s") % {"day": weekday(at), "time": _by("Hm", at)}


def exactly(at: date, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    """2026-04-03 09:05:00 UTC."""
    return _apart(at.strftime(form))


def weekday(at: date) -> str:
    """Fri 3 Apr."""
    return _by("MMMEd", at, "E")


def number(value: float, digits: int = 0) -> str:
    """With so many digits behind the point."""
    return format_decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0", locale=spoken().formats)


def percent(share: float, digits: int = 0) -> str:
    """A share of 1, with so many digits behind the point."""
    pattern = Locale.parse(spoken().formats).percent_formats[None].pattern
    return format_percent(
        share, re.sub(r"0(?=[^0]*$)", f"0.{'0' * digits}", pattern) if digits else pattern, spoken().formats
    )


def size(count: float) -> str:
    """Bytes, as people say them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return _apart(f"{number(count, 0 if unit in ('B', 'KiB') or count >= 100 else 1)} {unit}")
        count /= 1024
    return _apart(f"{number(count, 1)} TiB")


def _apart(said: str) -> str:
    """What goes from left to right, among words that do not: else its parts would change places (UAX 9)."""
    return f"\u2066{said}\u2069" if spoken().is_rtl else said


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return format_list(names, locale=spoken().formats)


def days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _by(skeleton: str, at: date, weekday: str = "EEEE") -> str:
    """`weekday`: long, or short."""
    moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
    locale = Locale.parse(spoken().formats)
    nearest = match_skeleton(skeleton, locale.datetime_skeletons) or skeleton
    # CLDR has its patterns with short names of days, and says to write them longer where that is asked for (UTS 35).
    pattern = re.sub("E+", weekday, locale.datetime_skeletons[nearest].pattern)
    said = format_datetime(moment, pattern, locale=locale)
    return foreign(said) if spoken() == PSEUDO else said
