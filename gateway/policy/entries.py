"""An entry of the lists in words for people."""

from gateway.marked import N_, Said
from gateway.model import Binds, ListEntry, ListKind, ListVerb
from gateway.policy.conflicts import Conflict, Finding


def is_name(kind: ListKind) -> bool:
    """True for the names of senders, which anybody may write."""
    return kind in (ListKind.ADDRESS, ListKind.DOMAIN)


def who(entry: ListEntry) -> Said | str:
    """The party of an entry, for people."""
    match entry.kind:
        case ListKind.RECIPIENT:
            return Said(N_("to %(recipient)s"), {"recipient": entry.value})
        case ListKind.SIGNATURE:
            return Said(N_("signed by %(domain)s"), {"domain": entry.value})
        case _:
            return entry.value


def whose(entry: ListEntry) -> str:
    """Whose mail it is about: an address, a domain as in "@example.com", or "" for everybody's."""
    named = entry.scope or (entry.value if entry.kind is ListKind.RECIPIENT else "")
    return named if not named or "@" in named else f"@{named}"


def proof(entry: ListEntry) -> Said | str:
    """What a name must come with, for people; "" for nothing."""
    found: list[Said | str] = []
    if entry.network and entry.kind is not ListKind.NETWORK:
        found.append(str(entry.network))
    if entry.signature:
        found.append(Said(N_("signed by %(domain)s"), {"domain": entry.signature}))
    if entry.verb is ListVerb.ALLOW and is_name(entry.kind) and not found:
        found.append(Said(N_("its own signature")))
    if entry.binds is Binds.UNAUTHENTICATED:
        found.append(Said(N_("unless proved")))
    said: Said | str = found[0] if found else ""
    for other in found[1:]:
        said = Said(N_("%(one)s, %(other)s"), {"one": said, "other": other})
    return said


def sentence(entry: ListEntry) -> str:
    """An entry in a line: what it does with whom, with what proof, for whom."""
    means = proof(entry)
    scope = f" for {entry.scope}" if entry.scope else ""
    return f"{entry.verb} {entry.kind} {entry.value}{f' ({means})' if means else ''}{scope}"


def plainly(entry: ListEntry) -> Said:
    """The same as people would say it to each other: whom, how that is known, and for whom."""
    whom = {
        ListKind.ADDRESS: entry.value,
        ListKind.DOMAIN: everybody_at(entry.value),
        ListKind.NETWORK: Said(N_("whatever comes from %(network)s"), {"network": entry.value}),
    }.get(entry.kind, who(entry))
    scope: Said | str = Said(N_("anybody here"))
    if entry.scope:
        scope = entry.scope if "@" in entry.scope else everybody_at(entry.scope)
    if known := proof(entry):
        return Said(N_("%(whom)s, %(known)s, to %(recipients)s"), {"whom": whom, "known": known, "recipients": scope})
    return Said(N_("%(whom)s, to %(recipients)s"), {"whom": whom, "recipients": scope})


def everybody_at(domain: str) -> Said:
    return Said(N_("everybody at %(domain)s"), {"domain": domain})


MEANINGS = {
    Conflict.COVERED: "{} says so already, and more",
    Conflict.SHADOWED: "it never counts, for a block comes first: {}",
    Conflict.EXCEPTION: "what is left of it is less: {}",
    Conflict.CROSSING: "some mail is meant by both, and a block comes first: {}",
    Conflict.OVER: "its time is over",
}
# The same as people would say it to each other.
MEANINGS_PLAINLY = {
    Conflict.COVERED: N_("%(entry)s. But “%(other)s” says so already, and more."),
    Conflict.SHADOWED: N_("%(entry)s. But it never counts, for a block comes first: “%(other)s”."),
    Conflict.EXCEPTION: N_("%(entry)s. But what is left of it is less: “%(other)s”."),
    Conflict.CROSSING: N_("%(entry)s. But some mail is meant by both, and a block comes first: “%(other)s”."),
    Conflict.OVER: N_("%(entry)s. But its time is over."),
}
DOES = {ListVerb.ALLOW: N_("let in: %(entry)s"), ListVerb.BLOCK: N_("kept out: %(entry)s")}


def conflict_sentence(finding: Finding) -> str:
    other = numbered(finding.other) if finding.other else ""
    return f"{numbered(finding.entry)}: {MEANINGS[finding.conflict].format(other)}"


def conflict_plainly(finding: Finding) -> Said:
    named = {"entry": finding.entry, "other": finding.other or finding.entry}
    said = {name: Said(DOES[one.verb], {"entry": plainly(one)}) for name, one in named.items()}
    return Said(MEANINGS_PLAINLY[finding.conflict], said)


def numbered(entry: ListEntry) -> str:
    """With its number, which one that is not in the lists yet has not."""
    return f"{entry.id}: {sentence(entry)}" if entry.id else f"new: {sentence(entry)}"
