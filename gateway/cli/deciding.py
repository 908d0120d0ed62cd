"""greygate queue release and refuse: what becomes of a kept mail, and of the next one of its sender."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from sqlalchemy import Connection

from gateway import clock, compose, desk, undoing
from gateway.approvals import NoSuchChoice
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, shown
from gateway.desk import Done, NoSuchMail, Teach, teach_nobody
from gateway.model import Label, ListVerb
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.entries import sentence
from gateway.policy.proposal import Choice, preselected
from gateway.settings import Settings
from gateway.store import messages

NARROWEST = "narrowest"


def read_recipients(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(parse_address(one).key for one in value)
    except BadAddress as error:
        raise click.BadParameter(f"a recipient is a mail address: {error}") from error


def read_choice(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value == NARROWEST or (value.isdecimal() and 0 < len(value) < 4):
        return value
    raise click.BadParameter(f"{value!r} is no number of a choice; put the option behind the recipients")


recipients_argument = click.argument("recipients", nargs=-1, callback=read_recipients)


def choice_option(name: str, words: str) -> Callable[[Any], Any]:
    return click.option(
        name, "choice", is_flag=False, flag_value=NARROWEST, metavar="[CHOICE]", callback=read_choice, help=words
    )


sure_option = click.option("--sure", is_flag=True, help="Do not ask back where the classifier is sure of the opposite.")

OPINIONS = {
    Label.HAM: "The classifier is sure that this is spam ({p:.0%}). Release it all the same?",
    Label.SPAM: "The classifier is sure that this is wanted mail ({p:.0%} spam). Refuse it all the same?",
}


def who_learns(settings: Settings, number: str, label: Label, sure: bool) -> Teach:
    """Who learns from this verdict. Whoever contradicts a confident classifier is asked once more: it is a slip often.

    Where nobody can answer the verdict counts and nothing is learnt from it.
    """
    from classifier.stored import BadModel  # here: who lists the queue has no use for arrays

    teacher = compose.teacher(settings)
    try:
        with transaction(settings, reads=True) as conn:
            row = messages.load(conn, number)
            doubt = None if row is None or sure else teacher.doubt(conn, row, label)
    except BadModel as error:
        click.echo(f"The classifier learns nothing from this: {error}", err=True)
        return teach_nobody
    if doubt is None:
        return teacher.teach
    question = OPINIONS[label].format(p=doubt.p)
    if not sys.stdin.isatty():
        click.echo(f"{question} Nobody is there to ask, so it learns nothing from this. Say --sure.", err=True)
        return teach_nobody
    click.confirm(question, abort=True)
    return teacher.teach


@click.command()
@click.argument("number", metavar="ID")
@recipients_argument
@click.option("--once", is_flag=True, help="This mail only: its sender stays a stranger.")
@choice_option("--trust", "Put its sender on the allowlist too: the proposed entry, or number CHOICE of --show-trust.")
@sure_option
@click.option("--show-trust", "show", is_flag=True, help="Only show which entries would let such mail through.")
@with_settings
def release(
    number: str,
    recipients: tuple[str, ...],
    once: bool,
    choice: str | None,
    sure: bool,
    show: bool,
    settings: Settings,
) -> None:
    """Deliver a kept mail, to all its recipients or to those named; its sender is known from then on."""
    if show:
        return show_choices(settings, number, recipients, ListVerb.ALLOW)
    if once and choice:
        raise click.UsageError("--once trusts nobody, so it does not go with --trust.")
    bodies, terms = compose.bodies(settings), compose.terms(settings)
    teach = who_learns(settings, number, Label.HAM, sure)

    def act(conn: Any) -> list[Done]:
        place = chosen(conn, number, recipients, ListVerb.ALLOW, choice)
        return desk.release(
            conn, bodies, number, recipients, person(), terms, clock.now(), trust=not once, choice=place, teach=teach
        )

    return decide(settings, number, act)


@click.command()
@click.argument("number", metavar="ID")
@recipients_argument
@choice_option("--block", "Block its sender too: the proposed entry, or number CHOICE of --show-block.")
@sure_option
@click.option("--show-block", "show", is_flag=True, help="Only show which entries would stop such mail.")
@click.option("--siblings", "together", is_flag=True, help="And all that greygate queue siblings shows.")
@with_settings
def refuse(
    number: str,
    recipients: tuple[str, ...],
    choice: str | None,
    sure: bool,
    show: bool,
    together: bool,
    settings: Settings,
) -> None:
    """Refuse a kept mail: it is not delivered, and its sender's retry is answered 550."""
    if show:
        return show_choices(settings, number, recipients, ListVerb.BLOCK)
    terms = compose.terms(settings)
    teach = who_learns(settings, number, Label.SPAM, sure)

    def act(conn: Any) -> list[Done]:
        place = chosen(conn, number, recipients, ListVerb.BLOCK, choice)
        return desk.refuse(
            conn, number, recipients, person(), terms, clock.now(), choice=place, teach=teach, with_siblings=together
        )

    decide(settings, number, act)
    if not together:
        offer_siblings(settings, number)
    return None


