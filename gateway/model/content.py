"""What the content of a mail shows, as it was found by a worker that may be killed at any moment."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """Something odd about how a mail is built or written. Honest mail has one of them now and then."""

    NO_DATE = "no_date"
    BAD_DATE = "bad_date"  # there is one, and it is no date
    NO_MESSAGE_ID = "no_message_id"
    BAD_MESSAGE_ID = "bad_message_id"
    NO_AUTHOR = "no_author"
    DOUBLED_FIELD = "doubled_field"  # one that may be there once (RFC 5322 3.6)
    BAD_RECEIVED = "bad_received"  # a Received field without a date, or of a later time than the one above it
    BROKEN_HEADER = "broken_header"
    BROKEN_PARTS = "broken_parts"  # a multipart without its boundary, or more parts and levels than anybody needs
    BROKEN_ENCODING = "broken_encoding"  # a transfer encoding or a charset that does not exist
    INVISIBLE = "invisible"  # letters of no width within words
    TURNED = "turned"  # marks that turn the direction of what follows
    CONFUSABLE = "confusable"  # letters of several alphabets within one word
    HIDDEN_TEXT = "hidden_text"  # HTML says what its style keeps from the reader


class FileKind(StrEnum):
    """What a file is to whoever opens it, as far as that matters."""

    PROGRAM = "program"  # runs: by its name, or by how it begins
    SCRIPT = "script"
    MACRO = "macro"  # an office document with a program in it
    IMAGE = "image"  # of a disk: what is in it loses the mark that it came by mail
    DISGUISED = "disguised"  # its name says one thing and means another
    LOCKED = "locked"  # an archive that nobody can look into without its password
    OVERFULL = "overfull"  # an archive of more than is looked into


@dataclass(frozen=True, slots=True)
class MailedFile:
    """A file in a mail that is of one of the kinds. `within`: the archive that it is in, "" where it is in none."""

    name: str
    kinds: tuple[FileKind, ...]
    within: str = ""


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """What was found in one mail. What is None was not looked for, or could not be told.

    `dated`: its Date field. `urls` and `minhash` tell it from other mail: keys of its links, and of its text.
    `features`: digest of what the classifier sees. `score`: what it says, from -3.5 (surely wanted) to 3.5 (surely
    not), having learnt from `labels` verdicts of people of the rarer kind. `own`: what the verdicts about mail of
    single recipients add to it for them. `virus`: the name that a scanner gave.
    """

    findings: tuple[Finding, ...] = ()
    dated: datetime | None = None
    files: tuple[MailedFile, ...] = ()
    urls: tuple[str, ...] = ()
    minhash: tuple[int, ...] = ()
    features: str = ""
    score: float | None = None
    labels: int = 0
    own: tuple[tuple[str, float], ...] = ()
    unparseable: bool = False
    virus: str | None = None

    def seen_by(self, account: str) -> "ContentFacts":
        """The same for one recipient: what others think of it, and that it came to them, is not theirs to know."""
        if not self.own:
            return self
        return replace(self, own=tuple(one for one in self.own if one[0] == account))
