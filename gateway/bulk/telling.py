"""How a decision about many went, in words."""

from collections.abc import Mapping
from typing import Any

from gateway.bulk.asking import RELEASE
from gateway.model import BulkState, Fared

Tally = Mapping[tuple[str, str], int]


def sentences(row: Mapping[str, Any], tally: Tally, reader: str = "") -> list[str]:
    """What happened, and to whom that was left to others. `reader`: who is told, and called "you"."""
    total = row["mails"]
    undone = of(tally, Fared.UNDONE)
    told = []
    if row["state"] in (BulkState.UNDOING, BulkState.UNDONE) or undone:
        told.append(f"Taken back: {undone} of {undone + of(tally, Fared.DECIDED) + of(tally, Fared.STAYS)}.")
        if stays := of(tally, Fared.STAYS):
            told.append(f"{stays} could not be taken back any more.")
        return told
    word = "Released" if row["verb"] == RELEASE else "Refused"
    told.append(f"{word} {of(tally, Fared.DECIDED)} of {total}.")
    for (outcome, faster), count in sorted(tally.items()):
        if outcome == Fared.BEATEN:
            told.append(f"{count} of {total} had been decided by {'you' if faster == reader else faster}.")
    if gone := of(tally, Fared.GONE):
        told.append(f"About {gone} nothing was to be decided any more.")
    if row["state"] == BulkState.STOPPED:
        told.append(f"Stopped: {max(total - sum(tally.values()), 0)} were left as they are.")
    return told


def counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def of(tally: Tally, outcome: Fared) -> int:
    return sum(count for (found, _), count in tally.items() if found == outcome)
