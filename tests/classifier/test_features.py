"""What is learnt from: small, storable, and the same for the same mail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.features import SLOTS, BadFeatures, Features, grams, once
from classifier.mail import parse
from tests.classifier.making import letter, mail

NAMES = ("raw", "decoded", "words", "pairs")


def same(one: Features, other: Features) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in NAMES)


@given(st.binary(max_size=400))
def test_features_of_any_bytes_come_back_as_they_were_stored(data: bytes) -> None:
    found = Features.of(parse(b"Subject: x\n\n" + data))
    assert same(Features.from_bytes(found.to_bytes()), found)


@given(st.binary(max_size=400))
def test_each_number_is_in_a_view_once_and_fits(data: bytes) -> None:
    found = Features.of(parse(data))
    for view in (found.raw, found.decoded, np.concatenate([found.words, found.pairs])):
        assert len(np.unique(view)) == len(view)
        assert not len(view) or view.max() < SLOTS


def test_a_usual_mail_takes_a_few_kilobytes() -> None:
    assert len(Features.of(mail(1, is_spam=True)).to_bytes()) < 5_000


def test_line_ends_and_the_line_of_a_mailbox_make_no_difference() -> None:
    data = letter(1, is_spam=True)
    with_lf = b"From x Mon Mar  2 10:00:00 2026\n" + data.replace(b"\r\n", b"\n")
    assert np.array_equal(Features.of(parse(data)).decoded, Features.of(parse(with_lf)).decoded)
    assert np.array_equal(Features.of(parse(data)).raw, Features.of(parse(with_lf)).raw)


@pytest.mark.parametrize("name", ["X-Spam-Status: Yes", "X-Greygate-Verdict: hold", "x-bogosity: Spam\n\tfolded"])
def test_what_filters_before_us_wrote_makes_no_difference(name: str) -> None:
    data = letter(1, is_spam=True)
    found = Features.of(parse(name.replace("\n", "\r\n").encode() + b"\r\n" + data))
    kept = Features.of(parse(data))
    assert np.array_equal(found.raw, kept.raw)
    assert np.array_equal(found.decoded, kept.decoded)
    assert len(np.setxor1d(found.words, kept.words)) <= 4  # how many fields and bytes there are


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0\0\0" + b"\0" * 16, b"\2\0\0\0" + b"x" * 30])
def test_what_is_no_features_is_refused(data: bytes) -> None:
    with pytest.raises(BadFeatures):
        Features.from_bytes(data)


def test_features_of_another_version_are_refused_by_name() -> None:
    data = (99).to_bytes(4, "little") + Features.of(mail(1, is_spam=True)).to_bytes()[4:]
    with pytest.raises(BadFeatures, match="version 99"):
        Features.from_bytes(data)


def test_grams_tell_texts_apart() -> None:
    assert len(grams(b"abcdefgh")) == 5
    assert len(np.intersect1d(grams(b"abcdefgh"), grams(b"ABCDEFGH"))) == 0


def test_an_empty_view_has_nothing() -> None:
    assert len(once(np.zeros(0, np.uint32))) == 0
    assert len(grams(b"abc")) == 0
