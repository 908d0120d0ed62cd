"""The sentences of a language. Catalogs are read as people write them: nothing is built before it runs."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from gateway.i18n.languages import ENGLISH, PSEUDO, Language
from gateway.i18n.pseudo import Pseudo

FOLDER = Path(__file__).parent / "catalogs"


@cache
def catalog(language: Language) -> NullTranslations:
    """What says things in a language; what it does not have is said in English."""
    if language == ENGLISH:
        return NullTranslations()
    if language == PSEUDO:
        return Pseudo()
    # Processes that speak English alone, such as those for SMTP, never load it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    packed = BytesIO()
    with path_of(language).open("rb") as file:
        write_mo(packed, read_po(file, locale=language.formats))
    packed.seek(0)
    return GNUTranslations(packed)


def path_of(language: Language) -> Path:
    return FOLDER / f"{language.code}.po"
