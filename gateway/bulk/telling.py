"""How a decision about many went, in words."""

from collections.abc import Mapping
from typing import Any

from gateway.bulk.asking import RELEASE
from gateway.i18n import _, ngettext
from gateway.model import BulkState, Fared

Tally = Mapping[tuple[str, str], int]


def sentences(row: Mapping[str, Any], tally: Tally, reader: str = "") -> list[str]:
    """What happened, and to whom that was left to others. `reader`: who is told, and called "you"."""
    total = row["mails"]
    undone = of(tally, Fared.UNDONE)
    if row["state"] in (BulkState.UNDOING, BulkState.UNDONE) or undone:
        return taken_back(undone, of(tally, Fared.DECIDED), of(tally, Fared.STAYS))
    decided = {"count": of(tally, Fared.DECIDED), "total": total}
    is_release = row["verb"] == RELEASE
    told = [(_("Released %(count)d of %(total)d.") if is_release else _("Refused %(count)d of %(total)d.")) % decided]
    for (outcome, faster), count in sorted(tally.items()):
        if outcome == Fared.BEATEN:
            told.append(beaten(count, total, faster, reader))
    if gone := of(tally, Fared.GONE):
        told.append(
            ngettext(
                "About %(count)d nothing was to be decided any more.",
                "About %(count)d nothing was to be decided any more.",
                gone,
            )
            % {"count": gone}
        )
    if row["state"] == BulkState.STOPPED:
        left = max(total - sum(tally.values()), 0)
        told.append(
            ngettext("Stopped: %(count)d were left as they are.", "Stopped: %(count)d were left as they are.", left)
            % {"count": left}
        )
    return told


def taken_back(undone: int, decided: int, stays: int) -> list[str]:
    told = [_("Taken back: %(count)d of %(total)d.") % {"count": undone, "total": undone + decided + stays}]
    if stays:
        told.append(
            ngettext(
                "%(count)d could not be taken back any more.", "%(count)d could not be taken back any more.", stays
            )
            % {"count": stays}
        )
    return told


def beaten(count: int, total: int, faster: str, reader: str) -> str:
    if faster == reader:
        return _("%(count)d of %(total)d had been decided by you.") % {"count": count, "total": total}
    said = {"count": count, "total": total, "who": faster}
    return _("%(count)d of %(total)d had been decided by %(who)s.") % said


def counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def of(tally: Tally, outcome: Fared) -> int:
    return sum(count for (found, __), count in tally.items() if found == outcome)
