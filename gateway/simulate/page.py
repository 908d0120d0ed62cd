"""The report as one HTML file: no script, nothing from elsewhere, light or dark as the reader has it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from gateway.simulate import plots
from gateway.simulate.figures import AGAIN, ARRIVED, FIRST, Figures, Line, minutes, quantile

STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1d1d1b; --dim: #6b6b66; --grid: #e2e2dd;
  --box: #2a78d6; --soft: #9ec5f4; --again: #c2410c; --arrived: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --page: #1a1a19; --ink: #ecece8; --dim: #a3a39c; --grid: #363633;
  --box: #5ea3f0; --soft: #2f5f96; --again: #f59e6b; --arrived: #5fc386; --bad: #f87171; } }
body { margin: 2rem auto; max-width: 56rem; padding: 0 1rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2.5rem; font-size: 1.2rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p.dim, caption { color: var(--dim); } .bad { color: var(--bad); font-weight: 600; }
svg { width: 100%; height: auto; display: block; font: 11px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .name { text-anchor: end; } svg .tick { text-anchor: middle; fill: var(--dim); }
svg .none, svg .figure, svg .key { fill: var(--dim); }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--dim); }
svg .whisker { stroke: var(--soft); stroke-width: 2; }
svg .box { fill: var(--soft); } svg .median { stroke: var(--box); stroke-width: 3; } svg .bar { fill: var(--box); }
svg .series { fill: none; stroke-width: 1.5; } svg .first { stroke: var(--box); } svg .again { stroke: var(--again); }
svg .arrived { stroke: var(--arrived); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } summary { cursor: pointer; color: var(--dim); }
"""

HEADERS = (
    "sender", "mails", "never delayed", "p50", "p95", "max", "seen after (p95)", "shown only", "bounced", "lost",
    "lost by sender", "doubled", "let in",
)  # fmt: skip


def page(figures: Figures, about: str) -> str:
    """The whole file. `about` says what was simulated."""
    levels = "".join(section(figures, name) for name in figures.levels)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Greygate: simulated weeks</title>'
        f"<style>{STYLE}</style></head><body><h1>Simulated weeks</h1><p>{escape(about)}</p>{summary(figures)}{levels}"
        "</body></html>\n"
    )


def summary(figures: Figures) -> str:
    told = []
    for name, words in (("lost", "lost"), ("doubled", "delivered twice"), ("altered", "changed on the way")):
        found = figures.sum(name)
        told.append(f'<span class="{"bad" if found else ""}">{words}: {found}</span>')
    told.append(f"lost by senders that do not come back: {figures.sum('lost_by_sender')}")
    told += [f'<span class="bad">{escape(one)}</span>' for one in figures.trouble[:20]]
    return f"<p>{figures.sum('mails')} mails, each counted for each of its recipients. {'; '.join(told)}.</p>"


def section(figures: Figures, name: str) -> str:
    lines = list(figures.levels[name].values())
    wanted = [line for line in lines if line.wanted]
    hours = figures.hours.get(name, {})
    parts = [
        f"<h2>{escape(name)}</h2>",
        "<h3>Delay</h3>",
        '<p class="dim">From the first attempt to the mailbox: the box is the middle half, the mark the median, the '
        "line reaches from the shortest to the longest.</p>",
        plots.delays(lines),
        table_of_lines(lines),
        "<h3>Never delayed</h3>",
        plots.shares(wanted),
        table(("sender", "mails", "never delayed"), [share_row(line) for line in wanted]),
        "<h3>The week</h3>",
        plots.week(hours),
        table(("hour", FIRST, AGAIN, ARRIVED), hour_rows(hours)),
    ]
    return "".join(parts)


def table_of_lines(lines: Sequence[Line]) -> str:
    return table(HEADERS, [row(line) for line in lines])


def row(line: Line) -> list[str]:
    delays = [minutes(line.delay(one)) for one in (0.5, 0.95, 1)]
    seen = minutes(quantile(line.seen_after, 0.95))
    counts = (line.shown, line.bounced, line.lost, line.lost_by_sender, line.doubled, line.let_in)
    return [line.model, str(line.mails), f"{line.never_delayed:.0f} %", *delays, seen, *map(str, counts)]


def share_row(line: Line) -> list[str]:
    return [line.model, str(line.mails), f"{line.never_delayed:.1f} %"]


def hour_rows(hours: Mapping[str, Counter[int]]) -> list[list[str]]:
    kinds = [hours.get(kind, Counter()) for kind in (FIRST, AGAIN, ARRIVED)]
    used = sorted({hour for found in kinds for hour in found})
    return [[f"{plots.DAYS[hour // 24]} {hour % 24:02}", *(str(found[hour]) for found in kinds)] for hour in used]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows)
    return (
        f'<details><summary>As a table</summary><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )
