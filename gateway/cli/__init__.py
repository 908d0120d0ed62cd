"""The greygate command: one module per topic, put together here."""

import errno
import io
import sys
from typing import Any

import click

from gateway.cli import database, known, panic, person, queue, run, setup, trial


class Greygate(click.Group):
    """The troubles that any command may have, in one line each."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no error
        if any("\udc80" <= letter <= "\udcff" for word in args for letter in word):
            raise click.UsageError("The command line is not UTF-8 text.")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.filename is None or error.errno == errno.EPIPE:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@click.group(cls=Greygate, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="greygate")
def main() -> None:
    """Greygate: a greylisting gateway that knows whom its people correspond with."""


for command in (
    setup.init,
    setup.check,
    setup.defaults,
    run.up,
    run.smtpd,
    run.courier,
    run.sweep,
    trial.try_,
    known.known,
    queue.queue,
    panic.bypass,
    panic.greylist_off,
    panic.freeze_releases,
    database.db,
    database.backup,
    database.restore,
    person.person,
):
    main.add_command(command)
