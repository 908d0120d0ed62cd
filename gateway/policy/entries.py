"""An entry of the lists in words for people."""

from gateway.model import Binds, ListEntry, ListKind, ListVerb
from gateway.policy.conflicts import Conflict, Finding


def is_name(kind: ListKind) -> bool:
    """True for the names of senders, which anybody may write."""
    return kind in (ListKind.ADDRESS, ListKind.DOMAIN)


def who(entry: ListEntry) -> str:
    """The party of an entry, for people."""
    match entry.kind:
        case ListKind.RECIPIENT:
            return f"to {entry.value}"
        case ListKind.SIGNATURE:
            return f"signed by {entry.value}"
        case _:
            return entry.value


def whose(entry: ListEntry) -> str:
    """Whose mail it is about: an address, a domain as in "@example.com", or "" for everybody's."""
    named = entry.scope or (entry.value if entry.kind is ListKind.RECIPIENT else "")
    return named if not named or "@" in named else f"@{named}"


def proof(entry: ListEntry) -> str:
    """What a name must come with, for people."""
    network = str(entry.network) if entry.network and entry.kind is not ListKind.NETWORK else ""
    signed = f"signed by {entry.signature}" if entry.signature else ""
    if entry.verb is ListVerb.ALLOW and is_name(entry.kind) and not network and not signed:
        signed = "its own signature"
    unproved = "unless proved" if entry.binds is Binds.UNAUTHENTICATED else ""
    return ", ".join(filter(None, (network, signed, unproved)))


def sentence(entry: ListEntry) -> str:
    """An entry in a line: what it does with whom, with what proof, for whom."""
    means = proof(entry)
    scope = f" for {entry.scope}" if entry.scope else ""
    return f"{entry.verb} {entry.kind} {entry.value}{f' ({means})' if means else ''}{scope}"


def plainly(entry: ListEntry) -> str:
    """The same as people would say it to each other: whom, how that is known, and for whom."""
    whom = {
        ListKind.ADDRESS: entry.value,
        ListKind.DOMAIN: f"everybody at {entry.value}",
        ListKind.NETWORK: f"whatever comes from {entry.value}",
    }.get(entry.kind, who(entry))
    known = proof(entry)
    scope = entry.scope if entry.scope and "@" in entry.scope else f"everybody at {entry.scope}" if entry.scope else ""
    return f"{whom}{f', {known},' if known else ','} to {scope or 'anybody here'}"


MEANINGS = {
    Conflict.COVERED: "{} says so already, and more",
    Conflict.SHADOWED: "it never counts, for a block comes first: {}",
    Conflict.EXCEPTION: "what is left of it is less: {}",
    Conflict.CROSSING: "some mail is meant by both, and a block comes first: {}",
    Conflict.OVER: "its time is over",
}


def conflict_sentence(finding: Finding) -> str:
    other = numbered(finding.other) if finding.other else ""
    return f"{numbered(finding.entry)}: {MEANINGS[finding.conflict].format(other)}"


DOES = {ListVerb.ALLOW: "let in", ListVerb.BLOCK: "kept out"}


def conflict_plainly(finding: Finding) -> str:
    """The same as people would say it to each other."""
    said = [f"{DOES[one.verb]}: {plainly(one)}" for one in (finding.entry, finding.other) if one is not None]
    return f"{said[0]}. But {MEANINGS[finding.conflict].format(f'“{said[-1]}”')}."


def numbered(entry: ListEntry) -> str:
    """With its number, which one that is not in the lists yet has not."""
    return f"{entry.id}: {sentence(entry)}" if entry.id else f"new: {sentence(entry)}"
