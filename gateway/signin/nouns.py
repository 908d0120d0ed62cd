"""What the ways to sign in have in common."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.marked import N_, Said
from gateway.people import Given, read_role

AGAIN = N_("That answer does not belong to what was asked here. Start again, please.")
NO_GROUP = N_("You are in none of the groups that may sign in here. Ask your admin.")


class NoAnswer(Exception):
    """Somebody elsewhere does not answer, or with what nobody understands. args[0] is who, marked or a name; args[1]
    why, for the log."""


class NotIn(Exception):
    """Who it is may not come in. `why` is a sentence for them, to be said in their language; the audit keeps it as it
    is."""

    def __init__(self, why: Said | str) -> None:
        super().__init__(str(why))
        self.why = why


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
