"""How figures are said, on the page and at a prompt alike."""

from datetime import datetime, timedelta

from gateway.statistics.figures import Figures, Progress, Rate
from gateway.statistics.period import Period


def duration(seconds: float) -> str:
    """As exactly as it is known: 45 s, 7.3 min, 25 min, 3.2 h, 2.1 d."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= (2 if size == 86400 else 1.5) * size:
            count = seconds / size
            return f"{count:.0f} {name}" if count >= 9.95 or count == int(count) else f"{count:.1f} {name}"
    return f"{seconds:.0f} s" if seconds >= 9.5 or seconds == int(seconds) else f"{seconds:.1f} s"


def percent(share: float | None) -> str:
    """With a place behind the point where that says something."""
    if share is None:
        return "-"
    return f"{share:.0%}" if share == 0 or share >= 0.0995 else f"{share:.1%}"


def rate(found: Rate) -> str:
    """A share with what it is worth: of few it is a guess."""
    between = found.between
    if between is None:
        return "-"
    likely = f"likely {percent(between[0])} to {percent(between[1])}"
    return f"{percent(found.share)} ({found.part:,} of {found.whole:,}; {likely})"


def change(now: int, before: int | None) -> str:
    """Against the time before: more or less, in words and not by colour."""
    if before is None:
        return ""
    if not before:
        return "none before" if now else "none before either"
    grown = now / before - 1
    if abs(grown) < 0.005:
        return f"as before ({before:,})"
    return f"{abs(grown):.0%} {'more' if grown > 0 else 'less'} than {before:,} before"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def heading(found: Figures, now: datetime) -> str:
    until = min(now, found.period.until)
    return f"From {moment(found.period.since)} until {moment(until)}; {on_record(found)}{compared_with(found)}."


def on_record(found: Figures) -> str:
    """Where a time began before anything was counted."""
    return "" if found.known_since is None else f"on record since {moment(found.known_since)}; "


def compared_with(found: Figures) -> str:
    """With which time it is compared, or why with none."""
    if found.compared is None:
        return "compared with nothing"
    if not found.is_on_record:
        return (
            f"the time before, from {day(found.compared)}, is not on record as a whole, so nothing is compared with it"
        )
    return f"compared with {day(found.compared)}"


def day(period: Period) -> str:
    last = period.until - timedelta(microseconds=1)
    if period.until - period.since <= timedelta(days=1):
        return f"{moment(period.since)} to {moment(period.until)}"
    return f"{period.since:%Y-%m-%d} to {last:%Y-%m-%d}"


def counted_until(progress: Progress) -> str:
    """How far it is counted."""
    if progress.until is not None:
        return f"Everything is counted that was on record at {moment(progress.until)}."
    if not progress.share:
        return "Counting has not begun; it does within minutes where greygate up runs."
    return f"What is on record is still being counted: {progress.share:.0%} is done, oldest first."
