"""Mail that waits: lists, one mail, what is in it, why it is here, and what happened to it."""

from typing import Any

from gateway import desk
from gateway.model import CopyState, ListVerb, ReasonCode, Scope
from gateway.policy.entries import plainly, sentence
from gateway.policy.proposal import preselected
from gateway.policy.words import WORDS
from gateway.store import decisions, shelves
from gateway.store.shelves import Asked as Sought
from gateway.store.shelves import Found
from webui import preview
from webui.api import cursors
from webui.api.answers import Answer
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import (
    Decided,
    File,
    Kept,
    Listing,
    Mail,
    MailText,
    Moment,
    Proposal,
    Reason,
    RecipientState,
    plain,
)
from webui.api.problems import Problem
from webui.api.wanted import ChoicesWanted, HeldWanted, Reading, WaitingWanted
from webui.guard import house
from webui.mails import Seen, seen
from webui.noted import note
from webui.pages.held import view
from webui.pages.inside import told as story_of
from webui.pages.mail import decidable, may_take, whole

MAIL = "Mail"


# ---- lists ---------------------------------------------------------------------------------------------------------


@call("GET", "/held", Scope.READ, MAIL, query=HeldWanted, answer=Listing[Kept])
def held(asked: Asked) -> Listing[Kept]:
    """Mail that is held

    What we said 250 to and a person has to decide about, the newest first: one row for each recipient. With `state`
    also what is on its way, could not be delivered, or waited too long.
    """
    wanted: HeldWanted = asked.query
    with house().reading() as conn:
        place = cursors.place("held", wanted.after)
        found = shelves.look(conn, view(), wanted.limit + 1, sought(wanted), place, wanted.states)
    return page("held", found, wanted.limit, "created")


@call("GET", "/waiting", Scope.READ, MAIL, query=WaitingWanted, answer=Listing[Kept])
def waiting(asked: Asked) -> Listing[Kept]:
    """Mail that its sender still has

    Copies of mail whose sender was asked to come back, the latest first. It may be released before that.
    """
    wanted: WaitingWanted = asked.query
    with house().reading() as conn:
        place = cursors.place("waiting", wanted.after)
        state = CopyState(wanted.state)
        found = shelves.look_at_waiting(conn, view(), wanted.limit + 1, sought(wanted), place, state)
    return page("waiting", found, wanted.limit, "last_seen")


def sought(wanted: Any) -> Sought:
    names = ("sender", "recipient", "subject")
    parts = {name: getattr(wanted, name).strip() for name in names}
    return Sought(text=wanted.q.strip(), reason=getattr(wanted, "why", "").strip(), **parts)


def page(of: str, found: Found, limit: int, by: str) -> Listing[Kept]:
    """The next page begins behind the last row, or where the search ended that came to no end."""
    rows = found.rows[:limit]
    following: str | None
    if len(found.rows) > limit:
        following = cursors.written(of, rows[-1][by], rows[-1]["id"])
    else:
        following = cursors.written(of, *found.further) if found.further else None
    return Listing[Kept](items=[kept(row) for row in rows], next=following)


def kept(row: dict[str, Any]) -> Kept:
    code = row.get("reason") or None
    return Kept(
        mail=row["message"],
        recipient=row["recipient"],
        state=row["state"],
        sender=row["sender"],
        author=row["author"],
        subject=row["subject"],
        size=row["size"],
        peer=row["peer"],
        since=row.get("created") or row["first_seen"],
        seen=row.get("created") or row["last_seen"],
        reason=code,
        why=said(code) if code else None,
        expires=row.get("expires"),
        releases=row.get("release_at"),
        due=row.get("due"),
        tries=row.get("tries") or row.get("attempts") or 0,
        last_reply=row.get("last_reply") or "",
    )


def said(code: str) -> str:
    return WORDS[ReasonCode(code)].said if code in set(ReasonCode) else code


# ---- one mail ------------------------------------------------------------------------------------------------------


def seen_or_none(number: str, because: str = "") -> Seen:
    """Raises Problem where there is nothing that the owner may know of."""
    found = seen(number, because)
    if found is None:
        raise Problem("not-found")
    return found


@call("GET", "/mails/<number>", Scope.READ, MAIL, answer=Mail, tagged=True)
def mail(asked: Asked, number: str) -> Mail:
    """One mail

    Who sent it, and how it stands for each recipient that the owner may know of. What is in it is asked for by itself.
    """
    one = seen_or_none(number)
    row = one.row
    names = ("id", "sender", "author", "subject", "size", "peer", "peer_name", "helo", "received_at", "stored")
    return Mail(
        **{name: row[name] for name in names},
        recipients=[RecipientState(**{name: part[name] for name in RecipientState.model_fields}) for part in one.mine],
        may_read=bool(one.readable) or one.must_say_why,
        must_say_why=one.must_say_why,
    )


