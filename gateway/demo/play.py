"""The whole evening: the scenes one after the other, and the accounting when the gate has stopped."""

from gateway.demo import scenes
from gateway.demo.day import Day, Unexpected
from gateway.demo.gate import GateFailed
from gateway.demo.records import NotOnRecord


def play(day: Day) -> bool:
    """Play the day; False when anything was not as told. Raises GateFailed when there is no gate to play before."""
    with day.screen.waiting("a gate is being built …"):
        allowed = set_up(day)
        day.gate.start()
    scenes.prologue(day, allowed)
    good = True
    for scene in scenes.SCENES:
        try:
            scene(day)
        except (Unexpected, NotOnRecord, GateFailed, TimeoutError) as error:
            day.screen.unexpected(str(error) or type(error).__name__)
            good = False
        if not day.gate.is_running:
            raise GateFailed("the gate is gone:\n" + "\n".join(day.gate.log.splitlines()[-15:]))
    return evening(day) and good


def set_up(day: Day) -> str:
    """The database, and one correspondent who is known beforehand; what the command said."""
    day.gate.must("db", "upgrade")
    return day.gate.must(*scenes.ALLOW)


def evening(day: Day) -> bool:
    """Stop the gate and count; True when everything is accounted for."""
    day.scene("18:00", "The books")
    status = day.gate.stop()
    problems = [f"the gate ended with {status}"] * (status != 0)
    problems += [f"the gate's log says: {line}" for line in day.gate.log.splitlines() if "level=error" in line]
    day.screen.says("How long each mail was under way, in minutes of the story:")
    day.screen.bars(day.delays())
    day.screen.says("From the senders' notes, the mail server behind the gate, and the gate's database:")
    books = day.books()
    day.screen.books(books)
    day.screen.next_step()
    for problem in (*problems, *books.problems):
        day.screen.unexpected(problem)
    return not (problems or books.problems)
