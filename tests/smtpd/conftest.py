"""Houses are kept for the whole run: starting one takes longer than most attacks on it."""

from collections.abc import Iterator

import pytest

from tests.smtpd.house import House, Houses, impatient, usual


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Houses]:
    made = Houses(tmp_path_factory.mktemp("houses"))
    yield made
    made.end()


@pytest.fixture
def house(houses: Houses) -> House:
    return usual(houses)


@pytest.fixture
def hasty(houses: Houses) -> House:
    return impatient(houses)
