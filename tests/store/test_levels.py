"""The levels that people chose."""

from sqlalchemy import Connection

from gateway.model import Level
from gateway.store import levels
from tests.store.making import BO, CY, HOUR, NOW


def test_the_last_choice_counts_and_none_is_as_the_settings_say(conn: Connection) -> None:
    levels.choose(conn, BO, Level.OFF, "bo", NOW)
    levels.choose(conn, "example.com", Level.WATCH, "olga", NOW)
    levels.choose(conn, BO, Level.KNOWN_ONLY, "olga", NOW + HOUR)
    assert levels.chosen(conn) == {BO: Level.KNOWN_ONLY, "example.com": Level.WATCH}
    row = levels.of(conn, BO)
    assert row is not None
    assert (row["level"], row["since"], row["author"]) == ("known-only", NOW + HOUR, "olga")
    levels.choose(conn, BO, None, "bo", NOW)
    assert levels.chosen(conn) == {"example.com": Level.WATCH}
    assert levels.of(conn, BO) is None


def test_an_account_that_nobody_chose_for_has_none(conn: Connection) -> None:
    levels.choose(conn, CY, None, "cy", NOW)
    assert levels.chosen(conn) == {}
    levels.choose(conn, "ü" * 60 + "@example.com", Level.OFF, "cy", NOW)
    assert list(levels.chosen(conn)) == ["ü" * 60 + "@example.com"]
