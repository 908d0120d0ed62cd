"""Every sentence that people read is in every catalog, with the same things filled in and the same tags."""

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from gateway.i18n import LANGUAGES
from gateway.i18n.catalogs import path_of

ROOT = Path(__file__).parents[2]
FILLED = re.compile(r"%\((\w+)\)[sd]|%[sd]")
TAG = re.compile(r"</?[a-z][^<>]*>")
CODES = [code for code in LANGUAGES if code != "en"]


@cache
def gathered(folder: str) -> Catalog:
    """What `make catalogs` finds."""
    pot = Path(folder) / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.toml"]
    command += ["-k", "N_", "-k", "counting:1,2"]
    subprocess.run([*command, "-o", str(pot), "gateway", "webui"], cwd=ROOT, check=True, timeout=300)
    with pot.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return gathered(str(tmp_path_factory.getbasetemp()))


def catalog(code: str) -> Catalog:
    language = LANGUAGES[code]
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language.formats, abort_invalid=True)


def texts(of: str | tuple[str, ...] | list[str]) -> list[str]:
    return [of] if isinstance(of, str) else list(of)


def wrong(message: Message) -> str:
    """What is wrong with how a sentence is said; "" for nothing."""
    english, said = texts(message.id), texts(message.string)
    if not all(said):
        return "not said"
    if message.fuzzy:
        return "not sure"
    wanted = [Counter(FILLED.findall(one)) for one in english]
    for one in said:
        filled = Counter(FILLED.findall(one))
        # "One mail" needs no number, nor does a form for two; nothing else may be missing, and nothing added.
        if len(english) == 1 and filled != wanted[0]:
            return f"filled in is {sorted(filled)}, wanted {sorted(wanted[0])}: {one}"
        if len(english) == 2 and not (set(wanted[0]) & set(wanted[1]) - {"count", "num"}) <= set(filled) <= set(
            wanted[1]
        ):
            return f"filled in is {sorted(filled)}, wanted {sorted(wanted[1])}: {one}"
        if Counter(TAG.findall(one)) != Counter(TAG.findall(english[-1])):
            return f"other tags: {one}"
        if one[:1].isspace() != english[-1][:1].isspace() or one[-1:].isspace() != english[-1][-1:].isspace():
            return f"other spaces around it: {one!r}"
    return ""


@pytest.mark.parametrize("code", CODES)
def test_every_sentence_is_said_in_every_language(code: str, sentences: Catalog) -> None:
    said = catalog(code)
    missing = [one.id for one in sentences if one.id and said.get(one.id, one.context) is None]
    assert missing == [], "run `make catalogs`"
    assert [(one.id, wrong(one)) for one in said if one.id and wrong(one)] == []


@pytest.mark.parametrize("code", CODES)
def test_no_catalog_keeps_what_nobody_says_any_more(code: str, sentences: Catalog) -> None:
    assert [one.id for one in catalog(code) if one.id and sentences.get(one.id, one.context) is None] == []


@pytest.mark.parametrize("code", CODES)
def test_counts_have_all_the_forms_of_the_language(code: str) -> None:
    said = catalog(code)
    forms = {"ar": 6, "de": 2, "fr": 3, "es": 3}[code]  # French and Spanish have one for millions
    assert said.num_plurals == forms
    assert [one.id for one in said if one.pluralizable and len(texts(one.string)) != forms] == []


@pytest.mark.parametrize(
    ("english", "said", "is_wrong"),
    [
        ("%(who)s waits", "%(who)s wartet", False),
        ("%(who)s waits", "%(wer)s wartet", True),
        ("%(who)s waits", "", True),
        ("<b>Held</b>", "<b>Gehalten</b>", False),
        ("<b>Held</b>", "Gehalten", True),
        (("%(count)d mail", "%(count)d mails"), ("eine Mail", "%(count)d Mails"), False),
        (("%(count)d of %(who)s", "%(count)d of %(who)s"), ("eine", "%(count)d von %(who)s"), True),
        ("more ", "mehr", True),
    ],
)
def test_the_check_sees_what_is_wrong(
    english: str | tuple[str, str], said: str | tuple[str, str], is_wrong: bool
) -> None:
    assert bool(wrong(Message(english, said))) == is_wrong
