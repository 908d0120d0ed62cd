"""The bytes of kept mail, in files or in the database, each with an envelope that describes itself."""

from gateway.bodies.database import PIECE, DatabaseBodies
from gateway.bodies.described import Kept, NoBody, Owner, from_json, to_json
from gateway.bodies.files import MAGIC, FileBodies
from gateway.bodies.place import Bodies, NoRoom, Opened

__all__ = [
    "MAGIC",
    "PIECE",
    "Bodies",
    "DatabaseBodies",
    "FileBodies",
    "Kept",
    "NoBody",
    "NoRoom",
    "Opened",
    "Owner",
    "from_json",
    "to_json",
]
