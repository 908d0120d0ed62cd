"""Which language is spoken right now, and how a sentence is said in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gateway.i18n.catalogs import catalog
from gateway.i18n.languages import ENGLISH, Language
from gateway.marked import Said

_spoken: ContextVar[Language] = ContextVar("spoken", default=ENGLISH)


def spoken() -> Language:
    return _spoken.get()


def speak(language: Language) -> None:
    """From now on, in this thread or task."""
    _spoken.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def gettext(message: str) -> str:
    return catalog(spoken()).gettext(message) if message else ""  # "" is where a catalog keeps its head


def ngettext(one: str, many: str, count: int) -> str:
    """By the rules of the language: Arabic has six forms."""
    return catalog(spoken()).ngettext(one, many, count)


def pgettext(context: str, message: str) -> str:
    """The same English word may be two words elsewhere; the context tells them apart."""
    return catalog(spoken()).pgettext(context, message)


def npgettext(context: str, one: str, many: str, count: int) -> str:
    return catalog(spoken()).npgettext(context, one, many, count)


def tell(said: Said | str) -> str:
    """What was marked, and what is filled in."""
    if isinstance(said, str):
        return gettext(said)
    message = sentence(said)
    return message % {name: _inner(value) for name, value in said.values.items()} if said.values else message


def sentence(said: Said) -> str:
    """What was marked, with nothing filled in yet."""
    count = said.values.get("count")
    return ngettext(said.message, said.many, count) if said.many and isinstance(count, int) else gettext(said.message)


def _inner(value: object) -> object:
    return tell(value) if isinstance(value, Said) else value


_ = gettext
