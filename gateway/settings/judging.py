"""The sections about content: who looks at it, what its files may be, and how all evidence is weighed."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from gateway.model import FileKind, Level, ReasonCode
from gateway.settings.addresses import endpoint
from gateway.settings.listening import Section
from gateway.settings.quantities import MIB, MILLISECOND, MINUTE, SECOND, quoted
from gateway.settings.shapes import Duration, Flag, Number, Shape, Size, distinct

MOST_WEIGHT = 100.0


def weight(value: object) -> float:
    """A weight; raises ValueError for what is no number from -100 to 100."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST_WEIGHT <= value <= MOST_WEIGHT:
        raise ValueError(f"{quoted(str(value))} is no weight; write a number from -100 to 100")
    return float(value)


def weights(value: object) -> Mapping[ReasonCode, float]:
    """Weights of single reasons; raises ValueError for a code that does not exist."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{quoted(str(value))} is no table of reasons and weights")
    unknown = [code for code in value if code not in set(ReasonCode)]
    if unknown:
        raise ValueError(f"{quoted(str(unknown[0]))} is no reason; docs/reasons.md has all of them")
    return {ReasonCode(code): weight(one) for code, one in value.items()}


def thresholds(value: object) -> Mapping[Level, float]:
    """Thresholds of single levels; raises ValueError for a level that does not exist."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{quoted(str(value))} is no table of levels and thresholds")
    unknown = [level for level in value if level not in set(Level)]
    if unknown:
        raise ValueError(f"{quoted(str(unknown[0]))} is no level; docs/glossary.md has all of them")
    return {Level(level): threshold(one) for level, one in value.items()}


def threshold(value: object) -> float:
    """A threshold; raises ValueError for one that every mail would reach."""
    found = weight(value)
    if found <= 0:
        raise ValueError(f"{found} would hold every mail; write a number above 0")
    return found


def file_kind(value: object) -> FileKind:
    """A kind of file by its word; raises ValueError for any other."""
    if value not in set(FileKind):
        raise ValueError(f"{quoted(str(value))} is no kind of file; write one of {', '.join(FileKind)}")
    return FileKind(str(value))


def scanner(value: object) -> str:
    """Where clamd listens: the path of a socket, or host:port; raises ValueError for anything else."""
    if isinstance(value, str) and (value == "" or value.startswith("/")):
        return value
    return str(endpoint(value))


Weight = Annotated[float, PlainValidator(weight), Shape("a number from -100 to 100")]
Threshold = Annotated[float, PlainValidator(threshold), Shape("a number above 0")]
Weights = Annotated[Mapping[ReasonCode, float], BeforeValidator(weights), Shape("a table of reasons and numbers")]
Thresholds = Annotated[Mapping[Level, float], BeforeValidator(thresholds), Shape("a table of levels and numbers")]
KindOfFile = Annotated[FileKind, PlainValidator(file_kind), PlainSerializer(str), Shape("", f"{', '.join(FileKind)}")]
KindsOfFiles = Annotated[tuple[KindOfFile, ...], AfterValidator(distinct)]
Scanner = Annotated[
    str, PlainValidator(scanner), Shape('"/run/clamav/clamd.ctl", or "127.0.0.1:3310"; "" is no scanner')
]


class Content(Section):
    """Who looks at what mail says; docs/content.md tells what is looked at."""

    enabled: Flag = Field(default=True, description="Whether anybody does; without it only the envelope decides.")
    remembered: Flag = Field(
        default=True, description="Whether mail of senders that merely came back after waiting is looked at as well."
    )
    workers: Number = Field(
        default=1, ge=1, le=16, description="Processes that do, for each of [smtp] workers; each may be ended any time."
    )
    within: Duration = Field(
        default=2 * SECOND,
        ge=100 * MILLISECOND,
        le=MINUTE,
        description="How long one mail may take; then its worker is ended and the mail is decided without it.",
    )
    memory: Size = Field(default=512 * MIB, ge=256 * MIB, description="Memory that one worker may take.")
    queue: Number = Field(
        default=64, ge=1, le=10000, description="Mails that may wait for each worker; more are not looked at."
    )
    files: Size = Field(
        default=2 * MIB, ge=0, le=64 * MIB, description="How much of the files in a mail is searched for links."
    )
    pending: Number = Field(
        default=50,
        ge=0,
        le=10000,
        description="Mails a second, for each of [smtp] workers, that are looked at though they are sent away anyway.",
    )


class Attachments(Section):
    """Files that are held, whoever sends them."""

    hold: KindsOfFiles = Field(
        default=(
            FileKind.PROGRAM,
            FileKind.SCRIPT,
            FileKind.MACRO,
            FileKind.IMAGE,
            FileKind.DISGUISED,
            FileKind.OVERFULL,
        ),
        description="Which kinds, in a mail or in an archive in it.",
    )


class Clamav(Section):
    """A virus scanner that is asked, if you run one."""

    socket: Scanner = Field(default="", description="Where clamd listens.")
    within: Duration = Field(
        default=5 * SECOND, ge=100 * MILLISECOND, le=MINUTE, description="How long it may take; then it has no opinion."
    )


class ScoreSettings(Section):
    """How all evidence is weighed: from the sum that is set here, a mail is suspicious."""

    hold: Threshold = Field(default=5.0, description="From which sum on.")
    hold_at: Thresholds = Field(default={}, description='The same for single levels: { "review-after" = 4 }.')
    weights: Weights = Field(
        default={}, description='Weights of single reasons, instead of their own: { "structure.date" = 0 }.'
    )
    learned: Weight = Field(
        default=2.5, description="What a step of the classifier's voice weighs, which goes from -3.5 to 3.5."
    )
    prior: Weight = Field(default=0.5, description="The same until people have taught it.")
    labels: Number = Field(
        default=200, ge=1, description="How many verdicts of people on mail of each kind that takes."
    )
    known: Weight = Field(default=3.0, description="The credit of a sender that our people know.")
    remembered: Weight = Field(default=1.0, description="The credit of a sender that came back after waiting.")
