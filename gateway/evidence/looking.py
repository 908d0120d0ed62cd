"""One look at a mail: everything that its content shows. It runs in a process that may be ended at any moment."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from itertools import islice, pairwise

from classifier.features import Features
from classifier.mail import Mail, Part, parse
from classifier.model import Model
from classifier.score import Score
from gateway.evidence import alike, enclosed, files
from gateway.evidence.files import MOST_FILES
from gateway.evidence.letters import odd_letters
from gateway.model import ContentFacts, Finding, MailedFile

MOST_MAILS = 3  # a mail in a mail in a mail
MOST_RECEIVED = 20
MOST_HIDDEN = 500  # characters: newsletters hide the sentence that a list of mails shows
WRONG_CLOCK = timedelta(days=1)
MOST_DATE = 100  # characters

ONCE = frozenset({"from", "sender", "reply-to", "to", "cc", "message-id", "subject", "date"})  # RFC 5322 3.6
MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")
UUENCODED = re.compile(r"^begin [0-7]{3,4} (\S[^\n]{0,250})$", re.MULTILINE)
FLAWS = {
    "header": Finding.BROKEN_HEADER,
    "boundary": Finding.BROKEN_PARTS,
    "parts": Finding.BROKEN_PARTS,
    "depth": Finding.BROKEN_PARTS,
    "encoding": Finding.BROKEN_ENCODING,
}


def look(data: bytes, model: Model | None = None, accounts: Sequence[str] = (), *, in_files: int = 0) -> ContentFacts:
    """All that is found in a mail; its score where there is a model. Never raises for what others wrote.

    In so many bytes of its files links are looked for.
    """
    found: list[MailedFile] = []
    within = Enclosed(in_files)
    mail = read(data, found, 1, within)
    dated = moment(mail.first("date"))
    features, score, own = ("", None, ()) if model is None else judged(mail, model, accounts)
    return ContentFacts(
        findings=tuple(sorted({*of_fields(mail, dated), *of_body(mail)})),
        dated=dated,
        files=tuple(dict.fromkeys(found))[:MOST_FILES],
        urls=alike.links_in(mail, within.links),
        minhash=alike.bands_of(mail),
        features=features,
        score=None if score is None else score.z,
        labels=0 if score is None else score.labels.fewer,
        own=own,
        unparseable="unparseable" in mail.flaws,
    )


def glance(data: bytes, *, in_files: int = 0) -> ContentFacts:
    """Only what a mail may share with others."""
    within = Enclosed(in_files)
    mail = parse(data, within.open)
    return ContentFacts(urls=alike.links_in(mail, within.links), minhash=alike.bands_of(mail))


def judged(mail: Mail, model: Model, accounts: Sequence[str]) -> tuple[str, Score, tuple[tuple[str, float], ...]]:
    """A digest of what the classifier sees in a mail, what it says, and what single accounts add."""
    features = Features.of(mail)
    digest = blake2b(digest_size=8)
    for view in (features.raw, features.decoded, features.words):
        digest.update(view.tobytes())
    score = model.score(features)
    return digest.hexdigest(), score, tuple(model.own(features, accounts).items())


# ---- files ---------------------------------------------------------------------------------------------------------


class Enclosed:
    """Links in the files of one mail, as far as its budget in bytes goes: what does not fit any more is passed over."""

    def __init__(self, budget: int) -> None:
        self.left = budget
        self.links: list[str] = []

    def open(self, part: Part, octets: bytes) -> None:
        if part.is_shown or len(octets) > self.left:
            return
        self.left -= len(octets)
        self.links.extend(enclosed.links_in(octets))


def read(data: bytes, found: list[MailedFile], level: int, within: Enclosed) -> Mail:
    """The mail; the files in it are added to `found`, and links in them to `within`."""

    def opened(part: Part, octets: bytes) -> None:
        within.open(part, octets)
        if len(found) >= MOST_FILES:
            return
        if part.kind == "message/rfc822" or part.name.lower().endswith(".eml"):
            if level < MOST_MAILS:
                read(octets, found, level + 1, within)
        elif not part.is_shown or part.name:
            found.extend(islice(files.told(part.name, octets), MOST_FILES))
        else:
            found.extend(uuencoded(part.text))

    return parse(data, opened)


def uuencoded(text: str) -> Iterator[MailedFile]:
    """Files that stand in the text itself, as before MIME: by their names."""
    if "begin " not in text:
        return
    for name in islice(UUENCODED.finditer(text), MOST_FILES):
        yield from files.told(name[1].strip(), b"")


# ---- fields --------------------------------------------------------------------------------------------------------


def of_fields(mail: Mail, dated: datetime | None) -> Iterator[Finding]:
    named = [name for name, _ in mail.fields]
    if dated is None:
        yield Finding.BAD_DATE if "date" in named else Finding.NO_DATE
    if "message-id" not in named:
        yield Finding.NO_MESSAGE_ID
    elif not MESSAGE_ID.search(mail.first("message-id")):
        yield Finding.BAD_MESSAGE_ID
    if "@" not in mail.first("from"):
        yield Finding.NO_AUTHOR
    if any(named.count(one) > 1 for one in ONCE):
        yield Finding.DOUBLED_FIELD
    if is_out_of_order(mail.all("received")[:MOST_RECEIVED]):
        yield Finding.BAD_RECEIVED


def is_out_of_order(received: tuple[str, ...]) -> bool:
    """The topmost is the newest, as far as clocks agree; each has its date behind the last semicolon."""
    moments = [moment(value.rpartition(";")[2]) for value in received]
    if None in moments:
        return True
    return any(
        below - above > WRONG_CLOCK for above, below in pairwise(moments) if above is not None and below is not None
    )


def moment(text: str) -> datetime | None:
    """What a date says (RFC 5322 3.3), in UTC; None for what is no date."""
    with suppress(ValueError, TypeError, OverflowError, IndexError):
        found = parsedate_to_datetime(text.strip()[:MOST_DATE])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None


# ---- body ----------------------------------------------------------------------------------------------------------


def of_body(mail: Mail) -> Iterator[Finding]:
    yield from (FLAWS[flaw] for flaw in mail.flaws if flaw in FLAWS)
    if not mail.parts and mail.first("content-type").lower().startswith("multipart/"):
        yield Finding.BROKEN_PARTS
    shown = (mail.first("subject"), mail.first("from"))
    yield from odd_letters(shown, mail.text)
    if len(mail.hidden) > MOST_HIDDEN:
        yield Finding.HIDDEN_TEXT
