"""The same commands on a gateway elsewhere, through its API: same words, same options, same output.

A command that is not here says so.
"""

from collections.abc import Callable
from copy import copy
from functools import partial
from importlib import import_module
from typing import Any

import click

from gateway.cli.remote.client import Api, Refused

# What works through the API, and where that is done.
WORKS = {
    "queue list": ("queue", "list_"),
    "queue show": ("queue", "show"),
    "queue why": ("queue", "why"),
    "queue release": ("queue", "release"),
    "queue refuse": ("queue", "refuse"),
    "queue undo": ("queue", "undo"),
    "known list": ("known", "list_"),
    "known allow": ("known", "allow"),
    "known block": ("known", "block"),
    "known forget": ("known", "forget"),
    "expect open": ("expect", "open_"),
    "expect list": ("expect", "list_"),
    "expect close": ("expect", "close"),
    "level show": ("level", "show"),
    "level list": ("level", "list_"),
    "level choose": ("level", "choose"),
    "stats": ("stats", "stats"),
}
BECAUSE = click.Option(["--because"], help="Why you look into mail that is not yours; it is on record.")
MORE: dict[str, list[click.Parameter]] = {"queue show": [BECAUSE]}  # what only the API asks for


def through(command: click.Command, path: str, url: str) -> click.Command:
    """The command as it works on the gateway at this address."""
    made = copy(command)
    if isinstance(made, click.Group):
        made.commands = {name: through(one, f"{path} {name}", url) for name, one in made.commands.items()}
        return made
    if path not in WORKS:
        return not_here(path)
    module, name = WORKS[path]
    work = getattr(import_module(f"gateway.cli.remote.{module}"), name)
    made.params = [one for one in command.params if one.name != "settings"] + MORE.get(path, [])
    made.callback = partial(told, work, url)
    return made


def told(work: Callable[..., Any], url: str, **given: Any) -> Any:
    """Do it, and tell in a line why it does not go."""
    try:
        return work(Api(url), **given)
    except Refused as error:
        raise click.ClickException(f"{url} says: {error.words}") from error


def not_here(path: str) -> click.Command:
    def say(**words: Any) -> None:
        raise click.ClickException(
            f"greygate {path} does not work with --api: it looks at the machine itself. Run it there"
        )

    rest = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(path.rpartition(" ")[2], context_settings=settings, params=[rest], callback=say)


def cannot(option: str) -> click.ClickException:
    return click.ClickException(f"{option} does not work with --api. Run it on the gateway itself")
