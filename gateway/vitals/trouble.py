"""Something that is amiss, in sentences that know no reader: `tell` of `gateway.i18n` says them to somebody."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.marked import Said
from gateway.settings import Settings
from gateway.vitals.overview import Overview


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is amiss, and what to do. `is_grave`: mail waits, or will.

    `kind` and `about` stay the same while the words change; `is_ours`: it is this machine's alone. `words` and `do` are
    English: for the log, the database and programs.
    """

    said: Said | str
    advice: Said | str
    is_grave: bool = True
    about: str = ""
    kind: str = ""
    is_ours: bool = True

    @property
    def words(self) -> str:
        return str(self.said)

    @property
    def do(self) -> str:
        return str(self.advice)


Look = Callable[[Overview, Settings], Iterator[Trouble]]
