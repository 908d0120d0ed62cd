"""bogofilter on the same mails: the filter that many run, where it is installed."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "bogofilter"
SECONDS = 60.0  # that it may take for a mail


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


class Bogofilter:
    """A word list of its own. `took`: seconds for each mail that it judged, with the start of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.took: list[float] = []

    def score(self, data: bytes) -> float:
        """Its spamicity (0 to 1); 0.5 where it says nothing."""
        began = time.perf_counter()
        said = self.run("-TT", data=data)
        self.took.append(time.perf_counter() - began)
        try:
            return float(said.split()[-1])
        except (IndexError, ValueError):
            return 0.5

    def learn(self, data: bytes, *, is_spam: bool) -> None:
        self.run("-s" if is_spam else "-n", data=data)

    def run(self, option: str, *, data: bytes) -> str:
        """Its exit codes tell its opinion, so they are no errors."""
        command = [PROGRAM, "-C", "-d", str(self.folder), option]
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
        return done.stdout.decode("ascii", "replace")


@contextmanager
def bogofilter() -> Iterator[Bogofilter]:
    """One that knows nothing yet; its files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="greygate-") as folder:
        yield Bogofilter(Path(folder))
