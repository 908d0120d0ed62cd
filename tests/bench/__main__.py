"""`make bench`: figures of this version on this machine. `python -m tests.bench WHAT --help` has the options."""

import argparse
import importlib
import signal
import sys
from pathlib import Path

from tests.bench import machine
from tests.bench.load import Broken
from tests.bench.report import console

KINDS = {
    "speed": "strangers deferred and mail passed on per second, beside Postfix and postgrey",
    "memory": "10,000 idle connections on one worker, while others send mail",
    "growth": "decisions with up to 5,000,000 remembered triplets, and during a great sweep",
    "restarts": "50 restarts under load: lost, doubled, refused",
    "content": "a look at a mail, a lesson and the memory for it, beside SpamAssassin and bogofilter",
    "verdict": "how soon every worker scores similar mail anew after a person said what one is",
    "pages": "the pages before a million rows: lists, searches, decisions, first load",
    "links": "what programs that follow the links of a digest achieve, and how long bad links take",
    "statistics": "a month of decisions counted, what a step costs, and the page Statistics",
    "fuzz": "10,000 fuzzed sessions: how long the event loop keeps others waiting",
}


def stop(number: int, frame: object) -> None:
    """What was started is stopped on the way out, which a second signal must not cut short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    kinds = parser.add_subparsers(dest="what")
    told = sys.argv[1:] if sys.argv[1:2] and sys.argv[1] in (*KINDS, "-h", "--help") else ["speed", *sys.argv[1:]]
    for name, help_ in KINDS.items():
        kind = kinds.add_parser(name, help=help_)
        kind.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
        kind.add_argument("--quick", action="store_true", help="little of everything, to see that it runs")
        if told[0] == name:
            importlib.import_module(f"tests.bench.{name}").add_options(kind)
    options = parser.parse_args(told)
    kind = importlib.import_module(f"tests.bench.{options.what}")
    if options.quick:
        kind.quick(options)
    signal.signal(signal.SIGTERM, stop)
    options.facts = machine.facts()  # now: what we do ourselves is no load that was there before
    try:
        report = kind.measure(options)
    except Broken as error:
        console.print(f"[red]not measured:[/] {error}")
        return 2
    report.show()
    if options.json:
        report.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
