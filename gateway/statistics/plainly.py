"""All figures as plain values: what `greygate stats --json` prints and the API answers."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gateway.statistics.figures import Figures
from gateway.statistics.tables import named, rows_of
from gateway.statistics.telling import counted_until, heading


def plain(found: Figures, tables: Iterable[str], now: datetime) -> dict[str, Any]:
    """`words`: about which time it is, and how far it is counted, in sentences."""
    until = found.progress.until
    return {
        "since": found.period.since.isoformat(),
        "until": found.period.until.isoformat(),
        "compared_since": found.compared.since.isoformat() if found.compared and found.is_on_record else None,
        "counted_until": until.isoformat() if until else None,
        "counted_share": found.progress.share,
        "waited": found.waits.count,
        "audit_chosen": found.audit_chosen,
        "words": [heading(found, now), counted_until(found.progress)],
        **{one.name: rows_of(one) for one in named(found, tables)},
    }
