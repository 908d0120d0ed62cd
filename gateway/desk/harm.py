"""Mail that may do harm, which only an approver of its domain lets in where the settings say so."""

from typing import Any

from sqlalchemy import Connection

from gateway.desk.nouns import Done, Person, Terms
from gateway.i18n import _
from gateway.policy.danger import is_dangerous
from gateway.store import decisions


def kept_back(
    conn: Connection, row: dict[str, Any], parts: list[dict[str, Any]], person: Person, terms: Terms
) -> list[Done]:
    """The recipients for whom this person does not release it. `parts`: how it stands for each of them."""
    if not terms.only_approvers or "" in person.approves:
        return []
    asked = [one for one in parts if one["recipient"].rpartition("@")[2] not in person.approves]
    words = _("it may do harm: only an approver of the domain releases it")
    return [Done(one["recipient"], False, words, for_approvers=True) for one in asked if may_harm(conn, row, one)]


def may_harm(conn: Connection, row: dict[str, Any], part: dict[str, Any]) -> bool:
    """Why a mail of ours is held stands beside it; of what its sender has, the last decision knows."""
    if "reason" in part:
        return is_dangerous(part["reason"])
    mine = [one for one in decisions.behind(conn, row) if one["recipient"] == part["recipient"]]
    return any(is_dangerous(reason["code"]) for one in mine[-1:] for reason in one["facts"]["reasons"])
