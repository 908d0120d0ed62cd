"""Find a mail: what happened and why, for whoever asks "where is it?". What was refused and never kept is there too."""

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import Connection

from gateway.model import Act
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.rights import can
from gateway.store import decisions, finding, messages
from gateway.store.shelves import Found
from webui.guard import actor, house, signed_in
from webui.pages.held import back, place, view

page = Blueprint("find", __name__)

MOST = 200  # looked at
A_PAGE = 50


@page.get("/find")
@signed_in
def ask() -> str:
    query, after = request.args.get("q", "").strip()[:500], request.args.get("after", "")
    with house().reading() as conn:
        found = looked_up(conn, query, after) if query else Found([])
        mine = [row for row in found.rows if can(actor(), Act.SEE, row["recipient"])][:A_PAGE]
        kept = messages.ids(conn, {row["reply_id"] for row in mine})
    return render_template(
        "find/page.html", query=query, rows=mine, kept=kept, is_address="@" in query, back=back(found)
    )


def looked_up(conn: Connection, query: str, after: str) -> Found:
    """By an address of either side or a Message-ID, by the id in one of our answers or of a kept mail, else by words of
    the subject; the newest first."""
    if after:
        return finding.by_subject(conn, view(), query, A_PAGE, place(after))
    if "@" in query:
        return Found(by_address(conn, query) or finding.by_message_id(conn, query))
    wanted = query.strip("[]<> ").lower()
    rows = decisions.find(conn, wanted) or decisions.behind(conn, messages.load(conn, wanted))
    return Found(rows[::-1][:MOST]) if rows else finding.by_subject(conn, view(), query, A_PAGE)


def by_address(conn: Connection, query: str) -> list[dict[str, Any]]:
    try:
        address = parse_address(query.strip("<>")).key
    except BadAddress:
        return []
    return decisions.about(conn, address, MOST)
