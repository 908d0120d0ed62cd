"""What columns are made of, the same on SQLite and MariaDB."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, Dialect, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

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
Digest = LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")  # a whole SHA-256
BigId = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Blob = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def exact(length: int) -> String:
    """Text that is equal only when it is the same bytes, on both databases."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


class Behind(ColumnElement[str]):
    """What stands behind the @ of an address: the database works it out for itself (a generated column)."""

    inherit_cache = True

    def __init__(self, column: str) -> None:
        self.column = column


@compiles(Behind)
def in_words_of_mariadb(made: Behind, compiler: Any, **more: Any) -> str:
    return f"substr({made.column}, locate('@', {made.column}) + 1)"


@compiles(Behind, "sqlite")
def in_words_of_sqlite(made: Behind, compiler: Any, **more: Any) -> str:
    return f"substr({made.column}, instr({made.column}, '@') + 1)"


# A plain id: SQLite hands out ids again after a delete unless told otherwise, and a reused id would tell lies.
OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
PLAIN: dict[str, Any] = {name: value for name, value in OPTIONS.items() if name != "sqlite_autoincrement"}

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
