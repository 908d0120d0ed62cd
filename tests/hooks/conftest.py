from collections.abc import Iterator

import pytest

from tests.hooks.receiver import Receiver
from tests.store.conftest import conn, empty_sqlite, engine, shared_mariadb, url

__all__ = ["conn", "empty_sqlite", "engine", "shared_mariadb", "url"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
