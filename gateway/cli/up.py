"""greygate up: everything under one supervisor, and a greeting that says what to try."""

import shutil
import sys
from pathlib import Path

import click
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from gateway import compose, logs, metrics, processes, supervisor
from gateway.cli.connection import database_trouble, engine, mode_by_person
from gateway.cli.options import with_settings
from gateway.cli.output import console
from gateway.model import Mode
from gateway.settings import BadSettings, Settings, duration_text, file_problems, read, warnings
from sql import schema


@click.command()
@with_settings
@click.pass_context
def up(context: click.Context, settings: Settings) -> None:
    """Run everything under one supervisor; creates and upgrades the database first."""
    config: Path = context.meta["config"]
    problems = file_problems(settings, str(config))
    if problems:
        raise click.ClickException("\n".join(problems))
    prepare(settings)
    try:
        sockets = processes.listen(settings)
    except OSError as error:
        raise click.ClickException(f"{error.strerror}. Is it running already?") from error
    greet(settings, config)
    logs.configure(settings.log.level, settings.log.format, "supervisor")
    metrics.forget(metrics.folder_below(settings.storage.path))  # what an earlier start has counted
    children = supervisor.children(config, settings.smtp.workers, sockets)
    if settings.metrics.listen is not None:
        children.append(supervisor.exporter(config))
    context.exit(supervisor.Supervisor(children, check_reload=lambda: still_right(config)).run())


def prepare(settings: Settings) -> None:
    """Folders, the signing key, and a database with the current schema."""
    try:
        compose.make_folders(settings)
        compose.verdict_key(settings)
        before, after = schema.upgrade(engine(settings))
    except OSError as error:
        raise click.ClickException(f"{error.filename or settings.storage.path}: {error.strerror}") from error
    except SQLAlchemyError as error:
        raise click.ClickException(database_trouble(error)) from error
    if before != after:
        console.print(f"Database schema: {before or 'empty'} → {after}", style="dim")


def still_right(config: Path) -> bool:
    try:
        return not file_problems(read(config), str(config))
    except BadSettings as error:
        for problem in error.problems:
            console.print(escape(problem), style="red", soft_wrap=True)
        return False


def own_name() -> str:
    """How this program is called at the prompt: by its name where the shell finds it, else by its path."""
    if shutil.which("greygate"):
        return "greygate"
    called = Path(sys.argv[0])
    return f"{sys.executable} -m gateway" if called.name == "__main__.py" else str(called)


def greet(settings: Settings, config: Path) -> None:
    """Where it listens, and what to try."""
    where = ", ".join(str(endpoint) for endpoint in settings.smtp.listen)
    first, domain = settings.smtp.listen[0], settings.domains.local[0]
    wait = duration_text(settings.greylist.wait)
    backends = ", ".join(str(url) for url in settings.backends(domain))
    console.print(f"[bold]Greygate listens on {where}[/]", highlight=False)
    console.print(f"and passes mail for {domain} to {escape(backends)}", soft_wrap=True, highlight=False)
    person = mode_by_person(settings)
    if (person.mode if person else settings.protection.mode) is Mode.OBSERVE:
        console.print("It only observes: what would have waited is let in. Try it from another terminal:\n")
    else:
        console.print(f"A stranger is asked to come back after {wait}. Try it from another terminal:\n")
    program = own_name()
    for line, meaning in (
        (f"swaks --server {first} --from ann@elsewhere.example --to bo@{domain}", f"the same again after {wait}"),
        (f"{program} try --config {config}", "does both for you, and tells what happened"),
        (f"{program} queue list --config {config}", "what is waiting"),
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
        console.print(f"      # {meaning}", style="dim", highlight=False)
    console.print()
    for warning in warnings(settings):
        console.print(f"Note: {escape(warning)}", style="dim", soft_wrap=True)
    console.print("Ctrl-C stops it.\n", style="dim")
