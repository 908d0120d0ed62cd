"""What one worker remembers of networks, in bounded memory: a connection costs no question to the database."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.model import NEVER, NetworkRecord
from gateway.store import networks
from gateway.store.engine import Database
from gateway.store.networks import Happened

MOST = 50_000  # networks whose mail was delivered, and as many others; some 300 bytes each
MOST_AT_ONCE = 5_000  # changed ones read at one look
LOOK_BACK = timedelta(seconds=5)  # a change is committed a moment after it happened
UNWRITTEN = timedelta(seconds=1)  # what was noted here so lately may be missing in what the database told
DELIVERED_EVERY = timedelta(hours=1)  # how often another delivered mail is written down
NOTHING = NetworkRecord()


class Networks:
    """Records by network. A flood of strangers pushes out other strangers, never those whose mail was delivered."""

    def __init__(self, database: Database, memory: timedelta, most: int = MOST) -> None:
        self.database = database
        self.memory = memory
        self.most = most
        self.delivered: dict[str, NetworkRecord] = {}
        self.others: dict[str, NetworkRecord] = {}
        self.noted: dict[tuple[str, str], tuple[datetime, datetime]] = {}  # lately and here: when, and which moment
        self.seen_until: datetime | None = None

    def of(self, network: str) -> NetworkRecord:
        return self.delivered.get(network) or self.others.get(network) or NOTHING

    def put(self, network: str, record: NetworkRecord) -> None:
        self.delivered.pop(network, None)
        self.others.pop(network, None)
        kind = self.delivered if record.delivered_at > NEVER else self.others
        kind[network] = record
        if len(kind) > self.most:
            del kind[next(iter(kind))]  # the one that was heard of least recently

    def look(self, conn: Connection, now: datetime) -> tuple[datetime, dict[str, NetworkRecord]]:
        """What there is to know at first, and what changed later; to be handed to `take`."""
        if self.seen_until is None:
            return now, networks.known(conn, now, now - self.memory, self.most)
        return now, networks.changed(conn, self.seen_until - LOOK_BACK, MOST_AT_ONCE)

    def take(self, seen: tuple[datetime, dict[str, NetworkRecord]]) -> None:
        self.seen_until, records = seen
        self.noted = {key: one for key, one in self.noted.items() if self.seen_until - one[0] < UNWRITTEN}
        for network, record in reversed(records.items()):  # the newest last: it goes last
            mine = {name: self.noted[network, name][1] for name in networks.MOMENTS if (network, name) in self.noted}
            self.put(network, with_moments(record, mine))

    # ---- what happens --------------------------------------------------------------------------------------------

    def greeted(self, network: str, now: datetime) -> None:
        self.note(network, now, greeted_at=now)

    def was_delivered(self, network: str, now: datetime) -> None:
        if now - self.of(network).delivered_at > DELIVERED_EVERY:
            self.note(network, now, delivered_at=now)

    def wrote_to_trap(self, network: str, now: datetime, until: datetime) -> None:
        self.note(network, now, trapped_until=until)

    def talked_early(self, network: str, now: datetime, until: datetime) -> None:
        self.note(network, now, early_until=until)

    def note(self, network: str, now: datetime, **moments: datetime) -> None:
        """Here at once, in the database and in the other workers soon."""
        self.put(network, with_moments(self.of(network), moments))
        self.noted.update({(network, name): (now, moment) for name, moment in moments.items()})
        self.database.note(networks.note, Happened(network, now, moments))


def with_moments(record: NetworkRecord, moments: Mapping[str, datetime]) -> NetworkRecord:
    """Moments only grow, as in the database."""
    return replace(record, **{name: max(getattr(record, name), moment) for name, moment in moments.items()})
