"""greygate teach: what kept mail is, without deciding about it; and what was said so far."""

import json
from dataclasses import asdict
from datetime import timedelta

import click

from gateway import clock, compose, reviewing
from gateway.cli.classifier import all_mails, bar
from gateway.cli.connection import person, transaction
from gateway.cli.deciding import sure_option, who_learns
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import Label
from gateway.settings import Settings
from gateway.store import lessons, messages, reviews
from gateway.store.lessons import Lesson
from gateway.store.reviews import Audited
from gateway.teaching import Doubtful

SHOWN = 20
AUDITED_FOR = timedelta(days=30)


@click.group()
def teach() -> None:
    """What people say about mail, which the classifier learns from: spam, ham, undo, list.

    To release and to refuse a mail teaches too.
    """


def say(settings: Settings, number: str, label: Label, sure: bool) -> None:
    learns = who_learns(settings, number, label, sure)
    with transaction(settings) as conn:
        row = messages.load(conn, number)
        if row is None:
            raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list")
        lesson = learns(conn, row, "", label, person().name, clock.now())
        listed = reviewing.called(conn, number, label, person(), clock.now())
    if any(one.happened for one in listed):
        click.echo("off the list for review" + (": it counts against its sender" if label is Label.SPAM else ""))
    elif lesson is None:
        raise click.ClickException("nothing was learnt: it is said already, or the bytes of the mail are gone")
    if lesson is not None:
        click.echo(f"learnt as {label}. To take it back: greygate teach undo {number}")


@teach.command()
@click.argument("number", metavar="ID")
@sure_option
@with_settings
def spam(number: str, sure: bool, settings: Settings) -> None:
    """Say that a kept mail is spam."""
    say(settings, number, Label.SPAM, sure)


@teach.command()
@click.argument("number", metavar="ID")
@sure_option
@with_settings
def ham(number: str, sure: bool, settings: Settings) -> None:
    """Say that a kept mail is wanted."""
    say(settings, number, Label.HAM, sure)


@teach.command()
@click.argument("label", type=click.Choice([str(one) for one in Label]))
@click.argument("names", metavar="SOURCES...", nargs=-1, required=True)
@click.option("--account", default="", metavar="ADDRESS", help="Whose mail it is: it counts most for them.")
@click.option("--sure", is_flag=True, help="Also where a confident classifier is of another mind.")
@with_settings
def mails(label: str, names: tuple[str, ...], account: str, sure: bool, settings: Settings) -> None:
    """Say that mails are spam or ham: files, mailboxes, Maildirs, folders, or - for standard input.

    For the first day: mail that people have sorted already. All nodes learn it.
    """
    teacher, learnt, doubted = compose.teacher(settings), 0, 0
    with bar("teaching", None) as advance:
        for name, data in all_mails(names):
            try:
                with transaction(settings) as conn:
                    said = teacher.teach_mail(conn, data, account, Label(label), person().name, clock.now(), sure=sure)
                learnt += said is not None
            except Doubtful:
                doubted += 1
                click.echo(f"Not learnt: {shown(name)} looks like the opposite; say --sure.", err=True)
            advance()
    click.echo(f"Learnt: {learnt}" + (f", in doubt: {doubted}" if doubted else ""))


@teach.command()
@click.argument("number", metavar="ID")
@with_settings
def undo(number: str, settings: Settings) -> None:
    """Take back what was said about a mail, as if it never had been."""
    teacher = compose.teacher(settings)
    with transaction(settings) as conn:
        taken = teacher.take_back(conn, number, person().name, clock.now())
        listed = reviewing.taken_back(conn, number, person(), clock.now())
    if any(one.happened for one in listed):
        click.echo("It is on the list for review again.")
    elif not taken:
        raise click.ClickException(f"nobody said anything about {number} that counts now. See: greygate teach list")
    if taken:
        click.echo("It counts no more; the classifier forgets it within a second.")


@teach.command(name="list")
@click.option("--most", default=SHOWN, show_default=True, type=click.IntRange(1, 10_000), help="How many lessons.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(most: int, as_json: bool, settings: Settings) -> None:
    """Show what was said of late, and by whom: who contradicts a confident classifier more often than others?"""
    with transaction(settings, reads=True) as conn:
        latest, people = lessons.latest(conn, most), lessons.teachers(conn)
        audited = reviews.audited(conn, clock.now() - AUDITED_FOR)
    if as_json:
        rows = [
            {name: value for name, value in asdict(one).items() if name not in ("features", "forgets")}
            for one in latest
        ]
        told = {"lessons": rows, "people": [asdict(one) for one in people], "audited": asdict(audited)}
        click.echo(json.dumps(told, default=str, indent=1))
        return
    console.print(audit_sentence(audited), soft_wrap=True)
    if not latest:
        console.print("Nobody said anything yet.")
        return
    console.print()
    show_rows(("number", "at", "mail", "said", "by", "the classifier thought"), [cells(one) for one in latest], short=3)
    console.print()
    taught = [(shown(one.person), *map(str, (one.spam, one.ham, one.against, one.undone))) for one in people]
    show_rows(("who", "spam", "ham", "against a confident classifier", "undone"), taught, short=1)


def audit_sentence(found: Audited) -> str:
    """How much slips through, as far as anybody knows."""
    days = AUDITED_FOR.days
    if not found.chosen:
        return f"The audit chose no mail in {days} days: nobody knows what slips through."
    looked = (
        f"Of {found.chosen} delivered mails that the audit chose in {days} days, people looked at {found.looked_at}"
    )
    if not found.looked_at:
        return f"{looked}: nobody knows what slips through. See: greygate queue list --review"
    return f"{looked} and called {found.spam} spam: about {found.spam / found.looked_at:.1%} slip through."


def cells(one: Lesson) -> tuple[str, ...]:
    taken_back = "an account was erased" if one.forgets else f"undo {one.undoes}"
    said = taken_back if one.label is None else str(one.label)
    thought = "" if one.score is None else f"{one.score:+.2f}"
    return str(one.id), f"{one.at:%Y-%m-%d %H:%M}", one.message or "", said, shown(one.person), thought
