"""greygate learn: what others have on record teaches us, too."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from gateway import clock, compose
from gateway.cli.connection import current_engine
from gateway.cli.interrupt import interrupted
from gateway.cli.options import with_settings
from gateway.cli.output import console
from gateway.evidence.domain import signers
from gateway.maillog.files import MOST_AT_ONCE, LogFile, Place, texts, to_read, whole
from gateway.maillog.joined import Delivered, Joiner
from gateway.maillog.lines import BadLine, Clock, parse
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.outbound import Letter
from gateway.settings import Settings
from gateway.store import outbound
from gateway.store.outbound import Position, Sent

POLL_EVERY = 0.5  # seconds
STDIN = "-"


@dataclass
class Counts:
    lines: int = 0
    bad: int = 0
    letters: int = 0
    correspondents: set[tuple[str, str]] = field(default_factory=set)

    def __str__(self) -> str:
        told = f"{self.lines} lines: {self.letters} deliveries, {len(self.correspondents)} correspondents"
        return told + (f"; {self.bad} lines could not be read" if self.bad else "")


@click.group()
def learn() -> None:
    """Learn from what other programs have on record."""


@learn.command(name="outbound")
@click.argument("files", nargs=-1, required=True)
@click.option("--follow", is_flag=True, help="Go on with what is written from now on, through rotation.")
@click.option("--dry-run", is_flag=True, help="Tell what would be learnt and change nothing.")
@with_settings
def outbound_(settings: Settings, files: tuple[str, ...], follow: bool, dry_run: bool) -> None:
    """Read logs of Postfix or Exim (FILES, or - for standard input): whom our people wrote to is remembered.

    How far a file was read is kept, so that no line is lost or counted twice.
    """
    if STDIN in files and len(files) > 1:
        raise click.UsageError("Standard input is read alone.")
    counts = Counts()
    with current_engine(settings) as engine, suppress(KeyboardInterrupt):
        student = Student(settings, engine, counts, dry_run)
        if files == (STDIN,):
            student.read_stdin()
        else:
            study(student, [Path(name).resolve() for name in files], follow)
    click.echo(("Would have learnt from " if dry_run else "Learnt from ") + str(counts))


def study(student: "Student", paths: Sequence[Path], follow: bool) -> None:
    logs = [Studied(student, path) for path in paths]
    with bar(sum(one.left for one in logs), quiet=follow) as advance:
        for one in logs:
            one.catch_up(advance)
    with interrupted() as over:
        while follow and not over.is_set():
            if not any([one.go_on() for one in logs]):
                over.wait(POLL_EVERY)


class Student:
    """Turns lines into what is learnt from them, a transaction for many."""

    def __init__(self, settings: Settings, engine: Engine, counts: Counts, dry_run: bool) -> None:
        self.settings = settings
        self.engine = engine
        self.counts = counts
        self.dry_run = dry_run
        self.node = compose.node_name()
        self.local = frozenset(settings.domains.local)

    def read_stdin(self) -> None:
        joiner = Joiner()
        held = b""
        while piece := os.read(sys.stdin.fileno(), MOST_AT_ONCE):  # what there is: a log that goes on fills no buffer
            whole, newline, held = (held + piece).rpartition(b"\n")
            self.keep(self.understood(texts((whole + newline).splitlines()), joiner))
        self.keep(self.understood(texts(held.splitlines()), joiner))

    def understood(self, lines: Iterable[str], joiner: Joiner) -> list[Sent]:
        read_by = Clock(clock.now(), None)
        found = []
        for line in lines:
            self.counts.lines += 1
            try:
                event = parse(line, read_by)
                delivered = joiner.feed(event) if event is not None else None
                sent = self.sent(delivered) if delivered is not None else None
            except (BadLine, BadAddress):
                self.counts.bad += 1
                continue
            if sent is not None:
                found.append(sent)
        return found

    def sent(self, delivered: Delivered) -> Sent | None:
        """None for what one of us did not send to the world. Raises BadAddress."""
        sender, recipient = parse_address(delivered.sender), parse_address(delivered.recipient)
        if sender.domain not in self.local or recipient.domain in self.local:
            return None
        self.counts.letters += 1
        teaches = sender.key not in self.settings.submission.form_accounts
        if teaches:
            self.counts.correspondents.add((sender.key, recipient.key))
        to = {recipient.key: signers(recipient.domain)}
        expires = delivered.at + self.settings.greylist.memory_act
        return Sent("", sender.key, to, Letter(delivered.message_id), delivered.at, expires, teaches)

    def keep(self, letters: Sequence[Sent], reached: tuple[Path, Position] | None = None) -> None:
        """What was learnt, and how far the log is read, at once."""
        if self.dry_run:
            return
        with self.engine.begin() as conn:
            outbound.learn(conn, letters)
            if reached is not None:
                outbound.keep_position(conn, self.node, str(reached[0]), reached[1], clock.now())


class Studied:
    """One log. `left` is how many bytes of it are new."""

    def __init__(self, student: Student, path: Path) -> None:
        self.student = student
        self.path = path
        with student.engine.execution_options(reads=True).connect() as conn:
            own, others = outbound.positions(conn, student.node, str(path))
        known = [Place(one.inode, one.offset, one.head) for one in ((own, *others) if own else others)]
        self.pieces, complete = to_read(path, known)
        if own is not None and not complete:
            click.echo(f"{path}: what was written since the last time is gone; beginning anew.", err=True)
        self.joiner = Joiner(own.waiting if own else "")
        self.left = whole(self.pieces)
        self.file: LogFile | None = None
        self.idle = 0

    def catch_up(self, advance: Callable[[int], None]) -> None:
        """All that is there; the last file stays open."""
        for path, offset in self.pieces:
            if self.file is not None:
                self.file.close()
            self.file = LogFile(path, offset)
            while self.read(advance):
                pass

    def read(self, advance: Callable[[int], None] = lambda count: None) -> bool:
        """The next lines, learnt from; False when there is none."""
        assert self.file is not None
        before = self.file.offset
        lines = self.file.lines()
        if lines:
            letters = self.student.understood(texts(lines), self.joiner)
            at = self.file.place
            self.student.keep(letters, (self.path, Position(at.inode, at.offset, at.head, self.joiner.text())))
        advance(self.file.offset - before)
        return bool(lines)

    def go_on(self) -> bool:
        """Look for more; when the log was rotated, first the rest of the old file, then the new one."""
        assert self.file is not None
        if self.read():
            return True
        if not self.file.is_moved(self.path) or self.read():
            return False
        self.file.close()
        self.file = LogFile(self.path)
        return self.read()


@contextmanager
def bar(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar of bytes, where somebody looks at it; yields what moves it."""
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda count: progress.advance(task, count)
