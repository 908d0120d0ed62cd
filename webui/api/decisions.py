"""To decide about a mail, and to take that back: as on the pages, by the same services."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway import clock, desk, reviewing, undoing
from gateway.approvals import NoSuchChoice
from gateway.desk import Done, NoSuchMail
from gateway.model import Label, Scope
from gateway.policy.address import BadAddress, parse_address
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.mails import MAIL, seen_or_none
from webui.api.nouns import Outcome, Outcomes
from webui.api.once import carry_out
from webui.api.problems import Problem, invalid
from webui.api.wanted import Decision, Undoing
from webui.guard import house
from webui.mails import Seen
from webui.noted import me
from webui.pages.mail import VERBS, chosen, decidable, doubted, is_for_everybody


@call(
    "POST", "/mails/<number>/decisions", Scope.DECIDE, MAIL, body=Decision, answer=Outcomes,
    also=("impossible", "for-approvers", "four-eyes", "somebody-first", "contradicted"),
)  # fmt: skip
def decide(asked: Asked, number: str) -> object:
    """Release or refuse a mail

    For all recipients for whom the owner decides, or for those that are named. A release can be taken back until it
    is carried out, a refusal for an hour. Whoever comes second is told who was first.
    """
    wanted: Decision = asked.body
    one = seen_or_none(number)
    recipients = among(one, wanted.recipients)
    if wanted.choice is not None and wanted.verb not in ("trust", "block"):
        raise invalid([{"pointer": "#/choice", "detail": "A choice goes with trust or block."}])
    if wanted.once and wanted.verb != "release":
        raise invalid([{"pointer": "#/once", "detail": "Only a release may be for once."}])
    label = VERBS[wanted.verb]
    if not wanted.sure and (spam := doubted(one, label)) is not None:
        raise Problem("contradicted", more={"spam": round(spam, 4)})
    said = "" if wanted.choice is None else str(wanted.choice)
    place = chosen(number, wanted.verb, recipients, said)
    if (
        place is not None
        and house().four_eyes.everybody
        and is_for_everybody(number, wanted.verb, recipients[0], place)
    ):
        raise Problem("four-eyes")

    def work(conn: Connection) -> Outcomes:
        now, here = clock.now(), house()
        if label is Label.HAM:
            due, trust = now + here.settings.web.undo, not wanted.once
            done = desk.release(
                conn, here.bodies, number, recipients, me(), here.terms, now,
                trust=trust, choice=place, teach=here.teach, due=due,
            )  # fmt: skip
        else:
            done = desk.refuse(conn, number, recipients, me(), here.terms, now, choice=place, teach=here.teach)
        return told(done)

    try:
        return carry_out(work)
    except NoSuchMail:
        raise Problem("not-found") from None
    except NoSuchChoice as error:
        raise Problem("impossible", f"{error}.") from error


def among(one: Seen, wanted: Sequence[str]) -> list[str]:
    """Those of the recipients for whom the owner decides. Raises Problem where one is named that is none of them."""
    mine = decidable(one)
    for place, said in enumerate(wanted):
        if key_of(said) not in mine:
            words = "That is no recipient of this mail for whom you decide."
            raise invalid([{"pointer": f"#/recipients/{place}", "detail": words}])
    return [key_of(said) for said in wanted] or mine


def key_of(said: str) -> str:
    try:
        return parse_address(said).key
    except BadAddress:
        return ""


def told(done: Sequence[Done]) -> Outcomes:
    """Raises Problem where nothing happened, so that nothing is written either."""
    rows = [Outcome(recipient=one.recipient, happened=one.happened, words=one.words, entry=one.listed) for one in done]
    if not any(one.happened for one in done):
        words = "; ".join(sorted({one.words for one in done})) or "There was nothing to decide."
        if any(one.for_approvers for one in done):
            raise Problem("for-approvers", words)
        raise Problem("somebody-first", words, {"recipients": [row.model_dump() for row in rows]})
    return Outcomes(recipients=rows)


@call("POST", "/mails/<number>/undo", Scope.DECIDE, MAIL, body=Undoing, answer=Outcomes, also=("somebody-first",))
def undo(asked: Asked, number: str) -> object:
    """Take one's own decision back

    A release until it is carried out, a refusal for an hour, what was said in review. It waits as before.
    """
    wanted = among(seen_or_none(number), asked.body.recipients)

    def work(conn: Connection) -> Outcomes:
        now = clock.now()
        done = undoing.unrelease(conn, number, me(), now, wanted=wanted)
        done = done or undoing.undo(conn, number, me(), now, own=True, wanted=wanted)
        return told(done or reviewing.undo(conn, number, me(), now, wanted=wanted))

    return carry_out(work)
