"""The languages that there are, and which of them somebody gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Language:
    """`code`: a tag of BCP 47. `name`: as those say it who speak it. `formats`: the locale of CLDR for dates and
    numbers."""

    code: str
    name: str
    formats: str
    is_rtl: bool = False

    @property
    def direction(self) -> str:
        return "rtl" if self.is_rtl else "ltr"


ENGLISH = Language("en", "English", "en_GB")
PSEUDO = Language("en-XA", "[Ṗŝéûðö]", "en_GB")  # English that looks foreign: for whoever tests the pages

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        one.code: one
        for one in (
            ENGLISH,
            Language("de", "Deutsch", "de"),
            Language("fr", "Français", "fr"),
            Language("es", "Español", "es"),
            Language("ar", "العربية", "ar", is_rtl=True),
        )
    }
)


CHOICE = "language"  # among the wishes of a person


def language(code: str) -> Language | None:
    """The language with this code; None where there is none of ours."""
    return PSEUDO if code == PSEUDO.code else LANGUAGES.get(code)


def best_of(wanted: Sequence[str], usual: str) -> Language:
    """The first wanted one that there is; with a region it is that without (RFC 4647 3.4). Else the usual one."""
    for tag in wanted:
        if tag.lower() == PSEUDO.code.lower():
            return PSEUDO
        if (found := LANGUAGES.get(tag.lower().partition("-")[0])) is not None:
            return found
    return LANGUAGES.get(usual, ENGLISH)


def chosen(wishes: Mapping[str, str]) -> Language | None:
    """What a person chose; None where they did not."""
    return language(wishes.get(CHOICE, ""))


def of_person(wishes: Mapping[str, str], usual: str) -> Language:
    """In which language somebody is written to: what they chose, else the usual one of the house."""
    return chosen(wishes) or LANGUAGES.get(usual, ENGLISH)
