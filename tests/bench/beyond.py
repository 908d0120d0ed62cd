"""What the rule about campaigns catches that the classifier's score alone does not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from classifier.features import Features
from classifier.mail import Mail
from classifier.prior import beginning
from classifier.state import Entry, Memory, State
from gateway.model import Common
from gateway.policy.content import learned
from gateway.policy.greylist import Timing
from gateway.policy.inbound import Policy
from tests.bench.report import Table, console, rich_table

BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
STRETCHES = (200, 500, 1000, None)  # the first mails; None: all
WANTED = 0.1  # percent of wanted mail that suspect may hit at most


@dataclass(frozen=True)
class Opinion:
    """What is said of a mail before its label is told. `held`: by its score, with the settings as shipped."""

    is_spam: bool
    z: float
    held: bool
    suspects: tuple[Common, ...]
    confirmed: bool

    @property
    def label(self) -> str:
        return "spam" if self.is_spam else "ham"


@dataclass
class Pupil:
    """The classifier, which is told each label after it was asked."""

    prior: bool
    policy: Policy = field(default_factory=lambda: Policy(Timing(timedelta(minutes=5), timedelta(days=1))))
    memory: Memory = field(default_factory=Memory)
    number: int = 0

    def __post_init__(self) -> None:
        self.state: State = beginning(cold=not self.prior)
        self.asked: Features | None = None

    def thinks(self, mail: Mail) -> tuple[float, bool]:
        """Its score, and whether that alone holds a stranger's mail."""
        self.asked = Features.of(mail)
        score = self.state.score(self.asked)
        reason = learned(score.z, 0.0, score.labels.fewer, self.policy)
        return score.z, reason is not None and (reason.weight or 0.0) >= self.policy.scale.hold

    def learns(self, is_spam: bool) -> None:
        assert self.asked is not None
        at = BEGAN + self.number * timedelta(minutes=1)
        self.state.learn(Entry(str(self.number), is_spam, self.asked, at), self.memory)
        self.number += 1


def show(opinions: Sequence[Opinion], *, prior: bool) -> None:
    began = "the prior" if prior else "nothing"
    columns = ("mails", "of them", "score alone holds", "score > 0", "suspect", "… beyond held", "… beyond > 0")
    columns += ("confirmed", "… beyond held", "… beyond > 0")
    table = Table(f"caught; the classifier began with {began} and was told each label", columns)
    for end in STRETCHES:
        if end is None or end < len(opinions):
            table.rows.extend([row(end, label, opinions[:end]) for label in ("spam", "ham")])
    console.print(rich_table(table))
    ham = [one for one in opinions if not one.is_spam]
    share = 100 * sum(bool(one.suspects) for one in ham) / (len(ham) or 1)
    console.print(
        f"ham hit by suspect: {share:.3f} %, wanted at most {WANTED} %: {'met' if share <= WANTED else 'MISSED'}"
    )


def row(end: int | None, label: str, opinions: Sequence[Opinion]) -> tuple[str, ...]:
    mine = [one for one in opinions if one.label == label]
    counts = [len(mine), sum(one.held for one in mine), sum(one.z > 0 for one in mine)]
    for hit in ([one for one in mine if one.suspects], [one for one in mine if one.confirmed]):
        counts += [len(hit), sum(not one.held for one in hit), sum(one.z <= 0 for one in hit)]
    return (f"first {end}" if end else "all", f"{counts[0]} {label}", *map(str, counts[1:]))
