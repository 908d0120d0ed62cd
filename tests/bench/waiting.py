"""What a waiting connection costs: `python -m tests.bench.waiting`. Connections wait for their greeting on one worker.

Prints the worker's resident memory before and with them, and so the KiB of each; optionally while some normal peers
send, how long these took.
"""

import argparse
import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.gate import Gate, running
from tests.sink import Sink
from tests.smtpd.house import PROXY
from tests.smtpd.visitors import visit
from tests.talk import deliver, message

PAUSE = 10  # seconds: opening takes longer than that for many, so they are counted while the youngest wait


def raise_limits() -> None:
    """As many open files as may be, here and in the gate that we start."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def settings(connections: int, pause: int) -> dict[str, dict[str, object]]:
    return {
        "smtp": {"proxy_from": [PROXY], "workers": 1},
        "limits": {"connections": connections * 2, "stress_on": 100, "stress_off": 99},
        "tarpit": {"greet_pause": f"{pause}s", "share": 90},
        "protection": {"level": "off"},
    }


def files(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def wait_at_the_door(stack: ExitStack, port: int, count: int) -> None:
    """Two from each address, of many networks: no count but the total stands against them."""
    for number in range(count):
        host = number // 2
        address = f"{1 + host // 4000}.{host // 16 % 250}.{10 + host // 4000}.{1 + host % 16}"
        stack.callback(visit(port, address).close)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--senders", type=int, default=20)
    parser.add_argument("--pause", type=int, default=PAUSE)
    options = parser.parse_args()
    raise_limits()
    sink = Sink()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        gate = Gate(Path(folder), sink.url, settings(options.connections, options.pause))
        stack.enter_context(running(gate))
        for number in range(20):
            deliver(gate.port, "ann@elsewhere.example", ["bo@example.com"], message(f"warm up {number}"))
        before = gate.rss_kib()
        began = time.monotonic()
        wait_at_the_door(stack, gate.port, options.connections)
        opened = time.monotonic() - began
        (pid,) = gate.children("smtpd")
        while files(pid) < options.connections and time.monotonic() - began < options.pause - 1:
            time.sleep(0.1)
        after = gate.rss_kib()
        print(f"{options.connections} connections opened in {opened:.1f} s; the worker holds {files(pid)} files")
        print(
            f"worker: {before} KiB before, {after} KiB with them: {(after - before) / options.connections:.1f} KiB each"
        )
        print(*[line for line in gate.log.splitlines() if "refused" in line], sep="\n", end="")
        times = []
        for number in range(options.senders):
            began = time.monotonic()
            assert (
                deliver(gate.port, "ann@elsewhere.example", ["bo@example.com"], message(f"mail {number}")).code == 250
            )
            times.append(time.monotonic() - began)
        print(
            f"mails beside them: {sorted(times)[len(times) // 2] * 1000:.0f} ms median, {max(times) * 1000:.0f} ms most"
        )
    sink.close()


if __name__ == "__main__":
    main()
