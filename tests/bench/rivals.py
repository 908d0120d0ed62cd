"""What other filters take for a mail."""

import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.bench.load import Broken

DRIVER = Path(__file__).with_name("spamassassin.pl")


def spamassassin(listed: list[tuple[bool, Path]], learn: int) -> list[tuple[float, float]] | None:
    """Seconds of wall and processor time for each mail behind the first `learn`; None where it is not installed."""
    perl = shutil.which("perl")
    if perl is None or subprocess.run([perl, "-MMail::SpamAssassin", "-e", "1"], capture_output=True).returncode:
        return None
    lines = "".join(f"{'spam' if is_spam else 'ham'} {path.resolve()}\n" for is_spam, path in listed)
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as folder:
        command = [perl, str(DRIVER), folder, str(learn)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True)
    if done.returncode:
        raise Broken(f"SpamAssassin: {done.stderr.strip()}")
    found = [tuple(map(float, line.split()[:2])) for line in done.stdout.splitlines()]
    return [(wall, cpu) for wall, cpu in found]


def of_children() -> float:
    """Processor seconds of the children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
