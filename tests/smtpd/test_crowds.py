"""What is known of campaigns by heart: never more than the database said, and gone when somebody decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.model import Common, Shared
from gateway.smtpd.crowds import BRIEFLY, KNOWN_FOR, MOST, Crowds
from gateway.store.campaigns import Marks, Settled

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LINK = Shared(Common.LINK, "landing.test", 5, 5, 5)
TEXT = Shared(Common.TEXT, "", 7, 7, 7)
BANDS = tuple(range(8))
HERE, THERE = ("192.0.2.0/24", "here.test", "here.test"), ("198.51.100.0/24", "there.test", "there.test")


def crowds(*settled: Settled) -> Crowds:
    made = Crowds()
    made.learn(settled, NOW)
    return made


def test_a_mail_that_is_known_by_all_it_has_needs_no_question() -> None:
    known = crowds(Settled(LINK, 9), Settled(TEXT, 9, BANDS))
    found = known.recognise(Marks(("landing.test",), (0, 1, 100, 101)), HERE, NOW)
    assert found.shared == (LINK, TEXT)
    assert found.rest.is_empty
    assert found.worth == Marks(("landing.test",), (0, 1, 100, 101))


def test_what_is_not_known_is_asked() -> None:
    found = crowds(Settled(LINK, 9)).recognise(Marks(("landing.test", "other.test"), BANDS, ("list", "us")), HERE, NOW)
    assert found.shared == (LINK,)
    assert found.rest == Marks(("other.test",), BANDS, ("list", "us"))


def test_one_band_alone_is_no_text() -> None:
    found = crowds(Settled(TEXT, 9, BANDS)).recognise(Marks(bands=(0, 100, 101)), HERE, NOW)
    assert found.shared == ()
    assert found.rest.bands == (0, 100, 101)


def test_no_more_are_noted_than_there_is_room_for() -> None:
    known = crowds(Settled(LINK, 2), Settled(TEXT, 1, BANDS))
    noted = [known.recognise(Marks(("landing.test",), BANDS), HERE, NOW).worth for _ in range(4)]
    assert [bool(one.links) for one in noted] == [True, True, False, False]
    assert [bool(one.bands) for one in noted] == [True, False, False, False]


def test_it_is_forgotten_in_time_and_at_once_when_told() -> None:
    known = crowds(Settled(LINK, 9))
    marks = Marks(("landing.test",))
    assert known.recognise(marks, HERE, NOW + KNOWN_FOR - timedelta(seconds=1)).rest.is_empty
    assert not known.recognise(marks, HERE, NOW + KNOWN_FOR).rest.is_empty
    known.forget()
    assert not known.recognise(marks, HERE, NOW).rest.is_empty


def test_memory_is_bounded() -> None:
    known = crowds(*(Settled(Shared(Common.LINK, f"{n}.test", 5, 5, 5), 9) for n in range(MOST + 10)))
    assert len(known.known) == MOST
    assert not known.recognise(Marks(("0.test",)), HERE, NOW).rest.is_empty


def test_what_one_source_has_too_much_of_is_known_for_that_source_alone_and_briefly() -> None:
    known = crowds(Settled(LINK, 0, source=HERE), Settled(TEXT, 0, BANDS, HERE))
    marks = Marks(("landing.test",), BANDS)
    found = known.recognise(marks, HERE, NOW)
    assert (found.shared, found.worth.is_empty, found.rest.is_empty) == ((LINK, TEXT), True, True)
    assert known.recognise(marks, THERE, NOW).rest == marks
    assert known.recognise(marks, HERE, NOW + BRIEFLY).rest == marks


def test_what_is_known_of_all_goes_before_what_is_known_of_one() -> None:
    seen = replace(LINK, day=9)
    known = crowds(Settled(LINK, 0, source=HERE), Settled(seen, 5))
    assert known.recognise(Marks(("landing.test",)), HERE, NOW).shared == (seen,)
