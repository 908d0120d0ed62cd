"""greygate up: everything under one supervisor, and a greeting that says what to try."""

import shutil
import sys
from pathlib import Path

import click
import structlog
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from gateway import compose, listeners, logs, metrics, supervisor, systemd
from gateway.cli.admin import address_of, link_for
from gateway.cli.connection import engine, mode_by_person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console
from gateway.model import Mode
from gateway.settings import BadSettings, Settings, duration_text, read, warnings
from gateway.store import persons
from gateway.store.trouble import database_trouble
from sql import schema

log = structlog.get_logger()


@click.command()
@with_settings
@click.pass_context
def up(context: click.Context, settings: Settings) -> None:
    """Run everything under one supervisor; creates and upgrades the database first."""
    config: Path = context.meta["config"]
    problems = compose.file_problems(settings, str(config))
    if problems:
        raise click.ClickException("\n".join(problems))
    prepare(settings)
    try:
        sockets, submitted = listeners.listen_everywhere(settings)
    except listeners.Mismatch as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.strerror}. Is it running already?") from error
    greet(settings, config)
    logs.configure(settings.log.level, settings.log.format, "supervisor")
    metrics.forget(metrics.folder_below(settings.storage.path))  # what an earlier start has counted
    children = supervisor.children(config, settings.smtp.workers, sockets)
    if submitted:
        children.append(supervisor.submission(config, submitted))
    if settings.web.enabled:
        children.append(supervisor.web(config))
    if settings.metrics.listen is not None:
        children.append(supervisor.exporter(config))
    parent = supervisor.Supervisor(
        children,
        check_reload=lambda: still_right(config, settings),
        leave_within=settings.limits.session.total_seconds() + supervisor.STOP_WITHIN,
        tell=systemd.tell,
        watched=systemd.watchdog(),
    )
    context.exit(parent.run())


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
    except schema.Locked as error:
        raise click.ClickException(str(error)) from error
    if before != after:
        console.print(f"Database schema: {before or 'empty'} → {after}", style="dim")


def still_right(config: Path, started_with: Settings) -> bool:
    """True when the processes may be replaced by some with the settings as they are now."""
    try:
        settings = read(config)
        problems = compose.file_problems(settings, str(config))
    except BadSettings as error:
        problems = error.problems
    for problem in problems:
        console.print(escape(problem), style="red", soft_wrap=True)
    if not problems:
        before, now = started_with.smtp, settings.smtp
        ours = [name for name in ("listen", "workers") if getattr(before, name) != getattr(now, name)]
        earlier, later = started_with.submission, settings.submission
        if (earlier.listen, earlier.listen_tls) != (later.listen, later.listen_tls):
            ours.append("submission")
        if ours:  # the supervisor itself is not replaced
            log.warning("a setting changed that takes a restart", settings=ours)
    return not problems


def greet_to_pages(settings: Settings) -> None:
    """Where they are; and until somebody has a password, the link to choose one with: another at each start."""
    console.print(f"The pages are at {address_of(settings)}", soft_wrap=True, highlight=False)
    with transaction(settings) as conn:
        link = None if persons.is_anybody(conn) else link_for(conn, settings, "admin")
    if link is not None:
        console.print("Nobody can sign in yet. This link makes you the admin, once, within three days:")
        console.print(f"  {link}", soft_wrap=True, highlight=False, markup=False)
    console.print()


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
    if settings.web.enabled:
        greet_to_pages(settings)
    for warning in warnings(settings):
        console.print(f"Note: {escape(warning)}", style="dim", soft_wrap=True)
    console.print("Ctrl-C stops it.\n", style="dim")
