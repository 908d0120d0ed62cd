import random
import subprocess
import sys
from time import process_time

import pytest

from gateway.evidence.shingles import BANDS, NEEDED, SHORTEST, bands

WORDS = [first + last for first in ("ba", "ce", "di", "fo", "gu", "ha", "je") for last in
         ("ran", "tel", "min", "sor", "lup", "kar", "wen", "dis", "not", "puk", "zam")]  # fmt: skip


def text(seed: int, count: int = 200) -> list[str]:
    chosen = random.Random(seed)
    return [chosen.choice(WORDS) for _ in range(count)]


def changed(words: list[str], share: float) -> str:
    """The text with a share of its words written anew."""
    chosen = random.Random(7)
    return " ".join("other" + word if chosen.random() < share else word for word in words)


def shared(one: str, other: str) -> int:
    return len(set(bands(one)) & set(bands(other)))


@pytest.mark.parametrize("seed", range(10))
def test_a_text_with_a_few_other_words_is_alike(seed):
    assert shared(" ".join(text(seed)), changed(text(seed), 0.015)) >= NEEDED


@pytest.mark.parametrize("seed", range(10))
def test_another_text_of_the_same_words_is_not(seed):
    assert shared(" ".join(text(seed)), " ".join(text(seed + 100))) < NEEDED


def test_numbers_case_and_spaces_make_no_difference():
    one = " ".join(text(1))
    assert bands(one) == bands(f"\n{one.upper()}  2024-01-01 €99.00\r\n".replace(" ", "  "))


def test_a_short_text_has_none():
    assert bands(" ".join(text(1, SHORTEST - 1))) == ()
    assert len(bands(" ".join(text(1, SHORTEST)))) == BANDS


def test_a_text_of_one_word_has_bands_though_most_slots_are_empty():
    assert len(bands("again " * 100)) == BANDS


def test_every_process_finds_the_same_bands():
    """Workers meet in the database: nothing may depend on the salt of a process."""
    program = "from gateway.evidence.shingles import bands; print(bands('some words of a text ' * 20))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                          env={"PYTHONHASHSEED": "77"})  # fmt: skip
    assert done.stdout.strip() == str(bands("some words of a text " * 20))


@pytest.mark.parametrize("enemy", ["a" * 100_000, "ab " * 33_000, "é_1" * 33_000, "\u200b" * 100_000])
def test_no_text_is_slow(enemy):
    began = process_time()
    bands(enemy)
    assert process_time() - began < 0.05
