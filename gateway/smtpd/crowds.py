"""Known campaigns by heart: in a flood of one the database is not asked about every single mail."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import Common, Shared
from gateway.store.campaigns import NEEDED, Marks, Settled, Whose

Mark = str | int  # a link, or a band of a text

MOST = 5_000  # links and bands
KNOWN_FOR = timedelta(seconds=60)
BRIEFLY = timedelta(seconds=10)  # for one source: others may make it a campaign meanwhile


@dataclass(eq=False, slots=True)
class Crowd:
    """What many share. `room`: how many more of them are noted, so that they are found when a person decides."""

    shared: Shared
    room: int
    until: datetime

    def is_noted(self) -> bool:
        self.room -= 1
        return self.room >= 0


@dataclass(frozen=True, slots=True)
class Recognised:
    """`shared`: what is known of a mail; `rest`: its marks that have to be asked about; `worth`: those to note."""

    shared: tuple[Shared, ...]
    rest: Marks
    worth: Marks


class Crowds:
    """What is settled, in bounded memory. Nothing is learnt but from the database, and all is forgotten as soon as
    somebody decides about anything."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple[Mark, Whose | None], Crowd] = OrderedDict()  # for all sources, or for one

    def learn(self, settled: Iterable[Settled], now: datetime) -> None:
        for one in settled:
            crowd = Crowd(one.shared, one.room, now + (BRIEFLY if one.source else KNOWN_FOR))
            marks: Iterable[Mark] = one.bands if one.shared.kind is Common.TEXT else (one.shared.value,)
            for mark in marks:
                self.known[(mark, one.source)] = crowd
                self.known.move_to_end((mark, one.source))
        while len(self.known) > MOST:
            self.known.popitem(last=False)

    def forget(self) -> None:
        self.known.clear()

    def recognise(self, marks: Marks, source: Whose, now: datetime) -> Recognised:
        links = {link: crowd for link in marks.links if (crowd := self.crowd(link, source, now)) is not None}
        text = self.text(marks.bands, source, now)
        crowds = [*links.values(), *([text] if text else [])]
        worth = {id(crowd) for crowd in crowds if crowd.is_noted()}
        return Recognised(
            tuple(crowd.shared for crowd in crowds),
            Marks(tuple(link for link in marks.links if link not in links), () if text else marks.bands, marks.mailing),
            Marks(
                tuple(link for link, crowd in links.items() if id(crowd) in worth),
                marks.bands if text and id(text) in worth else (),
            ),
        )

    def crowd(self, mark: Mark, source: Whose, now: datetime) -> Crowd | None:
        for whom in (None, source):
            found = self.known.get((mark, whom))
            if found is not None and found.until > now:
                return found
        return None

    def text(self, bands: Iterable[int], source: Whose, now: datetime) -> Crowd | None:
        """That of which a text has as many bands as like texts share."""
        often: dict[int, tuple[Crowd, int]] = {}
        for band in bands:
            if (crowd := self.crowd(band, source, now)) is not None:
                often[id(crowd)] = (crowd, often.get(id(crowd), (crowd, 0))[1] + 1)
        return next((crowd for crowd, count in often.values() if count >= NEEDED), None)
