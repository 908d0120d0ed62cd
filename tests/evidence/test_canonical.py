"""The canonical forms: the same as dkimpy's, wherever the data are cut, and in time that grows as the data do."""

import hashlib
import time

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from gateway.evidence.canonical import (
    RELAXED_SHA256,
    BodyForm,
    CanonicalBody,
    canonical_field,
    digested,
    opened,
    signed_fields,
    unsigned_form,
)
from gateway.policy.fingerprint import MAX_HEAD, split_fields

PIECES = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"b c", b"  ", b"\r\n\r\n", b".", b"\xff"]), max_size=30)
FORMS = [BodyForm(relaxed, "sha256", length) for relaxed in (False, True) for length in (None, 0, 1, 5, 1000)]


@given(PIECES, st.integers(1, 9))
def test_bodies_are_digested_as_dkimpy_does(pieces: list[bytes], step: int) -> None:
    body = b"".join([*pieces, b"\r\n"])
    whole = {False: Simple.canonicalize_body(body), True: Relaxed.canonicalize_body(body)}
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    assert digested(chunks, FORMS) == {
        form: hashlib.sha256(whole[form.relaxed][: form.length]).digest() for form in FORMS
    }


@given(PIECES)
def test_fields_are_as_dkimpy_makes_them(pieces: list[bytes]) -> None:
    value = b"".join(pieces).replace(b"\r\n", b"\r\n ").rstrip()
    raw = b"SubJect \t:" + value + b"\r\n"
    [(name, expected)] = Relaxed.canonicalize_headers([(b"SubJect \t", value + b"\r\n")])
    assert canonical_field(raw, is_relaxed=True) == name.rstrip() + b":" + expected
    assert canonical_field(raw, is_relaxed=False) == raw


@pytest.mark.parametrize(("relaxed", "empty"), [(False, b"\r\n"), (True, b"")])
def test_no_body_has_a_digest_of_its_own(relaxed: bool, empty: bytes) -> None:
    form = BodyForm(relaxed, "sha256")
    for body in ([], [b""], [b"\r\n"], [b"\r\n", b"\r", b"\n"]):
        assert digested(body, [form]) == {form: hashlib.sha256(empty).digest()}


@pytest.mark.parametrize(
    ("message", "head", "body"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody", b"A: 1\r\nB: 2\r\n\r\n", b"body"),
        (b"\r\nbody", b"\r\n", b"body"),
        (b"A: 1\r\n", b"A: 1\r\n", b""),
        (b"", b"", b""),
        (b"A: 1\r\n\r\n", b"A: 1\r\n\r\n", b""),
    ],
)
def test_head_and_body_are_parted_wherever_they_are_cut(message: bytes, head: bytes, body: bytes) -> None:
    for step in range(1, len(message) + 2):
        found, rest = opened(message[start : start + step] for start in range(0, len(message), step))
        assert (found, b"".join(rest)) == (head, body)


def test_a_head_that_is_too_big_is_none() -> None:
    assert opened([b"A: " + b"x" * MAX_HEAD + b"\r\n\r\nbody"])[0] == b""
    assert opened([b"A: " + b"x" * 1000] * 10000)[0] == b""
    fits = b"A: " + b"x" * (MAX_HEAD - 7) + b"\r\n\r\n"
    assert opened([fits + b"body"])[0] == fits


def test_each_name_takes_the_lowest_field_that_is_left() -> None:
    fields = split_fields(b"A: 1\r\nB: 2\r\nA: 3\r\n\r\n")
    assert list(signed_fields(fields, ["a", "b", "a", "a", "c"])) == [b"A: 3\r\n", b"B: 2\r\n", b"A: 1\r\n"]


@pytest.mark.parametrize(
    ("raw", "blank"),
    [
        (b"X: a=1; b=ab cd; bh=ef\r\n", b"X: a=1; b=; bh=ef\r\n"),
        (b"X: b =\r\n ab\r\n =;a=1", b"X: b =;a=1"),
        (b"X: a=1;\r\n\tb=ab\r\n", b"X: a=1;\r\n\tb="),
        (b"X: n=b=1; a=b", b"X: n=b=1; a=b"),
    ],
)
def test_only_the_value_of_b_is_left_out(raw: bytes, blank: bytes) -> None:
    assert unsigned_form(raw) == blank


@pytest.mark.parametrize("relaxed", [False, True])
def test_hardly_anything_is_held_back(relaxed: bool) -> None:
    stream = CanonicalBody(relaxed, FORMS)
    for piece in (b" ", b"\r\n", b"\r", b" \r", b"\t\r\n"):
        for _ in range(5):
            stream.feed(piece * 100)
            assert len(stream.held) <= 2


@pytest.mark.parametrize("piece", [b" ", b"\r\n", b" \r\n", b"\t\r", b"\r"])
def test_runs_without_end_take_no_more_time_than_other_data(piece: bytes) -> None:
    """dkimpy takes hours for this."""
    began = time.monotonic()
    chunk = piece * (65536 // len(piece))
    digested([chunk] * 200, [RELAXED_SHA256, BodyForm(relaxed=False, algorithm="sha256")])
    assert time.monotonic() - began < 60
