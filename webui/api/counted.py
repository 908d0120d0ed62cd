"""Statistics: the figures of `greygate stats`, under the same names."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from gateway import clock
from gateway.model import Scope
from gateway.settings.quantities import duration
from gateway.statistics import Against, BadPeriod, figures, period
from gateway.statistics.plainly import plain
from gateway.statistics.tables import ALL, BY, SHAPES, Column, Form, Table
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import BO, WHEN, Noun, Text
from webui.api.problems import invalid
from webui.guard import house
from webui.pages.statistics import chosen

SPAN = r"^([1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
KINDS: dict[Form, Any] = {
    Form.TEXT: (Text, "held"), Form.COUNT: (int | None, 12), Form.SHARE: (float | None, 0.5),
    Form.MOMENT: (datetime, WHEN), Form.SECONDS: (float | None, 960.0),
}  # fmt: skip


def row_of(table: Table) -> type[Noun]:
    """Its rows have the names of its columns, which are those of its CSV."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        kind, example = KINDS[column.form]
        name = f"{column.name}_" if column.name == "from" else column.name
        fields[name] = (kind, Field(alias=column.name, description=says(column), examples=[example]))
    return create_model(f"Of{table.name.capitalize()}", __base__=Noun, __doc__=f"{table.title}.", **fields)


def says(column: Column) -> str:
    ends = {Form.SHARE: ", 0 to 1", Form.SECONDS: ", in seconds"}
    return f"{column.words}{ends.get(column.form, '')}."


class Counted(Noun):
    """What happened to mail in a time; null is a table that was not asked for, or what is not known."""

    since: datetime = Field(examples=[WHEN])
    until: datetime = Field(examples=[WHEN])
    compared_since: datetime | None = Field(description="null: compared with nothing.", examples=[WHEN])
    counted_until: datetime | None = Field(description="null: not all is counted yet.", examples=[WHEN])
    counted_share: float = Field(description="0 to 1.", examples=[1.0])
    waited: int = Field(description="Mails that waited and were let in.", examples=[310])
    audit_chosen: int = Field(description="Mails that the audit chose.", examples=[9])
    words: list[str] = Field(
        description="About which time it is, and how far it is counted.",
        examples=[["From 2026-02-07 00:00 UTC until 2026-03-09 08:15 UTC; compared with nothing."]],
    )


TABLES: dict[str, Any] = {
    name: (list[row_of(one)] | None, Field(None, description=f"{one.title}."))  # type: ignore[misc]
    for name, one in SHAPES.items()
}
Statistics = create_model("Statistics", __base__=Counted, __doc__=Counted.__doc__, **TABLES)


class StatisticsWanted(Noun):
    since: Annotated[str, Field(pattern=SPAN, description="How far back: 24h, 30d; 800 days at most.")] = "30d"
    first: Annotated[str, Field(pattern=DAY)] | None = Field(
        None, alias="from", description="Instead: from this day on (UTC).", examples=[None]
    )
    last: Annotated[str, Field(pattern=DAY)] | None = Field(
        None, alias="to", description="The last day of that; today if it is left out.", examples=[None]
    )
    by: Literal["time", "reason", "level", "sender", "wait"] | None = Field(
        None, description="One table only: by hour or day, reason, level, sender, or wait."
    )
    against: Against = Field(
        Against.BEFORE, description="Compare with the time before, with the same weekdays, or with nothing."
    )
    whose: Annotated[str, Field(max_length=512)] | None = Field(
        None, alias="for", description="Only mail for this address or domain.", examples=[BO]
    )


@call("GET", "/statistics", Scope.READ, "House", query=StatisticsWanted, answer=Statistics, also=("not-found",))
def statistics(asked: Asked) -> Any:
    """What happened to mail

    Answers, waits, mistakes, reasons, levels and senders: the tables of the page Statistics and of `greygate stats`,
    with their names, of the mail that the owner may see.
    """
    wanted: StatisticsWanted = asked.query
    view, now = chosen(wanted.whose or ""), clock.now()
    time = read(wanted, now)
    with house().reading() as conn:
        found = figures(conn, view, time, now, wanted.against)
    return Statistics(**plain(found, [BY[wanted.by]] if wanted.by else ALL, now))


def read(wanted: StatisticsWanted, now: datetime) -> period.Period:
    """Raises Problem."""
    try:
        length: timedelta = duration(wanted.since)
        return period.asked(length, wanted.first, wanted.last, now)
    except BadPeriod as error:
        where = "from" if wanted.first or wanted.last else "since"
        raise invalid([{"parameter": where, "detail": str(error)}]) from None
