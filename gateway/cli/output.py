"""What the commands print: for people at a terminal, and for programs where there is none."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.settings import Settings
from gateway.store.changes import ModeSet

NARROW = 130  # columns; below, a row takes more than one line
UNBOUNDED = 100_000


def make_console() -> Console:
    """Where no terminal is, programs read: nothing is wrapped or cut for them."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=UNBOUNDED)


console = make_console()


def shown(text: object) -> str:
    """Other people's words for a terminal: no markup of ours in them, and nothing that moves its cursor."""
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in str(text)))


def mode_sentence(settings: Settings, person: ModeSet | None) -> str:
    """Which mode is in force, and who says so."""
    mode = person.mode if person else settings.protection.mode
    said = "It is in force: strangers wait." if mode.in_force else "It only observes: nobody waits, nothing is held."
    if person is None:
        return said
    by = f"{said[:-1]}, as {person.who} said at {person.at:%Y-%m-%d %H:%M} UTC"
    if mode.in_force is settings.protection.mode.in_force:
        return f"{by}."
    return f'{by}, which comes before [protection] mode = "{settings.protection.mode}".'


def bar(part: int, whole: int, width: int = 24) -> str:
    """A part of a whole as a bar."""
    eighths = round(part / whole * width * 8) if whole else 0
    full, rest = divmod(max(eighths, 1 if part else 0), 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def show_rows(headers: Sequence[str], rows: Sequence[Sequence[str]], short: int = 1) -> None:
    """Rows in columns, of which the first `short` are never wrapped; in a narrow terminal as lines of their own."""
    if console.width < NARROW:
        for row in rows:
            console.print(f"[bold]{row[0]}[/]  " + "  ".join(filter(None, row[1:short])), soft_wrap=True)
            console.print("    " + " · ".join(filter(None, row[short:])), soft_wrap=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(header, no_wrap=index < short, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
