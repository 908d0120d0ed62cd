"""What people read, in their language.

Sentences stand in the code in English, where a reader of the code finds them, and `_` says them in the language of
whom they are for: `with speaking(LANGUAGES["de"]): _("Nothing waits.")`. Outside of that everything is English: the
prompt, the log, SMTP and the API.
"""

from gateway.i18n.languages import CHOICE, ENGLISH, LANGUAGES, Language, best_of, chosen, language, of_person
from gateway.i18n.speaking import _, gettext, ngettext, npgettext, pgettext, sentence, speak, speaking, spoken, tell

__all__ = [
    "CHOICE",
    "ENGLISH",
    "LANGUAGES",
    "Language",
    "_",
    "best_of",
    "chosen",
    "gettext",
    "language",
    "ngettext",
    "npgettext",
    "of_person",
    "pgettext",
    "sentence",
    "speak",
    "speaking",
    "spoken",
    "tell",
]
