"""Bodies in the database: the description is part 0, the bytes are the parts after it."""

import contextlib
from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection, delete, insert, select, update

from gateway.bodies.described import Kept, NoBody, Owner, from_json, to_json
from sql.tables import body

PIECE = 512 * 1024  # bytes per database row: well below MariaDB's smallest usual packet


class DatabaseBodies:
    """Bodies as rows, for several nodes that share one database and no disk."""

    kind = "database"

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None:
        """Nothing: the transaction that tells of the mail carries its bytes."""

    def record(self, conn: Connection, kept: Kept, chunks: Iterable[bytes]) -> None:
        conn.execute(insert(body).values(message=kept.id, part=0, data=to_json(kept)))
        for part, piece in enumerate(pieces(chunks), start=1):
            conn.execute(insert(body).values(message=kept.id, part=part, data=piece))

    def own(self, conn: Connection, number: str, owners: Iterable[Owner]) -> None:
        self.rewrite(conn, number, lambda kept: kept.owned_by(owners))

    def forget(self, conn: Connection, number: str, recipient: str) -> None:
        self.rewrite(conn, number, lambda kept: kept.without(recipient))

    def rewrite(self, conn: Connection, number: str, change: Callable[[Kept], Kept]) -> None:
        kept = change(self.kept(conn, number, alone=True))
        first = update(body).where(body.c.message == number, body.c.part == 0)
        conn.execute(first.values(data=to_json(kept)))

    def kept(self, conn: Connection, number: str, *, alone: bool = False) -> Kept:
        """The description; `alone`: nobody else may change it until our transaction ends."""
        query = select(body.c.data).where(body.c.message == number, body.c.part == 0)
        stored = conn.execute(query.with_for_update() if alone else query).scalar_one_or_none()
        if stored is None:
            raise NoBody(f"{number} has no body")
        return from_json(stored)

    def read(self, conn: Connection, number: str) -> Iterator[bytes]:
        parts = select(body.c.part).where(body.c.message == number, body.c.part > 0).order_by(body.c.part)
        missing = self.kept(conn, number).size
        for part in list(conn.execute(parts).scalars()):
            one = select(body.c.data).where(body.c.message == number, body.c.part == part)
            piece = conn.execute(one).scalar_one()
            missing -= len(piece)
            yield piece
        if missing:
            raise NoBody(f"{number} is not whole")

    def opened(self, number: str) -> None:
        """Nothing: the bytes can be read in a transaction only."""

    def drop(self, conn: Connection, numbers: Iterable[str]) -> None:
        conn.execute(delete(body).where(body.c.message.in_(list(numbers))))

    def scan(self, conn: Connection) -> Iterator[Kept]:
        for stored in list(conn.execute(select(body.c.data).where(body.c.part == 0)).scalars()):
            with contextlib.suppress(NoBody):
                yield from_json(stored)


def pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in database-sized pieces."""
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE:
            yield bytes(gathered[:PIECE])
            del gathered[:PIECE]
    if gathered:
        yield bytes(gathered)
