"""Marks sentences that are said in somebody's language when they are shown: `gateway.i18n` says them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(message: str) -> str:
    """Tells whoever gathers sentences that this is one."""
    return message


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with what is filled in, such as `N_("%(who)s waits")` and {"who": "bo"}. As a string it is
    English. `many`: what it is where the value `count` is not one."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    many: str = ""

    def __str__(self) -> str:
        message = self.many if self.many and self.values["count"] != 1 else self.message
        return message % self.values if self.values else message


def counting(one: str, many: str, count: int, **values: object) -> Said:
    """A sentence that depends on `count`, in both of the forms that English has; it stands here as N_ does."""
    return Said(one, {"count": count, **values}, many)
