"""Which language somebody gets, and how times, sizes and counts are written in it."""

from datetime import date, timedelta

import pytest

from gateway.i18n import ENGLISH, LANGUAGES, best_of, gettext, language, ngettext, speaking, spoken, tell, written
from gateway.i18n.languages import PSEUDO
from gateway.i18n.pseudo import foreign
from gateway.marked import N_, Said, counting

FRIDAY = date(2026, 4, 3)


@pytest.mark.parametrize(
    ("wanted", "usual", "found"),
    [
        (["de-CH", "en"], "en", "de"),
        (["nl", "fr-CA", "de"], "en", "fr"),
        (["nl", "da"], "es", "es"),
        ([], "ar", "ar"),
        (["AR-eg"], "en", "ar"),
        (["en-XA"], "de", "en-XA"),
        (["*", ""], "nowhere", "en"),
    ],
)
def test_the_first_wanted_language_that_there_is(wanted: list[str], usual: str, found: str) -> None:
    assert best_of(wanted, usual).code == found


def test_no_other_language_is_known() -> None:
    assert [language(code) for code in ("", "nl", "de-DE", "../de")] == [None] * 4
    assert language("en-XA") is PSEUDO
    assert PSEUDO.code not in LANGUAGES, "nobody is offered it"


def test_a_language_is_spoken_as_long_as_it_is_meant() -> None:
    assert spoken() is ENGLISH
    with speaking(LANGUAGES["ar"]):
        assert spoken().direction == "rtl"
        with speaking(ENGLISH):
            assert spoken().direction == "ltr"
        assert spoken().code == "ar"
    assert spoken() is ENGLISH


@pytest.mark.parametrize(
    ("code", "said"),
    [("en", "Friday 3 April"), ("de", "Freitag, 3. April"), ("fr", "vendredi 3 avril"), ("es", "viernes, 3 de abril")],
)
def test_a_day_as_people_say_it(code: str, said: str) -> None:
    with speaking(LANGUAGES[code]):
        assert written.day(FRIDAY, FRIDAY) == said
        assert "2026" in written.day(FRIDAY, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("code", "said"),
    [("en", "1.5 MiB"), ("de", "1,5 MiB"), ("fr", "1,5 MiB"), ("es", "1,5 MiB"), ("ar", "\u20661.5 MiB\u2069")],
)
def test_a_size_with_the_point_of_the_language(code: str, said: str) -> None:
    with speaking(LANGUAGES[code]):
        assert written.size(1.5 * 1024**2) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")]
)
def test_how_long_something_takes(seconds: int, said: str) -> None:
    assert written.span(timedelta(seconds=seconds)) == said
    assert written.ago(timedelta(seconds=seconds)) == f"{said} ago"


def test_what_was_marked_is_filled_in_when_it_is_told() -> None:
    inner = Said(N_("%(count)d mails"), {"count": 3})
    outer = Said(N_("%(who)s: %(what)s"), {"who": "bo 100%", "what": inner})
    assert str(outer) == tell(outer) == "bo 100%: 3 mails"
    assert tell("plain") == "plain"
    with speaking(PSEUDO):
        assert tell(outer).startswith("⟦bo 100%: ⟦3 ɱåîļš")


@pytest.mark.parametrize(
    ("count", "told"), [(1, "1 mail of bo waits"), (0, "0 mails of bo wait"), (3, "3 mails of bo wait")]
)
def test_what_depends_on_a_count_is_told_in_the_form_for_it(count: int, told: str) -> None:
    said = counting("%(count)d mail of %(who)s waits", "%(count)d mails of %(who)s wait", count, who="bo")
    assert str(said) == tell(said) == told
    with speaking(PSEUDO):
        assert tell(said) != told


@pytest.mark.parametrize(
    ("code", "said"), [("en", "12.5%"), ("de", "12,5\xa0%"), ("fr", "12,5\xa0%"), ("es", "12,5\xa0%")]
)
def test_a_share_as_a_language_writes_it(code: str, said: str) -> None:
    with speaking(LANGUAGES[code]):
        assert written.percent(0.125, 1) == said


def test_the_pseudo_locale_keeps_what_is_filled_in_and_tags() -> None:
    said = foreign('<b class="x">%(name)s</b> waits &amp; more, {verb} 5 %% of it')
    assert said.startswith('⟦<b class="x">%(name)s</b> ŵåîţš &amp; ɱöŕé, {verb} 5 %% öƒ îţ')
    assert len(said) > 1.3 * len("waits & more of it")
    assert foreign(said) == said
    with speaking(PSEUDO):
        assert ngettext("%(num)d mail", "%(num)d mails", 2).startswith("⟦%(num)d ɱåîļš")
        assert gettext("") == ""


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_sentence_that_is_not_in_the_catalog_is_said_in_english(code: str) -> None:
    with speaking(LANGUAGES[code]):
        assert gettext("This sentence stands nowhere.") == "This sentence stands nowhere."
