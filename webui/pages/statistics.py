"""Statistics: how long mail waited, what became of it, and how often we were wrong, of the mail that somebody sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, render_template, request

from gateway import clock
from gateway.i18n import ENGLISH, speaking, written
from gateway.marked import N_
from gateway.statistics import Against, BadPeriod, Figures, Period, figures, period, telling
from gateway.statistics import tables as shapes
from gateway.statistics.kinds import DAY
from gateway.store.shelves import View
from webui.guard import actor, house, signed_in
from webui.pages.held import view

page = Blueprint("statistics", __name__, url_prefix="/statistics")

SINCE: Mapping[str, str] = {
    "24h": N_("the last 24 hours"), "7d": N_("the last 7 days"), "30d": N_("the last 30 days"),
    "90d": N_("the last 90 days"), "own": N_("from one day to another"),
}  # fmt: skip
AGAINST: Mapping[str, str] = {
    Against.BEFORE: N_("the time before"), Against.WEEK: N_("the same weekdays before"), Against.NOTHING: N_("nothing"),
}  # fmt: skip
USUAL = "30d"
FIELDS = ("since", "from", "to", "against", "whose")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, as the form says it; `problem` where it could not be told about, and the usual is shown."""

    period: Period
    against: Against
    view: View
    form: Mapping[str, str]
    problem: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The same for another address."""
        return {name: said for name, said in self.form.items() if said}


@page.get("")
@signed_in
def show() -> str | tuple[str, int]:
    now = clock.now()
    asked = read(now)
    found = told(asked, now)
    made = {name: table(found) for name, table in shapes.ALL.items()}
    text = render_template(
        "statistics/page.html", asked=asked, found=found, tables=made, telling=telling, spans=SINCE, compared=AGAINST,
        choices=choices(), today=f"{now:%Y-%m-%d}", sees_any=bool(asked.view.is_all or asked.view.domains
        or asked.view.addresses), by_day=found.period.grain == DAY,
        number=written.number,
    )  # fmt: skip
    return (text, 400) if asked.problem else text


@page.get("/<table>.csv")
@signed_in
def download(table: str) -> Response:
    """One of the tables as a file."""
    if table not in shapes.ALL:
        abort(404)
    now = clock.now()
    asked = read(now)
    if asked.problem:
        abort(400, asked.problem)
    with speaking(ENGLISH):  # a file is for programs
        text = shapes.csv_of(shapes.ALL[table](told(asked, now)))
    name = f"statistics-{table}-{asked.period.since:%Y-%m-%d}.csv"
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def told(asked: Asked, now: datetime) -> Figures:
    with house().reading() as conn:
        return figures(conn, asked.view, asked.period, now, asked.against)


def read(now: datetime) -> Asked:
    """What the form says. Whom somebody may not see is not there."""
    form = {name: request.args.get(name, "").strip()[:300] for name in FIELDS}
    against = Against(form["against"]) if form["against"] in list(Against) else Against.BEFORE
    mine = chosen(form["whose"])
    try:
        if form["since"] == "own" or (form["from"] and not form["since"]):
            return Asked(period.between(form["from"], form["to"] or f"{now:%Y-%m-%d}", now), against, mine, form)
        return Asked(period.preset(form["since"] or USUAL, now), against, mine, form)
    except BadPeriod as error:
        return Asked(period.preset(USUAL, now), against, mine, form, str(error))


def chosen(whose: str) -> View:
    """All that somebody sees, or one domain or address of it."""
    everything, name = view(), whose.lower()
    if not name:
        return everything
    if "@" in name and everything.has(name):
        return View(addresses=frozenset({name}))
    if "@" not in name and (everything.is_all or name in everything.domains):
        return View(domains=frozenset({name}))
    abort(404)


def choices() -> list[str]:
    """What can be chosen of it, where there is a choice."""
    everything = view()
    domains = house().settings.domains.local if everything.is_all else everything.domains
    found = [*sorted(domains), *sorted(actor().addresses)]
    return found if len(found) > 1 or everything.is_all else []
