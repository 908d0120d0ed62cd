"""greygate --api URL stats: the figures of a gateway elsewhere, of the mail that the owner of the token may see."""

from datetime import timedelta

import click

from gateway.cli import stats as local
from gateway.cli.remote.client import Api

NULL = ("compared_since", "counted_until")  # which may be null; other members are tables that were not asked for
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def stats(
    api: Api, since: timedelta, first: str | None, last: str | None, by: str | None, against: str, whose: str | None,
    as_csv: bool, as_json: bool,
) -> None:  # fmt: skip
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both.")
    asked = {"since": length(since), "from": first, "to": last, "by": by, "against": against, "for": whose}
    if as_csv and not by:
        asked["by"] = "time"
    found = api.get("/statistics", **asked)
    local.show_all(
        {name: said for name, said in found.items() if said is not None or name in NULL}, as_csv, as_json, by
    )


def length(since: timedelta) -> str:
    """Whole days or begun hours, as the figures are."""
    return f"{since // DAY}d" if since and since % DAY == timedelta(0) else f"{-(-since // HOUR)}h"
