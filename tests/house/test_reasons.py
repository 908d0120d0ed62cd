"""Every reason has words, a paragraph for the admin, and a test."""

import re

import pytest

from gateway.model import ReasonCode
from gateway.policy.words import WORDS, sentence
from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
POLICY_TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/policy").glob("*.py")))
TOLD = ("What happened", "The sender was told", "What would have changed it")


def paragraphs() -> dict[str, str]:
    """The page's text under each code."""
    parts = re.split(r"^### `([a-z_.]+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_has_words(code):
    words = WORDS[code]
    for text in (words.said, words.otherwise):
        assert text
        assert text == text.strip().rstrip(".")
        assert text[0].islower() or text[0] == "["
    assert sentence(code) == words.said


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_has_its_paragraph(code):
    assert code.value in paragraphs(), f"docs/reasons.md lacks ### `{code}`"
    assert [part for part in TOLD if f"**{part}.**" not in paragraphs()[code.value]] == []


def test_the_page_has_no_reason_that_does_not_exist_and_none_twice():
    headings = re.findall(r"^### `([a-z_.]+)`$", PAGE, flags=re.MULTILINE)
    assert sorted(headings) == sorted(code.value for code in ReasonCode)


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_in_a_table_or_test_of_the_policy(code):
    assert f"ReasonCode.{code.name}" in POLICY_TESTS or code.value in POLICY_TESTS
