"""Plots as SVG, drawn here: no script, no library, colours by the page's style."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from gateway.simulate.figures import AGAIN, ARRIVED, FIRST, HOURS, Line, minutes

LEFT, WIDTH, RIGHT = 190.0, 560.0, 60.0  # names, the plot itself, figures behind it
ROW, TOP = 18.0, 26.0
TICKS = (0.0, 1.0, 3.0, 10.0, 30.0, 120.0, 480.0, 1440.0, 4320.0)  # minutes
NAMES = ("at once", "1 min", "3 min", "10 min", "30 min", "2 h", "8 h", "1 d", "3 d")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SERIES = {FIRST: "first", AGAIN: "again", ARRIVED: "arrived"}
HEIGHT = 150.0


def across(value: float) -> float:
    """Where a delay in minutes is: between the ticks in proportion, the ticks at equal distances."""
    step = WIDTH / (len(TICKS) - 1)
    for number in range(len(TICKS) - 1):
        low, high = TICKS[number], TICKS[number + 1]
        if value < high:
            return LEFT + step * (number + (value - low) / (high - low))
    return LEFT + WIDTH


def svg(height: float, title: str, parts: Sequence[str]) -> str:
    width = LEFT + WIDTH + RIGHT
    body = "".join(parts)
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    told = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" height="{height:.1f}" rx="2" class="{kind}">'
        f"{told}</rect>"
    )


# ---- delays --------------------------------------------------------------------------------------------------------


def delays(lines: Sequence[Line]) -> str:
    """A row for each sender: the middle half as a box, the median, and all between the least and the greatest."""
    height = TOP + ROW * len(lines) + 6
    parts = [line(across(tick), TOP - 6, across(tick), height - 4, "grid") for tick in TICKS]
    parts += [text(across(tick), TOP - 11, name, "tick") for tick, name in zip(TICKS, NAMES, strict=True)]
    for number, one in enumerate(lines):
        parts += delay_row(one, TOP + ROW * number)
    return svg(height, "Delay from the first attempt to the mailbox, by sender", parts)


def delay_row(one: Line, y: float) -> list[str]:
    middle = y + ROW / 2
    parts = [text(LEFT - 8, middle + 4, one.model, "name")]
    if not one.delays:
        return [*parts, text(LEFT + 6, middle + 4, "nothing was delivered", "none")]
    low, lower, median, upper, high = (one.delay(share) or 0.0 for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    told = f"{one.model}: median {minutes(median)}, p95 {minutes(one.delay(0.95))}, longest {minutes(high)}"
    parts.append(line(across(low), middle, across(high), middle, "whisker"))
    parts.append(box(across(lower), y + 4, across(upper) - across(lower), ROW - 8, "box", told))
    parts.append(line(across(median), y + 2, across(median), y + ROW - 2, "median"))
    return [*parts, text(LEFT + WIDTH + 8, middle + 4, minutes(high), "figure")]


# ---- never delayed -------------------------------------------------------------------------------------------------


def shares(lines: Sequence[Line]) -> str:
    """A bar for each sender: how much of its mail was delivered at the first attempt."""
    height = TOP + ROW * len(lines) + 6
    marks = (0, 25, 50, 75, 100)
    parts = [line(LEFT + WIDTH * one / 100, TOP - 6, LEFT + WIDTH * one / 100, height - 4, "grid") for one in marks]
    parts += [text(LEFT + WIDTH * one / 100, TOP - 11, f"{one} %", "tick") for one in marks]
    for number, one in enumerate(lines):
        y = TOP + ROW * number
        told = f"{one.model}: {one.undelayed} of {one.mails} mails"
        parts.append(text(LEFT - 8, y + ROW / 2 + 4, one.model, "name"))
        parts.append(box(LEFT, y + 4, WIDTH * one.never_delayed / 100, ROW - 8, "bar", told))
        parts.append(text(LEFT + WIDTH + 8, y + ROW / 2 + 4, f"{one.never_delayed:.0f} %", "figure"))
    return svg(height, "Share of mail that was never delayed, by sender", parts)


# ---- the week ------------------------------------------------------------------------------------------------------


def week(hours: Mapping[str, Counter[int]]) -> str:
    """What happened in each hour, over all simulated weeks together."""
    highest = max((max(found.values()) for found in hours.values() if found), default=1)
    parts = []
    for day, name in enumerate(DAYS):
        x = LEFT + WIDTH * day / len(DAYS)
        parts.append(line(x, TOP, x, TOP + HEIGHT, "grid"))
        parts.append(text(x + WIDTH / 14, TOP + HEIGHT + 16, name, "tick"))
    parts.append(line(LEFT, TOP + HEIGHT, LEFT + WIDTH, TOP + HEIGHT, "axis"))
    parts.append(text(LEFT - 8, TOP + 4, f"{highest} an hour", "name"))
    for number, (kind, style) in enumerate(SERIES.items()):
        parts.append(steps(hours.get(kind, Counter()), highest, style))
        y = TOP + 34 + 18 * number
        parts.append(line(20, y - 4, 40, y - 4, f"series {style}"))
        parts.append(text(46, y, kind, "key"))
    return svg(TOP + HEIGHT + 24, "The week, hour by hour", parts)


def steps(counts: Counter[int], highest: int, style: str) -> str:
    points = []
    for hour in range(HOURS):
        y = TOP + HEIGHT - HEIGHT * counts[hour] / highest
        points += [f"{LEFT + WIDTH * at / HOURS:.1f},{y:.1f}" for at in (hour, hour + 1)]
    return f'<polyline points="{" ".join(points)}" class="series {style}"/>'
