"""What `greygate replay` told last, kept beside the mail so that others see it on the page without asking again."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.policy.draft import Said
from gateway.replayed import Change

FILE = "replayed.json"
CHANGES = 50  # that are kept
MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Tried:
    """Settings that were tried on past mail: whose, on which, and what would differ. `counts` by kind of difference."""

    at: datetime
    who: str
    settings: str
    since: datetime
    until: datetime
    replayed: int
    other_reason: int
    not_replayed: int
    counts: dict[str, int]
    changes: tuple[Change, ...]


def keep(storage: Path, one: Tried) -> None:
    """In place of the one before. Raises OSError."""
    new = storage / f"{FILE}.new"
    with open(new, "w", encoding="utf-8", opener=only_for_us) as file:
        json.dump(asdict(one), file, default=datetime.isoformat)
    new.replace(storage / FILE)


def only_for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def kept(storage: Path) -> Tried | None:
    """None where nothing was tried yet, or what is there cannot be read."""
    try:
        told = json.loads((storage / FILE).read_bytes()[:MOST_BYTES])
        for name in ("at", "since", "until"):
            told[name] = datetime.fromisoformat(told[name])
        return Tried(**told | {"changes": tuple(map(change, told["changes"]))})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def change(told: dict[str, Any]) -> Change:
    verdicts = {name: Said(**told[name]) for name in ("was", "would")}
    return Change(**told | verdicts | {"at": datetime.fromisoformat(told["at"])})
