"""What a server costs: CPU and memory of its whole process tree, read from /proc."""

import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def fields(stat: str) -> list[str]:
    """The fields of /proc/PID/stat behind the command name, which may itself contain spaces and brackets."""
    return stat.rpartition(")")[2].split()


def stats() -> dict[int, list[str]]:
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = fields((folder / "stat").read_text())
            except OSError:  # it ended meanwhile
                continue
    return found


def descendants(roots: Collection[int], parents: dict[int, int]) -> set[int]:
    """The roots and all below them, by a map from pid to parent."""
    found = set(roots) & set(parents)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def tree(roots: Collection[int]) -> set[int]:
    return descendants(roots, {pid: int(stat[1]) for pid, stat in stats().items()})


def cpu_seconds(roots: Collection[int]) -> float:
    """User and system time of the trees, children that ended and were waited for included."""
    known = stats()
    mine = descendants(roots, {pid: int(stat[1]) for pid, stat in known.items()})
    return sum(sum(map(int, known[pid][11:15])) for pid in mine) / TICKS


def memory_kib(roots: Collection[int], what: str = "Pss") -> int:
    """Memory of the trees in KiB. Pss shares out pages that several processes map, so that sums are true."""
    total = 0
    for pid in tree(roots):
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
    return total


def until_quiet(roots: Sequence[int], within: float = 30.0) -> None:
    """Wait until the trees do next to nothing: what is written behind the replies is part of their work."""
    deadline = time.monotonic() + within
    before = cpu_seconds(roots)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = cpu_seconds(roots)
        if now - before < 0.04:
            return
        before = now
