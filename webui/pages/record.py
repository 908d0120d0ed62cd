"""The audit: who did and saw what."""

from datetime import datetime

from flask import Blueprint, render_template, request

from gateway.model import Act
from gateway.store import audit
from webui import places
from webui.acts import said
from webui.guard import house, may

page = Blueprint("record", __name__)

A_PAGE = 100


@page.get("/audit")
@may(Act.AUDIT)
def show() -> str:
    who, about = (request.args.get(name, "").strip()[:500] for name in ("who", "about"))
    with house().reading() as conn:
        rows = audit.latest(conn, A_PAGE + 1, who=who, about=about, before=place(request.args.get("after", "")))
    after = ""
    if len(rows) > A_PAGE:
        last = rows[A_PAGE - 1]
        after = f"{last['at'].isoformat()}~{last['number']}~{last['node']}"
    return render_template("record.html", rows=rows[:A_PAGE], said=said, who=who, about=about, after=after)


def place(after: str) -> tuple[datetime, str, int] | None:
    at, _, rest = after.partition("~")
    last, _, node = rest.partition("~")
    moment, number = places.moment(at), places.number(last)
    return None if moment is None or number is None else (moment, node, number)
