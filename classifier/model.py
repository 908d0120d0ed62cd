"""What was learnt, for those who only judge: read in place from one file, and anew when another is put there."""

import os
from collections.abc import Iterable
from pathlib import Path

from classifier import stored
from classifier.explain import Explanation, explain
from classifier.features import Features
from classifier.mail import Mail
from classifier.prior import beginning
from classifier.score import Score
from classifier.state import State
from classifier.stored import BadModel

FILE = "model"

Stamp = tuple[int, int, int]


class Model:
    """The published model of a folder. Where none was published yet, the prior that comes with Greygate judges."""

    def __init__(self, path: Path, state: State, read: Stamp | None) -> None:
        self.path = path
        self.state = state
        self.stamp = read  # of the file that was read last
        self.problem = ""  # why the file that is there is not used

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Model":
        """Raises BadModel or OSError."""
        path = Path(folder) / FILE
        read = stamp(path)
        return cls(path, stored.read(path, check=True) if read else beginning(), read)

    @classmethod
    def at_hand(cls, folder: str | os.PathLike[str]) -> "Model":
        """What can be used now: where the published one cannot be read, the prior, until there is another."""
        try:
            return cls.open(folder)
        except (BadModel, OSError) as error:
            made = cls(Path(folder) / FILE, beginning(), stamp(Path(folder) / FILE))
            made.problem = str(error)
            return made

    def refresh(self) -> bool:
        """Whether there was a newer one, which judges from now on; costs one stat. A bad one changes nothing."""
        found = stamp(self.path)
        if found == self.stamp or found is None:
            return False
        self.stamp = found
        try:
            self.state = stored.read(self.path)
        except (BadModel, OSError) as error:
            self.problem = str(error)
            return False
        self.problem = ""
        return True

    def score(self, features: Features, account: str | None = None) -> Score:
        """By what is published now. `account`: by whose eyes."""
        self.refresh()
        return self.state.score(features, account or "")

    def own(self, features: Features, accounts: Iterable[str]) -> dict[str, float]:
        """What each account's voice adds to `z`, of the model that judged last; those that say nothing are left out."""
        said = {account: self.state.own(features, account) for account in accounts}
        return {account: voice for account, voice in said.items() if voice}

    def explain(self, mail: Mail, account: str | None = None) -> Explanation:
        """Why it scores a mail as it does; takes some milliseconds."""
        self.refresh()
        return explain(mail, self.state, account or "")

    @property
    def origin(self) -> str:
        """What it began with, in words for people."""
        return self.state.origin


def stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
