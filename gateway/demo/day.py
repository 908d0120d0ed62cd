"""The stage: who is on it, and what scenes do there. Nothing is told that did not happen."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway import clock
from gateway.demo import sender
from gateway.demo.backend import Backend, Receipt
from gateway.demo.books import Books, Ledger, arrivals, balance
from gateway.demo.company import Letter, Party, letter
from gateway.demo.gate import Gate
from gateway.demo.records import Decision, Records
from gateway.demo.screen import Screen
from gateway.demo.sender import Attempt

ARRIVES_WITHIN = 60.0  # seconds; the courier looks for work once a second


class Unexpected(Exception):
    """Something happened that the scene does not tell."""


@dataclass
class Day:
    """`minute` is how many real seconds stand for a minute of the story."""

    screen: Screen
    gate: Gate
    backend: Backend
    records: Records
    minute: float
    ledger: Ledger = field(default_factory=Ledger)
    hour: float = 0.0  # minutes of the story when its clock was set
    began: float | None = None  # monotonic; None: the clock stands until the first mail

    # ---- time ------------------------------------------------------------------------------------------------------

    def scene(self, at: str, name: str) -> None:
        """Begin a scene; the clock of the story jumps to its time, and runs on from there."""
        self.screen.scene(at, name)
        self.jump(at)

    def jump(self, at: str) -> None:
        """Set the clock of the story."""
        hours, _, minutes = at.partition(":")
        self.hour, self.began = int(hours) * 60 + int(minutes), None

    def at(self, moment: float) -> str:
        """The story's time at a monotonic moment of this scene."""
        if self.began is None:
            self.began = moment
        minutes = int(self.hour + (moment - self.began) / self.minute)
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def until(self, minutes: float, since: float, what: str) -> None:
        """Let so many minutes of the story pass since a monotonic moment."""
        left = since + minutes * self.minute - time.monotonic()
        if left > 0:
            with self.screen.waiting(what):
                time.sleep(left)

    # ---- mail ------------------------------------------------------------------------------------------------------

    def writes(self, address: str, name: str, to: tuple[str, ...], subject: str, text: str) -> Letter:
        return letter(address, name, to, subject, text, clock.now())

    def sends(
        self, party: Party, mail: Letter, to: tuple[str, ...] = (), *, all_of_it: bool = False
    ) -> tuple[Attempt, list[Decision]]:
        """One attempt of a mail server, told with the gate's reasons."""
        return self.tries(lambda: sender.send(self.gate.port, party, mail, to or mail.recipients), party, all_of_it)

    def babbles(self, party: Party, mail: Letter) -> tuple[Attempt, list[Decision]]:
        """One attempt of somebody who does not listen."""
        return self.tries(lambda: sender.babble(self.gate.port, party, mail), party, True)

    def tries(self, connect: Callable[[], Attempt], party: Party, all_of_it: bool) -> tuple[Attempt, list[Decision]]:
        before = self.records.newest()
        try:
            attempt = connect()
        except OSError as error:
            raise Unexpected(f"the gate does not answer: {error}") from error
        self.ledger.note(attempt)
        self.screen.dialogue(self.at(attempt.began), attempt, all_of_it=all_of_it)
        decisions = self.records.wait_for(attempt.decided, before, party.address)
        self.screen.why(decisions)
        return attempt, decisions

    def arrived(self, mail: Letter, recipient: str) -> list[Receipt]:
        return arrivals(self.ledger.parcel(mail, recipient), self.backend.receipts)

    def wait_for_arrival(self, mail: Letter, recipient: str) -> Receipt:
        """The first arrival of a mail. Raises Unexpected when there is none."""
        if found := self.arrived(mail, recipient):
            return found[0]
        deadline = time.monotonic() + ARRIVES_WITHIN
        with self.screen.waiting("the courier takes it to the mail server …"):
            while not (found := self.arrived(mail, recipient)):
                if trouble := self.records.undeliverable(mail, recipient):
                    raise Unexpected(f"{mail.title} could not be delivered to {recipient}: {trouble}")
                if time.monotonic() > deadline:
                    raise Unexpected(f"{mail.title} did not reach {recipient} in {ARRIVES_WITHIN:.0f} seconds")
                time.sleep(0.1)
        return found[0]

    # ---- people ----------------------------------------------------------------------------------------------------

    def admin(self, *words: str) -> str:
        """A command that the admin types. Raises Unexpected when it fails."""
        status, output = self.gate.command(words, self.screen.width - 4)
        self.screen.command(words, output)
        if status != 0:
            raise Unexpected(f"greygate {' '.join(words)} ended with {status}")
        return output

    # ---- the end ---------------------------------------------------------------------------------------------------

    def books(self) -> Books:
        waiting = sum(1 for row in self.records.queue() if row["state"] in ("held", "releasing"))
        return balance(self.ledger, self.backend.receipts, self.records.last_actions(), waiting)

    def delays(self) -> list[tuple[str, str, float | None, str]]:
        """For each mail to one person, how long it was under way in minutes of the story."""
        rows: list[tuple[str, str, float | None, str]] = []
        for parcel in self.ledger.parcels.values():
            name, to = parcel.letter.subject, parcel.recipient.partition("@")[0]
            found = self.arrived(parcel.letter, parcel.recipient)
            if not found:
                rows.append((name, to[:5], None, "refused" if parcel.kind == 5 else "never came back"))
                continue
            minutes = (found[0].at - parcel.began) / self.minute
            rows.append((name, to[:5], minutes, f"{minutes:.0f} min" if minutes >= 1 else "at once"))
        return rows


def expect(happened: object, otherwise: str) -> None:
    """Raises Unexpected unless it happened."""
    if not happened:
        raise Unexpected(otherwise)
