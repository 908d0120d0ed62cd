"""The accounting: what senders were told, what arrived behind the gate, and what the database says, side by side."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.demo.backend import Receipt
from gateway.demo.company import Letter
from gateway.demo.sender import Answer, Attempt

OURS = frozenset(
    {"greygate-verdict", "authentication-results", "received", "x-spam-flag"}
)  # the fields that the gate puts on top
MEANS = {2: {"accept", "hold", "discard"}, 4: {"defer"}, 5: {"reject"}}  # actions, by the first digit of a reply


@dataclass(slots=True)
class Parcel:
    """One mail for one recipient, as its sender knows it. Times are monotonic seconds."""

    letter: Letter
    recipient: str
    began: float
    tries: int = 0
    last: Answer | None = None

    @property
    def kind(self) -> int:
        """The first digit of the last answer; 0 for none."""
        return self.last.code // 100 if self.last else 0


@dataclass
class Ledger:
    """All that was sent."""

    parcels: dict[tuple[bytes, str], Parcel] = field(default_factory=dict)

    def note(self, attempt: Attempt) -> None:
        said = attempt.replies[-1][1] if attempt.replies else None
        for recipient in attempt.recipients:
            key = (attempt.letter.data, recipient)
            parcel = self.parcels.setdefault(key, Parcel(attempt.letter, recipient, attempt.began))
            parcel.tries += 1
            answer = attempt.answers.get(recipient, said)
            if answer is not None and (recipient in attempt.answers or answer.code >= 400):
                parcel.last = answer

    def parcel(self, letter: Letter, recipient: str) -> Parcel:
        return self.parcels[(letter.data, recipient)]


def is_untouched(receipt: Receipt, letter: Letter) -> bool:
    """True when the bytes below our own trace fields are the sender's."""
    if not receipt.data.endswith(letter.data):
        return False
    above = receipt.data.removesuffix(letter.data).decode("ascii", "replace")
    names = re.findall(r"^([^\s:]+):", above, flags=re.MULTILINE)
    return bool(names) and {name.lower() for name in names} <= OURS


def arrivals(parcel: Parcel, receipts: Sequence[Receipt]) -> list[Receipt]:
    return [one for one in receipts if one.recipient == parcel.recipient and is_untouched(one, parcel.letter)]


@dataclass(frozen=True, slots=True)
class Books:
    """The day in numbers; a mail to two people counts as two."""

    sent: int
    accepted: int
    delivered: int
    deferred: int
    refused: int
    lost: int
    doubled: int
    problems: tuple[str, ...]  # what must not be, in words

    @property
    def line(self) -> str:
        return (
            f"sent {self.sent}, accepted {self.accepted}, delivered {self.delivered}, "
            f"deferred {self.deferred}, refused {self.refused}, lost {self.lost}, doubled {self.doubled}"
        )


def balance(
    ledger: Ledger, receipts: Sequence[Receipt], decided: Mapping[tuple[str, str], Sequence[str]], waiting: int
) -> Books:
    """Count. `decided` are the actions on record by sender and recipient, `waiting` the mails of ours that wait."""
    parcels = list(ledger.parcels.values())
    arrived = {id(parcel): arrivals(parcel, receipts) for parcel in parcels}
    counts = {id(parcel): len(arrived[id(parcel)]) for parcel in parcels}
    kinds = [parcel.kind for parcel in parcels]
    lost = sum(1 for parcel in parcels if parcel.kind == 2 and not counts[id(parcel)]) - waiting
    doubled = sum(count - 1 for count in counts.values() if count > 1)
    problems = [f"{lost} mails were accepted and did not arrive"] * (lost != 0)
    problems += [f"{doubled} mails arrived more than once"] * (doubled != 0)
    strays = len(receipts) - sum(counts.values())
    problems += [f"{strays} mails arrived that nobody sent in these bytes"] * (strays != 0)
    problems += [trouble for parcel in parcels if (trouble := contradiction(parcel, counts[id(parcel)], decided))]
    delivered = sum(1 for count in counts.values() if count)
    return Books(
        len(parcels), kinds.count(2), delivered, kinds.count(4), kinds.count(5), lost, doubled, tuple(problems)
    )


def contradiction(parcel: Parcel, arrived: int, decided: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """What does not fit between the sender's, the backend's and the database's view of one mail; "" when all fits."""
    which = f"{parcel.letter.title} to {parcel.recipient}"
    if parcel.kind == 0:
        return f"{which} got no answer"
    if arrived and parcel.kind != 2:
        return f"{which} arrived, and its sender was told {parcel.kind}xx"
    actions = decided.get((parcel.letter.sender, parcel.recipient), ())
    if not set(actions) & MEANS[parcel.kind]:
        return f"{which} was answered {parcel.kind}xx, and no such decision is on record"
    return ""
