"""How a tuple of rules is asked: from the top, and the first one with an opinion decides."""

from collections.abc import Callable
from typing import TypeVar

from gateway.model import Verdict

Facts = TypeVar("Facts")
Settings = TypeVar("Settings")


def first_opinion(
    rules: tuple[Callable[[Facts, Settings], Verdict | None], ...], facts: Facts, settings: Settings
) -> Verdict:
    """Raises AssertionError when no rule has one: the last of each tuple always should."""
    for rule in rules:
        if (found := rule(facts, settings)) is not None:
            return found
    raise AssertionError("the last rule always has an opinion")
