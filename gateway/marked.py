"""Marks sentences that are said in somebody's language when they are shown: `gateway.i18n` says them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(message: str) -> str:
    """Tells whoever gathers sentences that this is one."""
    return message


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with what is filled in, such as `N_("%(count)d mails")` and {"count": 3}. As a string it is
    English."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.values if self.values else self.message
