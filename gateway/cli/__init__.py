"""The greygate command: one module per topic, loaded when it is asked for."""

import errno
import io
import sys
from importlib import import_module
from typing import Any

import click

# Name → module and function. Starting a worker must not load what only a backup needs.
COMMANDS = {
    "init": ("setup", "init"),
    "check": ("setup", "check"),
    "defaults": ("setup", "defaults"),
    "up": ("up", "up"),
    "smtpd": ("run", "smtpd"),
    "submission": ("submission", "submission"),
    "learn": ("learn", "learn"),
    "courier": ("run", "courier"),
    "pupil": ("run", "pupil"),
    "sweep": ("run", "sweep"),
    "metrics": ("metrics", "metrics"),
    "web": ("run", "web"),
    "admin": ("admin", "admin"),
    "audit": ("audit", "audit"),
    "alerts": ("alerts", "alerts"),
    "hooks": ("hooks", "hooks"),
    "reports": ("reports", "reports"),
    "try": ("trial", "try_"),
    "demo": ("demo", "demo"),
    "simulate": ("simulate", "simulate_"),
    "status": ("status", "status"),
    "stats": ("stats", "stats"),
    "observe": ("observe", "observe"),
    "replay": ("replay", "replay"),
    "shadow": ("replay", "shadow"),
    "known": ("known", "known"),
    "hosters": ("hosters", "hosters"),
    "queue": ("queue", "queue"),
    "bulk": ("bulk", "bulk"),
    "teach": ("teach", "teach"),
    "expect": ("expect", "expect"),
    "classifier": ("classifier", "classifier"),
    "bypass": ("panic", "bypass"),
    "greylist-off": ("panic", "greylist_off"),
    "freeze-releases": ("panic", "freeze_releases"),
    "db": ("database", "db"),
    "backup": ("database", "backup"),
    "restore": ("database", "restore"),
    "person": ("person", "person"),
    "directory": ("directory", "directory"),
    "token": ("token", "token"),
    "level": ("level", "level"),
}


class Commands(click.Group):
    """Finds a command by its name and imports its module only then; the troubles that any may have are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command = getattr(import_module(f"gateway.cli.{module}"), name)
        assert isinstance(command, click.Command)
        if url := ctx.params.get("api"):
            from gateway.cli import remote  # nobody else has a use for it

            return remote.through(command, cmd_name, url)
        return command

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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="greygate")
@click.option(
    "--api",
    metavar="URL",
    envvar="GREYGATE_API",
    help="Work on the gateway at this address, with the token in $GREYGATE_TOKEN_FILE or ~/.config/greygate/token.",
)
def main(api: str | None) -> None:
    """Greygate: a greylisting gateway that knows whom its people correspond with."""
