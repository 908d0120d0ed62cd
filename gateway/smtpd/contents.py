"""After the dot: whose mail is looked at, and what was found in it."""

import asyncio
import os
from dataclasses import replace

from gateway.evidence.content import Letter
from gateway.evidence.hints import may_carry_files
from gateway.model import Campaigns, ContentFacts, DataFacts, ReasonCode
from gateway.smtpd.admission import Admitted
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received
from gateway.spool import Spool

# Let in whatever is in it.
NOTHING_COUNTS = frozenset({ReasonCode.LEVEL_OFF, ReasonCode.SWITCH_BYPASS, ReasonCode.RECIPIENT_EXEMPT})
# An act of our people stands behind it: only files count.
FILES_COUNT = frozenset({ReasonCode.PARTY_KNOWN, ReasonCode.LIST_ALLOWED})
# The same where the settings ask for it: it is quicker, and patience is no promise about content.
FILES_MAY_COUNT = FILES_COUNT | {ReasonCode.PARTY_REMEMBERED}
MOST_ACCOUNTS = 50  # of one mail that are asked for a voice of their own


async def found_in(door: Door, received: Received) -> ContentFacts | None:
    """What its content shows; None where it is not looked at, or nobody could say in time."""
    spool = received.spool
    only_files = FILES_COUNT if door.looks_at_remembered else FILES_MAY_COUNT
    if not any(is_worth_a_look(one, spool, only_files) for one in received.mail.admitted):
        return await what_others_have(door, spool) if door.refused else None
    accounts = tuple(one.recipient.address.key for one in received.mail.admitted[:MOST_ACCOUNTS])
    asked = replace(letter(spool), accounts=accounts)
    found, virus = await asyncio.gather(door.looking.look(asked), door.scanner.virus_in(spool.chunks()))
    if virus is None:
        return found
    return replace(found or ContentFacts(), virus=virus)


async def what_others_have(door: Door, spool: Spool) -> ContentFacts | None:
    """Of mail that is let in whatever is in it: only what it may share with a campaign that a person refused."""
    found = await door.looking.look(replace(letter(spool), wants_all=False))
    return None if found is None else ContentFacts(urls=found.urls, minhash=found.minhash)


def with_content(facts: DataFacts, account: str, found: ContentFacts | None, campaigns: Campaigns | None) -> DataFacts:
    """The facts about one recipient's mail, with what is in it."""
    return replace(facts, content=found and found.seen_by(account), campaigns=campaigns)


def is_worth_a_look(one: Admitted, spool: Spool, only_files: frozenset[ReasonCode]) -> bool:
    """True where what is in the mail can change what becomes of it for this recipient."""
    code = (one.verdict.observed or one.verdict).code
    if code in NOTHING_COUNTS:
        return False
    return code not in only_files or not spool.is_small or may_carry_files(b"".join(spool.chunks()))


def letter(spool: Spool) -> Letter:
    """A small mail goes by its bytes, a large one by its file, which stays while we wait."""
    if spool.is_small:
        return Letter(b"".join(spool.chunks()))
    assert spool.file is not None
    return Letter(path=f"/proc/{os.getpid()}/fd/{spool.file.fileno()}")
