"""What the store says at a decision point."""

from dataclasses import dataclass, field

from gateway.model import CopyRow, Grade, Tombstone
from gateway.store.seen import Seen


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store knows, by recipient; copies, tombstones and `kept` (the id of these very bytes) after the dot."""

    grades: dict[str, Grade] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    copies: dict[str, tuple[CopyRow, ...]] = field(default_factory=dict)
    tombstones: dict[str, tuple[Tombstone, ...]] = field(default_factory=dict)
    kept: str | None = None
