"""How figures are said, on the page and at a prompt alike."""

from datetime import datetime, timedelta

from gateway.i18n import _, written
from gateway.statistics.figures import Figures, Progress, Rate
from gateway.statistics.period import Period


def duration(seconds: float) -> str:
    """As exactly as it is known: 45 s, 7.3 min, 25 min, 3.2 h, 2.1 d."""
    if seconds >= 2 * 86400:
        return _("%(count)s d") % {"count": exactly(seconds / 86400, 9.95)}
    if seconds >= 1.5 * 3600:
        return _("%(count)s h") % {"count": exactly(seconds / 3600, 9.95)}
    if seconds >= 1.5 * 60:
        return _("%(count)s min") % {"count": exactly(seconds / 60, 9.95)}
    return _("%(count)s s") % {"count": exactly(seconds, 9.5)}


def exactly(count: float, whole: float) -> str:
    """From so many on as a whole number, below that with a place behind the point where it is none."""
    return written.number(count, 0 if count >= whole or count == int(count) else 1)


def percent(share: float | None) -> str:
    """With a place behind the point where that says something."""
    if share is None:
        return "-"
    return written.percent(share, 0 if share == 0 or share >= 0.0995 else 1)


def rate(found: Rate) -> str:
    """A share with what it is worth: of few it is a guess."""
    between = found.between
    if between is None:
        return "-"
    return _("%(share)s (%(part)s of %(whole)s; likely %(low)s to %(high)s)") % {
        "share": percent(found.share),
        "part": written.number(found.part),
        "whole": written.number(found.whole),
        "low": percent(between[0]),
        "high": percent(between[1]),
    }


def change(now: int, before: int | None) -> str:
    """Against the time before: more or less, in words and not by colour."""
    if before is None:
        return ""
    if not before:
        return _("none before") if now else _("none before either")
    grown, then = now / before - 1, written.number(before)
    if abs(grown) < 0.005:
        return _("as before (%(before)s)") % {"before": then}
    said = _("%(share)s more than %(before)s before") if grown > 0 else _("%(share)s less than %(before)s before")
    return said % {"share": written.percent(abs(grown)), "before": then}


def moment(at: datetime) -> str:
    return written.exactly(at, "%Y-%m-%d %H:%M UTC")


def heading(found: Figures, now: datetime) -> str:
    until = min(now, found.period.until)
    return f"From {moment(found.period.since)} until {moment(until)}; {on_record(found)}{compared_with(found)}."


def on_record(found: Figures) -> str:
    """Where a time began before anything was counted."""
    return "" if found.known_since is None else _("on record since %(at)s") % {"at": moment(found.known_since)} + "; "


def compared_with(found: Figures) -> str:
    """With which time it is compared, or why with none."""
    if found.compared is None:
        return _("compared with nothing")
    if not found.is_on_record:
        return _("the time before, from %(time)s, is not on record as a whole, so nothing is compared with it") % {
            "time": day(found.compared)
        }
    return _("compared with %(time)s") % {"time": day(found.compared)}


def day(period: Period) -> str:
    last = period.until - timedelta(microseconds=1)
    is_short = period.until - period.since <= timedelta(days=1)
    return _("%(first)s to %(last)s") % {
        "first": moment(period.since) if is_short else written.exactly(period.since, "%Y-%m-%d"),
        "last": moment(period.until) if is_short else written.exactly(last, "%Y-%m-%d"),
    }


def counted_until(progress: Progress) -> str:
    """How far it is counted."""
    if progress.until is not None:
        return _("Everything is counted that was on record at %(at)s.") % {"at": moment(progress.until)}
    if not progress.share:
        return _("Counting has not begun; it does within minutes where greygate up runs.")
    return _("What is on record is still being counted: %(share)s is done, oldest first.") % {
        "share": written.percent(progress.share)
    }
