"""Databases of both kinds."""

from tests.store.conftest import conn, empty_sqlite, engine, shared_mariadb, url

__all__ = ["conn", "empty_sqlite", "engine", "shared_mariadb", "url"]
