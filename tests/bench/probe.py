"""How long a worker keeps a peer waiting that asks nothing of it: `python -m tests.bench.probe PORT EVERY`.

Prints the seconds of each NOOP as JSON once its input ends.
"""

import json
import select
import sys
import time

from tests.talk import Talk

PER_CONNECTION = 50  # fewer than the empty commands that end a session
SOURCE = "127.0.9.9"


def probe(port: int, every: float) -> list[float]:
    waits: list[float] = []
    while not told_to_stop(0):
        with Talk(port, SOURCE) as talk:
            talk.say("EHLO innocent.example")
            for _ in range(PER_CONNECTION):
                began = time.perf_counter()
                talk.say("NOOP")
                waits.append(time.perf_counter() - began)
                if told_to_stop(max(0.0, every - waits[-1])):
                    return waits
            talk.say("QUIT")
    return waits


def told_to_stop(within: float) -> bool:
    return bool(select.select([sys.stdin], [], [], within)[0])


if __name__ == "__main__":
    print(json.dumps(probe(int(sys.argv[1]), float(sys.argv[2]))))
