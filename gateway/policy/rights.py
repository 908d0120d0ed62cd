"""Who may do what: one table, and one question."""

from collections.abc import Mapping
from enum import StrEnum

from gateway.model import Act, Actor, Role
from gateway.policy.danger import is_dangerous


class Standing(StrEnum):
    """How somebody stands to an account, or to the house."""

    OWN = "own"  # it is theirs, or was given to them
    OWNER = "owner"  # it is theirs
    APPROVER = "approver"  # of its domain
    SOME_APPROVER = "some approver"  # of any domain
    AUDITOR = "auditor"
    ADMIN = "admin"


S = Standing

# Nobody may do what is not here. An admin runs the house and does not read people's mail.
MAY: Mapping[Act, frozenset[Standing]] = {
    Act.SEE: frozenset({S.OWN, S.APPROVER, S.AUDITOR, S.ADMIN}),
    Act.READ: frozenset({S.OWN, S.APPROVER}),
    Act.READ_PENDING: frozenset({S.OWN, S.APPROVER}),
    Act.DECIDE: frozenset({S.OWN, S.APPROVER}),
    Act.TRUST: frozenset({S.OWN, S.APPROVER}),
    Act.TRUST_FOR_ALL: frozenset({S.APPROVER}),
    Act.LEVEL: frozenset({S.OWN, S.APPROVER, S.ADMIN}),
    Act.EXPECT: frozenset({S.OWN, S.APPROVER}),
    Act.LEND: frozenset({S.OWNER}),  # a substitute names no substitute
    Act.KNOWN: frozenset({S.SOME_APPROVER, S.AUDITOR, S.ADMIN}),
    Act.PEOPLE: frozenset({S.ADMIN}),
    Act.AUDIT: frozenset({S.AUDITOR, S.ADMIN}),
    Act.HEALTH: frozenset({S.AUDITOR, S.ADMIN}),
    Act.SWITCH: frozenset({S.ADMIN}),
}


def can(actor: Actor, act: Act, account: str = "", *, narrow: bool = False) -> bool:
    """Whether somebody may do it. `account`: an address, or "" for the house.

    `narrow`: what is in mail that its sender still has is for its recipient alone.
    """
    allowed = MAY[act]
    if narrow and act is Act.READ_PENDING:
        allowed = frozenset({S.OWN})
    return not allowed.isdisjoint(standings(actor, account))


def standings(actor: Actor, account: str) -> frozenset[Standing]:
    domain = account.rpartition("@")[2]
    found = {
        S.OWN: bool(account) and account in actor.addresses,
        S.OWNER: bool(account) and account in actor.addresses - actor.lent,
        S.APPROVER: actor.has(Role.APPROVER, domain),
        S.SOME_APPROVER: actor.has_some(Role.APPROVER),
        S.AUDITOR: actor.has(Role.AUDITOR, domain),
        S.ADMIN: actor.has(Role.ADMIN, domain),
    }
    return frozenset(standing for standing, is_so in found.items() if is_so)


ROLES = {S.APPROVER: Role.APPROVER, S.AUDITOR: Role.AUDITOR, S.ADMIN: Role.ADMIN}


def domains(actor: Actor, act: Act) -> frozenset[str]:
    """The domains for whose accounts somebody may do it; "" among them: all."""
    return frozenset().union(*(actor.domains(role) for standing, role in ROLES.items() if standing in MAY[act]))


def needs_reason(actor: Actor, account: str) -> bool:
    """True where somebody may look into mail that is not theirs: they say why first, and that is on record."""
    return account not in actor.addresses


def may_release(actor: Actor, account: str, code: str, *, only_approvers: bool) -> bool:
    """Whether somebody may let in a held mail for an account. `code`: why it is held.

    `only_approvers`: dangerous mail is for approvers of the domain; the others ask one.
    """
    if not can(actor, Act.DECIDE, account):
        return False
    return not (only_approvers and is_dangerous(code)) or S.APPROVER in standings(actor, account)
