"""The greygate command: one module per topic, put together here."""

import click

from gateway.cli import database, known, panic, person, queue, run, setup, trial


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