def offer_siblings(settings: Settings, number: str) -> None:
    with transaction(settings, reads=True) as conn:
        many = len(desk.siblings(conn, number, compose.terms(settings), clock.now()))
    if many:
        console.print(f"{many} more like it: greygate queue siblings {number}", style="dim")


@click.command()
@click.argument("number", metavar="ID")
@with_settings
def siblings(number: str, settings: Settings) -> None:
    """Show kept mails of other strangers that share a link or their text with one."""
    try:
        with transaction(settings, reads=True) as conn:
            found = desk.siblings(conn, number, compose.terms(settings), clock.now())
    except NoSuchMail as error:
        raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list") from error
    for one in found:
        shares = ", ".join(link or "its text" for link in dict.fromkeys(one.shares))
        who = f"{one.sender or '<>'} → {', '.join(one.recipients)}"
        console.print(f"{one.message}  {shown(who)}  {shown(one.subject)}  [dim]{shown(shares)}[/]", soft_wrap=True)
    if not found:
        console.print("No kept mail shares anything with it.")


@click.command()
@click.argument("number", metavar="ID")
@with_settings
def undo(number: str, settings: Settings) -> None:
    """Take a refusal back within an hour, with all that was refused together with it."""
    return decide(settings, number, lambda conn: undoing.undo(conn, number, person(), clock.now()))


def decide(settings: Settings, number: str, act: Callable[[Any], list[Done]]) -> None:
    try:
        with transaction(settings) as conn:
            done = act(conn)
    except NoSuchMail as error:
        raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list") from error
    except NoSuchChoice as error:
        raise click.ClickException(f"that is no choice: {error}. Nothing was decided.") from error
    for one in done:
        click.echo(f"{one.recipient}: {one.words}")
        if one.listed is not None:
            click.echo(f"  entry {one.listed} of the lists; take it back: greygate known forget {one.listed}")
    if not done:
        raise click.ClickException("no such recipient of this mail")
    if not any(one.happened for one in done):
        raise click.exceptions.Exit(1)


# ---- choices -------------------------------------------------------------------------------------------------------


def choices_for(conn: Connection, number: str, recipients: Sequence[str], verb: ListVerb) -> tuple[Choice, ...]:
    """For the first of the recipients; those for the others differ in nothing but whom they are for."""
    wanted = recipients or [recipient for recipient, _ in messages.states(conn, number)] or [""]
    return desk.proposals(conn, number, wanted[0], verb)


def chosen(conn: Connection, number: str, recipients: Sequence[str], verb: ListVerb, choice: str | None) -> int | None:
    """The place of the choice; None when nothing is to be listed. Raises NoSuchChoice, NoSuchMail."""
    if choice is None:
        return None
    if choice != NARROWEST:
        return int(choice) - 1
    place = preselected(choices_for(conn, number, recipients, verb))
    if place is None:
        raise NoSuchChoice("nothing about this mail tells its sender from others")
    return place


def show_choices(settings: Settings, number: str, recipients: Sequence[str], verb: ListVerb) -> None:
    try:
        with transaction(settings, reads=True) as conn:
            choices = choices_for(conn, number, recipients, verb)
    except NoSuchMail as error:
        raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list") from error
    best = preselected(choices)
    for place, choice in enumerate(choices):
        mark = "*" if place == best else " "
        why = f" ({choice.risk}: {choice.because})" if choice.because else ""
        console.print(f"{mark}{place + 1:2}  {shown(sentence(choice.entry) + why)}", soft_wrap=True)
    if not choices:
        console.print("Nothing about this mail tells its sender from others.")
