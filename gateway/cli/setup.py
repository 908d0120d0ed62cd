"""greygate init, check, defaults: from nothing to settings that hold."""

from pathlib import Path

import click

from gateway import compose
from gateway.cli.connection import mode_by_person
from gateway.cli.options import load
from gateway.cli.output import mode_sentence
from gateway.policy.inbound import DATA_RULES, RCPT_RULES
from gateway.settings import Settings, defaults_markdown, defaults_toml, timers_sentence, warnings

FIRST = """\
# Greygate on this machine alone, to try it: what arrives for example.com ends in a Maildir beside this file.
# All settings with their defaults: greygate defaults        Is this file right: greygate check {path}

[smtp]
listen = ["127.0.0.1:2525"]
hostname = "greygate.example.com"

[domains]
local = ["example.com"]

[recipients]
verify = "accept-all"

[backend]
url = "maildir://{folder}/mail"

[database]
url = "sqlite://{folder}/greygate.db"

[storage]
path = "{folder}/storage"

[greylist]
wait = "30s"
"""


unused = click.option("--config", hidden=True, expose_value=False, help="Taken as every command takes it.")


@click.command()
@unused
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write a first settings file into FOLDER; one that is there already is left alone."""
    path = folder / "greygate.toml"
    if path.exists():
        click.echo(f"{path} is there already and stays as it is.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(FIRST.format(path=path, folder=folder.resolve()), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}.")


def checked(context: click.Context, parameter: click.Parameter, value: str | None) -> Settings:
    return load(context, parameter, value or context.params.get("config"))


@click.command()
@click.option("--config", metavar="FILE", is_eager=True, help="The same as FILE.")
@click.argument("settings", metavar="[FILE]", required=False, callback=checked)
@click.pass_context
def check(context: click.Context, settings: Settings, config: str | None) -> None:
    """Report every error in FILE, and how mail will be judged."""
    source = str(context.meta["config"])
    problems = compose.file_problems(settings, source)
    if problems:
        raise click.ClickException("\n".join(problems))
    click.echo(f"{source} is right.\n")
    click.echo(timers_sentence(settings) + "\n")
    click.echo(mode_sentence(settings, mode_by_person(settings)) + "\n")
    for title, rules in (("At RCPT", RCPT_RULES), ("After the data", DATA_RULES)):
        names = " → ".join(rule.__name__.replace("_", " ") for rule in rules)
        click.echo(f"{title} the first of these with an opinion decides:\n  {names}\n")
    for warning in warnings(settings):
        click.echo(f"Note: {warning}")


@click.command()
@unused
@click.option("--markdown", is_flag=True, help="As the page docs/settings.md.")
def defaults(markdown: bool) -> None:
    """Print a settings file with every key, its meaning and its default."""
    click.echo(defaults_markdown() if markdown else defaults_toml(), nl=False)
