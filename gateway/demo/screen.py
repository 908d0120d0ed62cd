"""The narrator: tells at a terminal of any width, with or without colours, at a pace one can read."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from gateway.demo.books import Books
from gateway.demo.records import Decision
from gateway.demo.sender import DOT, Answer, Attempt

PLAIN_WIDTH = 80  # columns where there is no terminal
WIDEST = 100  # longer lines are hard to read
COLOURS = {2: "green", 3: "green", 4: "yellow", 5: "red"}
COMMAND = 44  # columns for a command, where its reply stands beside it
LATE = 0.3  # seconds from which a greeting was late, on purpose or not
BAR = 24  # columns of the longest bar
PLAIN = str.maketrans({"“": '"', "”": '"', "…": ".", "·": "-", "→": ">", "—": "-"})  # letter for letter


class Screen:
    """`pace` is in seconds of reading for each word; with `asks` Enter turns the page instead."""

    def __init__(self, console: Console, pace: float, *, asks: bool = False) -> None:
        self.console = console
        self.pace = 0.0 if asks else pace
        self.asks = asks
        self.width = min(console.width if console.is_terminal else PLAIN_WIDTH, WIDEST)
        self.is_plain = not console.encoding.lower().startswith("utf")
        self.sends, self.hears, self.full, self.light = (
            ("->", "<-", "#", ".") if self.is_plain else ("→", "←", "█", "░")
        )

    def show(self, text: Text, indent: int = 2, hang: int = 0) -> None:
        """Text in lines of our width, the first `indent` columns in, the others `hang` more."""
        if self.is_plain:
            text.plain = text.plain.translate(PLAIN)
        first = True
        for line in text.wrap(self.console, self.width - indent - hang):
            line.rstrip()
            self.console.print(Text(" " * (indent if first else indent + hang)).append(line), soft_wrap=True)
            first = False

    def read(self, words: int) -> None:
        time.sleep(self.pace * words)

    def title(self, text: str) -> None:
        self.console.print()
        rule = Rule(Text(text, style="bold"), align="left", style="cyan")
        self.console.print(rule, width=self.width)
        self.console.print()

    def scene(self, clock: str, name: str) -> None:
        if self.asks:
            self.turn_page()
        self.title(f"{clock}  {name}")

    def turn_page(self) -> None:
        try:
            self.console.input(Text("\n  Enter goes on. ", style="dim"))
        except EOFError:
            self.asks = False

    def says(self, words: str, style: str = "") -> None:
        """A paragraph, and time to read it."""
        self.show(Text(words, style=style))
        self.console.print()
        self.read(len(words.split()))

    def dialogue(self, clock: str, attempt: Attempt, *, all_of_it: bool = False) -> None:
        """What was said, each reply in the colour of its kind."""
        party = attempt.party
        late = f"  greeted after {attempt.greeted_after:.1f} s" if attempt.greeted_after > LATE else ""
        self.show(Text.assemble((f"{clock}  {party.helo} [{party.address}]", "bold"), (late, "dim")))
        if attempt.at_once:
            self.show(Text("(it said all of this at once, and listened afterwards)", style="dim"), 6)
        for said, answer in attempt.replies:
            greeting = not said or said.startswith("EHLO")
            if all_of_it or not answer.is_positive or not greeting:
                self.exchange(said, answer, attempt)
        if attempt.hung_up:
            self.show(Text("(the gate closed the connection)", style="red"), 6)

    def exchange(self, said: str, answer: Answer, attempt: Attempt) -> None:
        """A command and its reply, on one line where they fit."""
        if said == DOT:
            said = f"the mail itself, {len(attempt.letter.data)} bytes: {attempt.letter.title}"
        command = Text(f"{self.sends} {said}" if said else "")
        reply = Text(f"{self.hears} {answer.line}", style=COLOURS.get(answer.code // 100, "red"))
        if said and max(len(command), COMMAND) + len(reply) + 7 <= self.width and len(command) <= COMMAND + 8:
            command.pad_right(max(0, COMMAND - len(command)) + 1)
            self.show(command.append(reply), 6)
        else:
            for text in (command, reply):
                if text:
                    self.show(text, 6, 2)
        self.read(2)

    def why(self, decisions: Sequence[Decision]) -> None:
        """The decisions on record, in the words that `greygate queue why` has for them."""
        for one in decisions:
            to = f" for {one.recipient.partition('@')[0]}" if len({each.recipient for each in decisions}) > 1 else ""
            text = Text.assemble(("why: ", "cyan"), (one.action + to, "bold"), f", because {one.because} ")
            self.show(text.append(f"({one.code})", "dim"), 6, 5)
            self.read(len(text.plain.split()) // 2)
        self.console.print()

    def command(self, words: Sequence[str], output: str) -> None:
        """A command as the admin types it, and what it printed."""
        typed = " ".join(f'"{word}"' if " " in word else word for word in words)
        self.show(Text(f"$ greygate {typed}", style="bold magenta"), 4, 2)
        for line in Text.from_ansi(output).split():
            self.show(line, 4, 4)
        self.console.print()
        self.read(len(output.split()) // 3)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A line that is there while something takes its time; it stays where it cannot move."""
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            self.says(f"({what})", "dim")
            yield
            return
        with self.console.status(Text(what, style="dim"), spinner="line" if self.full == "#" else "dots"):
            yield

    def unexpected(self, what: str) -> None:
        self.console.print()
        self.show(Text(f"UNEXPECTED: {what}", style="bold red"))
        self.console.print()

    def bars(self, rows: Sequence[tuple[str, str, float | None, str]]) -> None:
        """Rows of a mail, its recipient, a number (None: never), and words for it."""
        longest = max((number or 0.0 for *_, number, _ in rows), default=0.0) or 1.0
        names = self.width - BAR - 28
        for name, to, number, words in rows:
            cut = name if len(name) <= names else name[: names - 1] + "…"
            bar = Text(self.light * BAR, style="dim") if number is None else self.bar(number / longest)
            bar.pad_right(BAR - len(bar))
            self.show(Text(f"{cut:{names}} {to:6}").append(bar).append(f" {words}"))
        self.console.print()

    def bar(self, share: float) -> Text:
        return Text(self.full * max(1, round(share * BAR)), style="yellow" if share > 0.1 else "green")

    def books(self, books: Books) -> None:
        """The accounting, line by line, and once more in one line."""
        rows = (
            (books.sent, "sent", "a mail to two people counts as two"),
            (books.accepted, "accepted", "the gate said 250"),
            (books.delivered, "delivered", "every byte as it was sent, below our trace fields"),
            (books.deferred, "deferred for ever", "told to come back, and never did"),
            (books.refused, "refused", "told 5xx: do not come back"),
            (books.lost, "lost", "accepted, and not delivered"),
            (books.doubled, "doubled", "delivered more than once"),
        )
        for number, name, meaning in rows:
            bad = name in ("lost", "doubled") and number != 0
            style = "bold red" if bad else "bold"
            self.show(Text.assemble((f"{number:3} {name:18}", style), (f" {meaning}", "dim")))
        self.console.print()
        self.console.print(Text(books.line, style="bold red" if books.problems else "bold green"), soft_wrap=True)

    def next_step(self) -> None:
        self.console.print()
        self.show(
            Text("Now with mail of your own: greygate init DIR, then greygate up --config DIR/greygate.toml"), 2, 2
        )
