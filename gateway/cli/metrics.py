"""greygate metrics: what all processes of this machine have counted, for Prometheus. It loads none of their parts."""

import click

from gateway import exporter
from gateway.cli.options import with_channel, with_settings
from gateway.settings import Settings


@click.command()
@with_settings
@with_channel
def metrics(settings: Settings, channel: int | None) -> None:
    """Serve what all processes have counted, for Prometheus, at [metrics] listen."""
    if settings.metrics.listen is None:
        raise click.ClickException("[metrics] listen names no place to serve them")
    try:
        exporter.run(settings, channel)
    except OSError as error:
        raise click.ClickException(f"cannot serve the metrics at {settings.metrics.listen}: {error}") from error
