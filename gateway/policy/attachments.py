"""Files that are not let through unseen, whoever sends them: a known sender's machine may be somebody else's by now."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.model import DataFacts, FileKind, MailedFile, Reason, ReasonCode

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

CODE = {
    FileKind.PROGRAM: ReasonCode.ATTACHMENT_PROGRAM,
    FileKind.SCRIPT: ReasonCode.ATTACHMENT_PROGRAM,
    FileKind.IMAGE: ReasonCode.ATTACHMENT_PROGRAM,
    FileKind.MACRO: ReasonCode.ATTACHMENT_MACRO,
    FileKind.DISGUISED: ReasonCode.ATTACHMENT_DISGUISED,
    FileKind.LOCKED: ReasonCode.ATTACHMENT_CLOSED,
    FileKind.OVERFULL: ReasonCode.ATTACHMENT_CLOSED,
}
CODES = frozenset({*CODE.values(), ReasonCode.ATTACHMENT_VIRUS})
HELD = frozenset(FileKind) - {FileKind.LOCKED}
MOST_NAME = 100  # characters


def reasons(facts: DataFacts, policy: "Policy") -> Iterator[Reason]:
    """One of each code: the first file it is true of, and how many there are."""
    if facts.content is None:
        return
    if facts.content.virus is not None:
        yield Reason(ReasonCode.ATTACHMENT_VIRUS, {"virus": facts.content.virus})
    found: dict[ReasonCode, list[tuple[MailedFile, FileKind]]] = {}
    for file in facts.content.files:
        for kind in file.kinds:
            if kind in policy.held_files:
                found.setdefault(CODE[kind], []).append((file, kind))
    for code, those in found.items():
        file, kind = those[0]
        count = len({(one.within, one.name) for one, _ in those})
        within = {"within": file.within[:MOST_NAME]} if file.within else {}
        yield Reason(code, {"file": file.name[:MOST_NAME], "kind": str(kind), **within, "files": count})
