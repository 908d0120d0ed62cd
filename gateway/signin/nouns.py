"""What the ways to sign in have in common."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.people import Given, read_role

AGAIN = "That answer does not belong to what was asked here. Start again, please."


class NoAnswer(Exception):
    """Somebody elsewhere does not answer, or with what nobody understands. args[0] is who; args[1] why, for the log."""


class NotIn(Exception):
    """Who it is may not come in. args[0] says why, in a sentence for them."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who somebody is elsewhere, shown by a password or a token.

    `address` is theirs for sure; "" where nobody vouches for it. `factor`: a second factor was asked for there.
    `token` is what takes them out there again.
    """

    issuer: str
    subject: str
    address: str = ""
    groups: frozenset[str] = frozenset()
    factor: bool = False
    token: str = ""


@dataclass(frozen=True, slots=True)
class Welcome:
    """Whom a way lets in: `roles` go with groups; `create`: whoever has an address of ours need not be known."""

    way: str  # as the audit calls it
    roles: Mapping[str, str]
    create: bool
    local: frozenset[str]

    def given(self, groups: Collection[str]) -> frozenset[Given]:
        """The roles that go with groups, which are compared without regard to upper and lower case."""
        mine = {one.casefold() for one in groups}
        said = [one for group, many in self.roles.items() if group.casefold() in mine for one in many.split(", ")]
        return frozenset(read_role(*one.partition(":")[::2]) for one in said)


def is_member(groups: Collection[str], wanted: Collection[str]) -> bool:
    """Whether somebody is in one of the groups that are wanted; nobody is left out where none is."""
    return not wanted or not {one.casefold() for one in groups}.isdisjoint(one.casefold() for one in wanted)
