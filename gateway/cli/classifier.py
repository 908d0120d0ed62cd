"""greygate classifier: teach it, ask it, and ask why."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from classifier import exchange, sources
from classifier.evaluate import BadIndex, index
from classifier.explain import Explanation
from classifier.features import BadFeatures, Features
from classifier.learner import Busy, Learner, Published
from classifier.mail import parse
from classifier.model import Model
from classifier.score import Score, doubts
from classifier.state import Entry
from classifier.stored import BadModel
from gateway import clock
from gateway.cli.connection import person
from gateway.cli.evaluating import evaluate
from gateway.cli.options import load
from gateway.cli.output import console, shown

STDIN = "-"
NAMED = "gateway.cli.classifier.config"  # the settings file that was named, for the option that needs it

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def classifier() -> None:
    """The filter that learns from what people say: teach it, ask it, and ask why."""


classifier.add_command(evaluate)


def folder_of(context: click.Context, parameter: click.Parameter, value: str | None) -> Path:
    """The folder that is named, or the one beside the messages."""
    return Path(value) if value else load(context, parameter, context.meta.get(NAMED)).storage.path / "classifier"


def with_folder(command: F) -> F:
    """Give a command the folder that the filter learns in (--folder DIR, or what the settings say)."""
    config = click.option(
        "--config", metavar="FILE", is_eager=True, expose_value=False, callback=kept, help="The settings file."
    )
    folder = click.option(
        "--folder",
        metavar="DIR",
        callback=folder_of,
        help="Where it learns. [default: classifier/ under [storage] path]",
    )
    return config(folder(command))


def kept(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    context.meta[NAMED] = value


@contextmanager
def learning(folder: Path, *, cold: bool = False) -> Iterator[Learner]:
    """The one who learns in a folder; ends with a sentence where it cannot be opened."""
    try:
        learner = Learner.open(folder, cold=cold)
    except Busy as error:
        raise click.ClickException(f"{error}; while a gate runs, use: greygate teach mails") from error
    except BadFeatures as error:
        raise click.ClickException(f"{folder}: {error}") from error
    try:
        yield learner
    finally:
        learner.close()


def judging(folder: Path) -> Model:
    try:
        return Model.open(folder)
    except BadModel as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar of mails, where somebody looks at it; yields what moves it."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def all_mails(names: Sequence[str]) -> Iterator[sources.Named]:
    """Of files, mailboxes, Maildirs, folders, and - for standard input."""
    for name in names:
        if name == STDIN:
            yield from sources.of_stream(sys.stdin.buffer, "(standard input)")
            continue
        for path in sources.files(Path(name)):
            yield from sources.mails(path)


# ---- teaching --------------------------------------------------------------------------------------------------------


@classifier.command()
@click.argument("index_file", metavar="INDEX", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cold", is_flag=True, help="Begin without the prior that comes with Greygate.")
@with_folder
def train(index_file: Path, cold: bool, folder: Path) -> None:
    """Teach it labelled mail in the order of INDEX: lines `spam FILE` or `ham FILE`, or what export wrote.

    What was taught before stays; an entry that is told again counts once.
    """
    with learning(folder, cold=cold) as learner:
        before = told(learner)
        try:
            if index_file.read_bytes()[:1] == b"{":
                from_export(learner, index_file)
            else:
                from_index(learner, index_file)
        except (BadIndex, exchange.BadLine) as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"Learnt from {told(learner) - before} mails.")
        end(learner.publish(anyway=True))


def from_index(learner: Learner, path: Path) -> None:
    listed = index(path)
    with bar("learning", len(listed)) as advance, learner.journal.together():
        for is_spam, file in listed:
            data = file.read_bytes()
            teach(learner, data, is_spam, "")
            advance()


def from_export(learner: Learner, path: Path) -> None:
    with open(path, encoding="utf-8") as file, bar("learning", None) as advance, learner.journal.together():
        for entry in exchange.entries(file):
            learner.learn(entry)
            advance()


@classifier.command(name="learn")
@click.argument("label", type=click.Choice(["spam", "ham"]))
@click.argument("names", metavar="SOURCES...", nargs=-1, required=True)
@click.option("--account", default="", metavar="ADDRESS", help="Whose mail it is: it counts most for them.")
@click.option("--sure", is_flag=True, help="Also where a confident filter is of another mind.")
@click.option("--undo", is_flag=True, help="Take the label back: as if it had never been told.")
@with_folder
def learn_(label: str, names: tuple[str, ...], account: str, sure: bool, undo: bool, folder: Path) -> None:
    """Teach it that mails are spam or ham: files, mailboxes, Maildirs, folders, or - for standard input.

    A label that contradicts a confident filter is not learnt unless you are sure: most of these are slips.
    """
    is_spam = label == "spam"
    with learning(folder) as learner, bar("learning", None) as advance:
        learnt, doubted = 0, 0
        for name, data in all_mails(names):
            if undo:
                learnt += learner.strike(*keys_of(learner, data, is_spam))
            elif not sure and doubts(learner.state.score(Features.of(parse(data)), account), is_spam):
                doubted += 1
                click.echo(f"Not learnt: {shown(name)} looks like {'ham' if is_spam else 'spam'}; say --sure.")
            else:
                learnt += teach(learner, data, is_spam, account)
            advance()
        click.echo(f"{'Taken back' if undo else 'Learnt'}: {learnt}" + (f", in doubt: {doubted}" if doubted else ""))
        end(learner.publish())


def teach(learner: Learner, data: bytes, is_spam: bool, account: str) -> bool:
    """Learn a label of a mail instead of the other one, if that was told; False where it counts already."""
    key = free_key(learner, data, is_spam)
    if key is None:
        return False
    learner.strike(*keys_of(learner, data, not is_spam))
    entry = Entry(key, is_spam, Features.of(parse(data)), clock.now(), account, person().name)
    return learner.learn(entry) is not None


def free_key(learner: Learner, data: bytes, is_spam: bool) -> str | None:
    """An id for the label of a mail; None where it counts already. What was taken back is told anew under another."""
    for key in key_names(data, is_spam):
        if not learner.journal.knows(key):
            return key
        if learner.journal.position(key) is not None:
            return None
    return None


def keys_of(learner: Learner, data: bytes, is_spam: bool) -> list[str]:
    """The ids under which that label of the mail was told."""
    found = []
    for key in key_names(data, is_spam):
        if not learner.journal.knows(key):
            break
        found.append(key)
    return found


def key_names(data: bytes, is_spam: bool) -> Iterator[str]:
    name = f"{hashlib.sha256(data).hexdigest()[:32]}-{'spam' if is_spam else 'ham'}"
    return (f"{name}-{turn}" for turn in range(1, 10_000))


def told(learner: Learner) -> int:
    return learner.state.labels.spam + learner.state.labels.ham


def end(published: Published) -> None:
    """Say whether it is in force; a status of 1 where it is not."""
    if published.done:
        return
    raise click.ClickException(
        f"not put in force: of {published.now.tried} old labels it would get {published.now.errors} wrong, before"
        f" {published.before.errors}. Take the labels back with --undo"
    )


# ---- asking ----------------------------------------------------------------------------------------------------------


@classifier.command()
@click.argument("names", metavar="SOURCES...", nargs=-1, required=True)
@click.option("--account", default="", metavar="ADDRESS", help="By whose eyes.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each mail.")
@with_folder
def score(names: tuple[str, ...], account: str, as_json: bool, folder: Path) -> None:
    """What it thinks of mails: the chance that each is spam, and the sum of its voices (above 0: spam)."""
    model = judging(folder)
    for name, data in all_mails(names):
        found = model.score(Features.of(parse(data)), account)
        if as_json:
            labels = {"spam": found.labels.spam, "ham": found.labels.ham}
            facts = {"p": found.p, "z": found.z, "voices": dict(found.voices), "labels": labels}
            click.echo(json.dumps({"name": name, **facts}))
        else:
            click.echo(f"{found.p:7.2%}  {found.z:+.2f}  {shown(name)}")


@classifier.command()
@click.argument("name", metavar="SOURCE", default=STDIN)
@click.option("--account", default="", metavar="ADDRESS", help="By whose eyes.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_folder
def explain(name: str, account: str, as_json: bool, folder: Path) -> None:
    """Why a mail has its score: what each part of it adds, and its strongest words."""
    model = judging(folder)
    for number, (called, data) in enumerate(all_mails([name])):
        found = model.explain(parse(data), account)
        if as_json:
            click.echo(json.dumps({"name": called, **found.facts()}))
            continue
        click.echo("\n" * (number > 0) + shown(called))
        for line in told_lines(found):
            click.echo(line)


def told_lines(found: Explanation) -> Iterator[str]:
    yield headline(found.score, found.origin)
    yield "\nWhat each part adds (all together: the sum of the voices)"
    for source, adds in sorted(found.sources.items(), key=lambda pair: -abs(pair[1])):
        yield f"  {adds:+.3f}  {source}"
    yield "\nWhat each voice adds"
    for voice, adds in found.score.voices.items():
        yield f"  {adds:+.3f}  {voice}"
    if found.words:
        yield "\nWords that say most (what each adds, how spammy it is here from 0 to 1)"
    for word in found.words:
        yield f"  {word.adds:+.3f}  {word.spamicity:.2f}  {shown(word.text)}  ({word.source})"
    if found.fragments:
        yield "\nLetters in a row that say most"
    for piece in found.fragments:
        yield f"  {piece.adds:+.3f}  {shown(piece.text)!r}  ({piece.source})"


def headline(score: Score, origin: str) -> str:
    learnt = f"learnt from {score.labels.spam} spams and {score.labels.ham} hams of people here; began with {origin}"
    return f"{score.p:.1%} spam ({score.z:+.3f}); {learnt}"


# ---- keeping ---------------------------------------------------------------------------------------------------------


@classifier.command()
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True), default=STDIN)
@with_folder
def export(file: Any, folder: Path) -> None:
    """What people said, as lines of JSON in their order, for keeping or for train on another node.

    Words are in it as numbers only; ids, accounts, people and times as they are.
    """
    with learning(folder) as learner:
        for line in exchange.lines(learner.journal.after(0)):
            file.write(line + "\n")