def opened(number: str, because: str | None) -> tuple[Seen, bytes]:
    """Its bytes, for whoever may read it; that they do is on record, with the reason where it is the mail of others."""
    if because is not None and not because.isprintable():
        raise Problem("say-why", "That is no line of text.")
    one = seen_or_none(number, (because or "").strip())
    if one.must_say_why:
        raise Problem("say-why")
    if not one.readable:
        raise Problem("not-yours")
    octets = whole(one)
    with house().writing() as conn:
        note(conn, "read", number, recipients=list(one.readable), because=because or "")
    return one, octets


@call("GET", "/mails/<number>/text", Scope.READ, MAIL, query=Reading, answer=MailText, also=("say-why",))
def mail_text(asked: Asked, number: str) -> MailText:
    """What is in a mail, as text

    Read by a process that may be killed; HTML is told as text, and what is attached is named. It is on record that
    the mail was read.
    """
    _, octets = opened(number, asked.query.because)
    found = preview.of([octets])
    files = [
        File(name=one.name, kind=one.kind, real=one.real, size=one.size, sha256=one.sha256, warnings=list(one.warnings))
        for one in found.files
    ]
    return MailText(text=found.text, is_cut=found.is_cut, problem=found.problem, files=files)


@call("GET", "/mails/<number>/raw", Scope.READ, MAIL, query=Reading, mime="message/rfc822", also=("say-why",))
def mail_raw(asked: Asked, number: str) -> Answer:
    """All of a mail, byte for byte

    As it came, for a file that ends in .eml. Whatever its sender put into it is there, so open it with care.
    """
    _, octets = opened(number, asked.query.because)
    return Answer(octets, preview.download(f"{number}.eml"))


@call("GET", "/mails/<number>/reasons", Scope.READ, MAIL, answer=Listing[Decided])
def mail_reasons(asked: Asked, number: str) -> Listing[Decided]:
    """Why a mail is here

    What was decided about it before a person did, the oldest first, with all reasons.
    """
    one = seen_or_none(number)
    mine = {part["recipient"] for part in one.mine}
    with house().reading() as conn:
        rows = decisions.find(conn, number) or decisions.behind(conn, one.row)
    return Listing[Decided](items=[decided(row) for row in rows if row["recipient"] in mine], next=None)


def decided(row: dict[str, Any]) -> Decided:
    names = ("at", "stage", "action", "code", "peer", "sender", "recipient")
    told = row["facts"]
    return Decided(
        id=row["reply_id"],
        **{name: row[name] for name in names},
        reply=told["reply"],
        reasons=[reason(one) for one in told["reasons"]],
    )


def reason(one: dict[str, Any]) -> Reason:
    words = WORDS[ReasonCode(one["code"])]
    evidence = {name: plain(str(value)) for name, value in one["evidence"].items() if value is not None}
    return Reason(code=one["code"], said=words.said, otherwise=words.otherwise, weight=one["weight"], evidence=evidence)


@call("GET", "/mails/<number>/story", Scope.READ, MAIL, answer=Listing[Moment])
def mail_story(asked: Asked, number: str) -> Listing[Moment]:
    """What happened to a mail

    In order, and who did it; nothing of recipients that the owner may not know of.
    """
    moments = story_of(seen_or_none(number))
    return Listing[Moment](items=[Moment(at=one.at, words=one.words) for one in moments], next=None)


@call("GET", "/mails/<number>/choices", Scope.READ, MAIL, query=ChoicesWanted, answer=Listing[Proposal])
def mail_choices(asked: Asked, number: str) -> Listing[Proposal]:
    """What may be put on the lists with a decision

    For `trust` or `block`, the safest and narrowest first; `place` goes into `choice` of the decision.
    """
    one = seen_or_none(number)
    recipient = decidable(one)[0]
    verb = ListVerb.BLOCK if asked.query.verb == "block" else ListVerb.ALLOW
    with house().reading() as conn:
        choices = desk.proposals(conn, number, recipient, verb)
    usual = preselected(choices)
    rows = [
        Proposal(
            place=place,
            words=str(plainly(choice.entry)),
            entry=sentence(choice.entry),
            risk=str(choice.risk) if choice.because else "",
            because=str(choice.because),
            may_be_taken=may_take(choice, recipient),
            usual=place == usual,
        )
        for place, choice in enumerate(choices)
    ]
    return Listing[Proposal](items=rows, next=None)


__all__ = ["decided", "seen_or_none"]
