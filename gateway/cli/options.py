"""What the commands take: where the settings are, and durations as the settings write them."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.settings import BadSettings, Settings, duration, read

PLACES = (Path("greygate.toml"), Path("/etc/greygate/greygate.toml"))

F = TypeVar("F", bound=Callable[..., Any])


def default_config() -> Path | None:
    """The settings file when none is named: $GREYGATE_CONFIG, ./greygate.toml, /etc/greygate/greygate.toml."""
    if named := os.environ.get("GREYGATE_CONFIG"):
        return Path(named)
    return next((place for place in PLACES if place.exists()), None)


def with_settings(command: F) -> F:
    """Give a command its settings (--config FILE), or end with every problem in them."""
    option = click.option(
        "--config",
        "settings",
        metavar="FILE",
        callback=load,
        help="The settings file. [default: $GREYGATE_CONFIG, ./greygate.toml or /etc/greygate/greygate.toml]",
    )
    return option(command)


def load(context: click.Context, parameter: click.Parameter, value: str | None) -> Settings:
    path = Path(value) if value else default_config()
    if path is None:
        raise click.UsageError("No settings file found. Name one: --config FILE, or begin with: greygate init DIR")
    context.meta["config"] = path.resolve()
    try:
        return read(path)
    except BadSettings as error:
        raise click.ClickException("\n".join(["the settings have errors:", *error.problems])) from error


def with_channel(command: F) -> F:
    """Give a command the descriptor of its channel to the supervisor, or None where it runs alone."""
    return click.option("--channel", type=int, hidden=True, help="Given by the supervisor.")(command)


class DurationType(click.ParamType[timedelta]):
    """A duration as the settings write it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = DurationType()
