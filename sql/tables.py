"""The schema: one place for SQLite and MariaDB."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ADDRESS = 520  # a path is at most 512 bytes (gateway.policy.address)


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC with microseconds in the database: neither SQLite nor MariaDB keeps a zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


# Bytes compare as bytes: keys are digests (gateway.store.keys), short and equal on both databases.
Key = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
BigId = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Blob = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def exact(length: int) -> String:
    """Text that is equal only when it is the same bytes, on both databases."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


# A plain id: SQLite hands out ids again after a delete unless told otherwise, and a reused id would tell lies.
OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
PLAIN: dict[str, Any] = {name: value for name, value in OPTIONS.items() if name != "sqlite_autoincrement"}

sighting = Table(
    "sighting",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("size", BigInteger),
    Column("body", exact(64)),
    Column("message_id", exact(64)),  # digest: a Message-ID may be long
    Column("body_key", Key),  # digest of sender, recipient and body
    Column("message_id_key", Key),
    Column("passed_at", UTCDateTime),
    Column("network_only", Boolean, nullable=False),
    Index(None, "body_key"),
    Index(None, "message_id_key"),
    Index(None, "last_seen"),
    Index("ix_sighting_capped", "network_only", "passed_at"),
    **OPTIONS,
)

sighting_rung = Table(
    "sighting_rung",
    metadata,
    Column("key", Key, primary_key=True),  # digest of stage, kind, value, sender, recipient
    Column("sighting_id", BigId, ForeignKey("sighting.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("value", exact(255), nullable=False),
    Index(None, "sighting_id"),
    **PLAIN,
)

memory = Table(
    "memory",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind, value, normalised sender, recipient
    Column("kind", SmallInteger, nullable=False),
    Column("value", exact(255), nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("grade", SmallInteger, nullable=False),
    Column("earned", String(16), nullable=False),  # waited | accepted | released | imported
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),
    Column("comment", Text, nullable=False),
    Index(None, "expires"),
    Index(None, "sender", mysql_length=190, mariadb_length=190),
    Index(None, "recipient", mysql_length=190, mariadb_length=190),
    **PLAIN,
)

listed = Table(
    "listed",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("verb", String(8), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", exact(ADDRESS), nullable=False),
    Column("network", String(50)),
    Column("scope", exact(ADDRESS)),
    Column("created", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime),
    Column("author", exact(255), nullable=False),
    Column("comment", Text, nullable=False),
    **OPTIONS,
)

message = Table(
    "message",
    metadata,
    Column("id", exact(20), primary_key=True),
    Column("received_at", UTCDateTime, nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),  # as it is sent on; "" is null
    Column("sender_key", exact(ADDRESS), nullable=False),
    Column("peer", String(45), nullable=False),
    Column("helo", exact(255), nullable=False),
    Column("peer_name", exact(255)),
    Column("tls", Boolean, nullable=False),
    Column("esmtp", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body_8bit", Boolean, nullable=False),
    Column("smtputf8", Boolean, nullable=False),
    Column("ret", String(4)),
    Column("envid", exact(100)),
    Column("author", exact(400), nullable=False),
    Column("subject", exact(400), nullable=False),
    Column("whole", exact(64), nullable=False),
    Column("body", exact(64), nullable=False),
    Column("headers", exact(64)),
    Column("message_id", exact(64)),
    Column("rungs", JSON, nullable=False),
    Column("trace", LongText, nullable=False),  # the fields that we put on top
    Column("network", String(50), nullable=False),
    Column("stored", String(10), nullable=False),  # files | database | none
    Index(None, "whole"),
    Index(None, "received_at"),
    Index(None, "network"),
    **PLAIN,
)

body = Table(
    "body",
    metadata,
    Column("message", exact(20), primary_key=True),
    Column("part", Integer, primary_key=True),  # 0 is the envelope, then the bytes in pieces
    Column("data", Blob, nullable=False),
    **PLAIN,
)

copy = Table(
    "copy",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", exact(20), ForeignKey("message.id"), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("recipient_raw", exact(ADDRESS), nullable=False),
    Column("notify", exact(60)),
    Column("orcpt", exact(520)),
    Column("state", String(12), nullable=False),
    Column("note", String(200), nullable=False),
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("lease_until", UTCDateTime),
    Column("lease_by", String(80)),
    Column("decided_by", exact(255)),
    Column("decided_at", UTCDateTime),
    UniqueConstraint("message", "recipient"),
    Index(None, "state", "last_seen"),
    **OPTIONS,
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", exact(20), ForeignKey("message.id"), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("recipient_raw", exact(ADDRESS), nullable=False),
    Column("notify", exact(60)),
    Column("orcpt", exact(520)),
    Column("state", String(14), nullable=False),
    Column("reason", String(40), nullable=False),  # the ReasonCode it is here for
    Column("junk", Boolean, nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("release_at", UTCDateTime),  # a held mail that releases itself
    Column("expires", UTCDateTime),  # end of holding
    Column("due", UTCDateTime),  # next attempt
    Column("give_up", UTCDateTime),
    Column("attempts", Integer, nullable=False),
    Column("last_reply", String(500), nullable=False),
    Column("lease_until", UTCDateTime),
    Column("lease_by", String(80)),
    Column("decided_by", exact(255)),
    Column("decided_at", UTCDateTime),
    Column("ended_at", UTCDateTime),
    UniqueConstraint("message", "recipient"),
    Index(None, "state", "due"),
    Index(None, "state", "created"),
    Index(None, "ended_at"),
    **OPTIONS,
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("pair", Key, nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("whole", exact(64), nullable=False),
    Column("body", exact(64), nullable=False),
    Column("headers", exact(64)),
    Column("message_id", exact(64)),
    Column("rungs", JSON, nullable=False),
    Column("outcome", String(14), nullable=False),
    Column("released", Boolean, nullable=False),
    Column("reply", String(500)),
    Column("message", exact(20)),
    Column("made_at", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("consumed_at", UTCDateTime),
    Index(None, "pair"),
    Index(None, "message"),
    Index(None, "expires"),
    **OPTIONS,
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("reply_id", exact(20), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("stage", String(4), nullable=False),
    Column("peer", String(45), nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("action", String(8), nullable=False),
    Column("code", String(40), nullable=False),
    Column("message", exact(20)),
    Column("review", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),  # versioned: {"v": 1, "facts": …, "reasons": […], "reply": …}
    Index(None, "reply_id"),
    Index(None, "at"),
    Index(None, "recipient", "at", mysql_length={"recipient": 190}, mariadb_length={"recipient": 190}),
    Index(None, "sender", "at", mysql_length={"sender": 190}, mariadb_length={"sender": 190}),
    **OPTIONS,
)

event = Table(
    "event",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UTCDateTime, nullable=False),
    Column("message", exact(20)),
    Column("recipient", exact(ADDRESS)),
    Column("kind", String(40), nullable=False),
    Column("who", exact(255), nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "message"),
    Index(None, "at"),
    **OPTIONS,
)

switch = Table(
    "switch",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("until", UTCDateTime, nullable=False),
    Column("who", exact(255), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    **PLAIN,
)

change_count = Table(
    "change_count",
    metadata,
    Column("node", exact(120), primary_key=True),
    Column("count", BigInteger, nullable=False),
    **PLAIN,
)

network = Table(
    "network",
    metadata,
    Column("network", String(50), primary_key=True),  # a /24 or /64
    Column("greeted_at", UTCDateTime, nullable=False),  # NEVER, 1970, is what has not happened
    Column("delivered_at", UTCDateTime, nullable=False),
    Column("trapped_until", UTCDateTime, nullable=False),
    Column("early_until", UTCDateTime, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),  # workers follow it
    Index(None, "changed_at"),
    Index(None, "delivered_at"),
    **PLAIN,
)
