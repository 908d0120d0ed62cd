"""`make bench`: messages a second through the real program, by Postfix' own load tools, on this machine.

Prints the median of several runs for mail that passes to a sink and for strangers that are asked to wait. Peers are
not measured here yet; the figures only say how this version does on this machine.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.gate import Gate, free_port, running

RUNS = 5
MESSAGES = 2000
SESSIONS = 20
SIZE = 4096

console = Console()


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/postfix/sbin")
    if found is None:
        sys.exit(f"{name} is not installed: apt-get install postfix")
    return found


@contextmanager
def smtp_sink() -> Iterator[int]:
    port = free_port()
    sink = subprocess.Popen([tool("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "256"])
    time.sleep(0.5)
    try:
        yield port
    finally:
        sink.terminate()
        sink.wait()


def send(port: int, sender: str) -> float:
    """Messages a second: one connection each, SESSIONS at a time."""
    command = [tool("smtp-source"), "-A", "-d", "-s", str(SESSIONS), "-m", str(MESSAGES), "-l", str(SIZE)]
    began = time.perf_counter()
    subprocess.run(
        [*command, "-f", sender, "-t", "bo@example.com", f"127.0.0.1:{port}"],
        check=False, capture_output=True, timeout=600,
    )  # fmt: skip
    return MESSAGES / (time.perf_counter() - began)


def measure(title: str, level: str, sink: int) -> tuple[str, list[float]]:
    settings = {
        "smtp": {"workers": 2},
        "protection": {"overrides": {"example.com": level}},
        "limits": {"connections_per_address": 2000, "connections_per_network": 2000},
        "greylist": {"wait": "1h"},
    }
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(Path(folder), f"smtp://127.0.0.1:{sink}", settings)
        with running(gate):
            rates = [
                send(gate.port, f"ann{run}@elsewhere.example") for run in track(range(RUNS), title, transient=True)
            ]
    return title, rates


def main() -> None:
    with smtp_sink() as sink:
        rows = [
            measure("passed to the backend (level off)", "off", sink),
            measure("strangers asked to wait, copy kept", "greylist", sink),
        ]
    console.print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    )
    console.print(
        f"{MESSAGES} messages of {SIZE} bytes, one connection each, {SESSIONS} at a time, {RUNS} runs, SQLite"
    )
    console.print("raised for the bench: connections_per_address and connections_per_network 2000")
    table = Table("what", "messages/s (median)", "lowest", "highest", box=None)
    for title, rates in rows:
        table.add_row(title, f"{statistics.median(rates):.0f}", f"{min(rates):.0f}", f"{max(rates):.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
