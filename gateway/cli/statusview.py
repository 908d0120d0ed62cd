"""An overview as a person reads it: one table of lines that fits a terminal of 80 by 24, with more in a larger one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.model import Action, CopyState, DeliveryState
from gateway.settings import Settings
from gateway.store.vitals import DUE
from gateway.vitals import Overview, troubles
from gateway.vitals.verdict import SOON, headline

ACTIONS = (Action.ACCEPT, Action.DEFER, Action.HOLD, Action.REJECT, Action.DISCARD)
COLOURS = {
    Action.ACCEPT: "green",
    Action.DEFER: "yellow",
    Action.HOLD: "magenta",
    Action.REJECT: "red",
    Action.DISCARD: "cyan",
}
STATES = {
    CopyState.SENDER_HELD: "with its sender",
    CopyState.PASSING: "passing",
    DeliveryState.HELD: "held",
    DeliveryState.RELEASING: "releasing",
    DeliveryState.UNDELIVERABLE: "undeliverable",
    DeliveryState.EXPIRED: "expired",
    CopyState.ABANDONED: "abandoned",
}
LEVELS = " ▁▂▃▄▅▆▇█"
TALL = 34  # lines; from here on each process has its own, and reasons are told
MOST_REASONS = 8
LABELS = 11  # columns


def view(found: Overview, settings: Settings, width: int, height: int) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(style="bold", no_wrap=True, min_width=LABELS)
    table.add_column(overflow="ellipsis", no_wrap=True)
    for label, line in lines(found, settings, width - LABELS - 2, tall=height >= TALL):
        table.add_row(label, line)
    return Group(title(found), Text("─" * min(width, 100), "dim"), table)


def title(found: Overview) -> Text:
    enforced = found.mode.in_force
    made = Text.assemble(
        ("Greygate ", "bold"),
        (found.hostname, "bold"),
        "  ",
        ("in force", "green") if enforced else ("only observing", "black on yellow"),
        f"  {found.at:%Y-%m-%d %H:%M:%S} UTC",
    )
    for name, until in found.kept.switches.items():
        made.append(f"  {name} until {until:%H:%M}", "black on red")
    return made


Line = tuple[str, RenderableType]


def lines(found: Overview, settings: Settings, width: int, *, tall: bool) -> Iterator[Line]:
    yield from verdict_lines(found, settings, tall=tall)
    yield from process_lines(found, tall=tall)
    yield from session_lines(found)
    yield from decision_lines(found, width)
    if tall and found.numbers is not None:
        yield from reason_lines(found)
    yield from queue_lines(found)
    yield from backend_lines(found)
    yield from house_lines(found)


def verdict_lines(found: Overview, settings: Settings, *, tall: bool) -> Iterator[Line]:
    told = troubles(found, settings)
    yield "Verdict", Text(headline(told), "bold red" if any(one.is_grave for one in told) else "bold")
    for one in told if tall else ():
        yield "", Text(one.words)


def process_lines(found: Overview, *, tall: bool) -> Iterator[Line]:
    if found.numbers is None:
        yield "Processes", Text("cannot be read; ask as the account that Greygate runs as", "yellow")
        return
    if not found.is_running:
        yield "Processes", Text("no SMTP worker runs on this machine: greygate up", "bold red")
    if not found.processes:
        return
    counts = Counter(one.name for one in found.processes)
    resident = sum(one.resident for one in found.processes)
    since = max(one.since for one in found.processes)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    yield "Processes", Text(f"{told} · {size(resident)} in memory · up {span(since)}")
    if tall:
        for one in found.processes:
            yield "", Text(f"{one.name:8} {one.pid:>8}  {size(one.resident):>9}  up {span(one.since)}", "dim")


def session_lines(found: Overview) -> Iterator[Line]:
    if found.numbers is None:
        return
    told = found.numbers
    slow = f" · {told.one('tarpitted'):.0f} in the tarpit" if told.one("tarpitted") else ""
    total = f"{told.one('sessions_total'):,.0f} since the start"
    yield "Sessions", Text(f"{told.one('sessions_open'):.0f} open{slow} · {total}")
    half, most = (told.quantile("data_reply_seconds", part) for part in (0.5, 0.95))
    lag = told.quantile("event_loop_lag_seconds", 0.99, process="smtpd")
    if half is not None and most is not None:
        late = "" if lag is None else f" · loop late ≤ {seconds(lag)}"
        yield "Replies", Text(f"50 % ≤ {seconds(half)}, 95 % ≤ {seconds(most)} after the dot{late}")


def decision_lines(found: Overview, width: int) -> Iterator[Line]:
    if found.kept.trouble:
        return
    columns = max(10, min(60, width - 37))
    history = {action: minutes(found.kept.per_minute.get(action, {}), found.at, columns) for action in ACTIONS}
    highest = max(max(one) for one in history.values())
    totals = found.numbers.by("decisions_total", "action") if found.numbers else {}
    yield "Decisions", Text(f"{'a minute, the last ' + str(columns) + ' minutes':<{columns + 9}} now  since the start")
    for action, counts in history.items():
        line = Text.assemble(
            (f"{action:8} ", COLOURS[action]),
            (spark(counts, highest), COLOURS[action]),
            f"{counts[-1]:>4} {totals.get(action, 0):>16,.0f}",
        )
        yield "", line


def reason_lines(found: Overview) -> Iterator[Line]:
    assert found.numbers is not None
    reasons = list(found.numbers.by("decisions_total", "reason").items())[:MOST_REASONS]
    most = max((count for _, count in reasons), default=0)
    for index, (code, count) in enumerate(reasons):
        line = Text.assemble(f"{code:24} ", (bar(count / most, 20), "cyan"), f"{count:>9,.0f}")
        yield "" if index else "Reasons", line


def queue_lines(found: Overview) -> Iterator[Line]:
    if found.kept.trouble:
        return
    mails, oldest = found.kept.queue.mails, found.kept.queue.oldest
    parts = [
        f"{mails[state]} {word} (oldest {span(oldest[state].total_seconds())})"
        for state, word in STATES.items()
        if mails.get(state)
    ]
    due = f", {mails[DUE]} due" if mails.get(DUE) else ""
    for index in range(0, max(1, len(parts)), 2):
        told = " · ".join(parts[index : index + 2]) or "nothing is kept"
        yield "" if index else "Queue", Text(told + (due if index + 2 >= len(parts) else ""))


def backend_lines(found: Overview) -> Iterator[Line]:
    if found.backends is None:
        yield "Backends", Text("being asked …", "dim")
    for index, one in enumerate(found.backends or ()):
        how = ("answered", "green") if one.answers else ("cannot be reached", "bold red")
        yield "" if index else "Backends", Text.assemble(how, f" in {seconds(one.seconds)}  ", (one.url, "dim"))


def house_lines(found: Overview) -> Iterator[Line]:
    kept = found.kept
    if kept.trouble:
        yield "Database", Text(kept.trouble, "bold red")
    else:
        pending = found.numbers.one("store_notes_pending") if found.numbers else 0
        lost = sum(found.numbers.by("store_notes_lost_total", "why").values()) if found.numbers else 0
        told = Text(f"answered in {seconds(kept.seconds)} · {size(kept.size)} · {pending:.0f} notes wait")
        if lost:
            told.append(f" · {lost:.0f} lost", "bold red")
        yield "Database", told
    free = "unknown" if found.disk is None else f"{size(found.disk.free)} free"
    yield "Disk", Text(free if kept.trouble else f"{free} · {size(kept.bytes)} of mail kept")
    for one in found.name_servers or ():
        if not one.answers:
            yield "DNS", Text(f"{one.address} does not answer", "bold red")
    if found.certificate is not None and found.certificate.ends is not None:
        ends = found.certificate.ends
        left = ends - found.at
        style = "bold red" if left < SOON else ""
        yield "Certificate", Text(f"ends {ends:%Y-%m-%d}, in {span(left.total_seconds())}", style)
    elif found.certificate is not None:
        yield "Certificate", Text("cannot be read", "bold red")


# ---- figures -------------------------------------------------------------------------------------------------------


def minutes(counts: Mapping[str, int], now: datetime, columns: int) -> list[int]:
    """Counts of the last so many minutes, oldest first; the last one is the minute that runs."""
    return [counts.get(f"{now - timedelta(minutes=ago):%Y-%m-%d %H:%M}", 0) for ago in reversed(range(columns))]


def spark(counts: list[int], highest: int) -> str:
    """A column for each count; what is not zero can be seen."""
    steps = len(LEVELS) - 1
    return "".join(LEVELS[min(steps, -(-count * steps // highest))] if count else "·" for count in counts)


def bar(part: float, width: int) -> str:
    return ("█" * max(1, round(part * width))).ljust(width)


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit in ("B", "KiB") else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def seconds(value: float) -> str:
    return "1 ms" if value < 0.001 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def span(value: float) -> str:
    """A duration in its largest units, short: 3 d 4 h, 5 h 6 min, 7 min, 8 s."""
    whole = max(0, int(value))
    if whole >= 86400:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"
