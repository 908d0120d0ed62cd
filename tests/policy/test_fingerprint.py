"""Fingerprints: equal for the same mail, however it came; and our name on nobody else's fields."""

import hashlib
import itertools
import re
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import MessageFacts
from gateway.policy.fingerprint import FieldRemover, Fingerprinter, split_fields

OURS = "mx.example.org"
VERDICT = "X-Greygate"

HEAD = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Lunch\r\n"
    b"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
)
BODY = b"Dear Bob,\r\n\r\nlunch?\r\n"


def facts(*pieces: bytes, max_head: int = 262144) -> MessageFacts:
    printer = Fingerprinter(OURS, VERDICT, max_head=max_head)
    for piece in pieces:
        printer.feed(piece)
    return printer.finish()


def cleaned(*pieces: bytes, max_head: int = 262144) -> tuple[bytes, tuple[str, ...]]:
    remover = FieldRemover(OURS, VERDICT, max_head=max_head)
    data = b"".join(map(remover.feed, pieces)) + remover.finish()
    return data, remover.removed


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def relaxed(body: bytes) -> bytes:
    """RFC 6376 3.4.4, line by line."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


head_lines = st.sampled_from(
    [
        b"From: a@b.example",
        b"From: second@b.example",
        b"Subject: x",
        b"subject:  y  z",
        b"Date: today",
        b"Message-ID: <m@b>",
        b"Received: from a by b",
        b" folded\tmore",
        b"\tAuthentication-Results: mx.example.org",
        b"no field at all",
        b"From ann@example.com Mon Jan  5 10:00:00 2026",
        b"X-Greygate: pass",
        b"x-GREYGATE : pass",
        b"Authentication-Results: mx.example.org; spf=pass",
        b"Authentication-Results:",
        b" mx.example.org; dkim=pass",
        b"Authentication-Results: other.example; spf=pass",
        b": nameless",
    ]
)
body_text = st.lists(
    st.sampled_from([b"\r\n", b" ", b"\t", b"  \t ", b"a", b"word", b" b ", b"\r\n\r\n\r\n"]), max_size=40
).map(b"".join)
heads = st.lists(head_lines, max_size=8).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
messages = st.builds(lambda head, gap, body: head + gap + body, heads, st.sampled_from([b"\r\n", b""]), body_text)
places = st.lists(st.integers(0, 600), max_size=6)


@given(messages, places, st.sampled_from([262144, 40, 7]))
def test_how_data_is_cut_makes_no_difference(message: bytes, places: list[int], max_head: int) -> None:
    pieces = [message[i : i + 1] for i in range(len(message))]
    whole = facts(message, max_head=max_head)
    assert facts(*cut(message, places), max_head=max_head) == whole
    assert facts(*pieces, max_head=max_head) == whole
    assert cleaned(*cut(message, places), max_head=max_head) == cleaned(message, max_head=max_head)
    assert cleaned(*pieces, max_head=max_head) == cleaned(message, max_head=max_head)


@pytest.mark.parametrize("max_head", range(24))
def test_where_a_head_is_too_big_makes_no_difference(max_head: int) -> None:
    message = b"A: b\r\nC: d\r\n\r\n\r\n x\r\n"
    pieces = [message[i : i + 1] for i in range(len(message))]
    assert facts(*pieces, max_head=max_head) == facts(message, max_head=max_head)
    assert cleaned(*pieces, max_head=max_head) == cleaned(message, max_head=max_head) == (message, ())


@pytest.mark.parametrize("count", [1023, 1024, 3000])
def test_many_empty_lines_amid_the_body_count(count: int) -> None:
    body = b"a\r\n" + b"\r\n" * count + b"b\r\n"
    expected = hashlib.sha256(body).hexdigest()
    assert facts(b"\r\n" + body).fingerprint.body == expected
    assert facts(b"\r\n" + body[:-3], body[-3:]).fingerprint.body == expected


@given(body_text, places)
def test_body_hash_is_that_of_the_relaxed_body(body: bytes, places: list[int]) -> None:
    result = facts(*cut(HEAD + b"\r\n" + body, places))
    assert result.fingerprint.body == hashlib.sha256(relaxed(body)).hexdigest()


def test_body_hash_of_the_example_in_rfc_6376_3_4_5() -> None:
    expected = hashlib.sha256(b" C\r\nD E\r\n").hexdigest()
    assert facts(b"A: X\r\n\r\n C \r\nD \t E\r\n\r\n\r\n").fingerprint.body == expected


@given(messages)
def test_fields_join_to_what_was_split(message: bytes) -> None:
    fields = split_fields(message)
    joined = b"".join(raw for _, raw in fields)
    assert message.startswith(joined)
    assert message[len(joined) :][:2] in (b"\r\n", b"")
    assert all(name == name.lower() for name, _ in fields)


def test_split_fields_keeps_folds_and_tolerates_garbage() -> None:
    head = b"From ann Mon\r\nSubject: a\r\n b\r\n\tc\r\ngarbage\r\n more\r\nX-Y :z\r\n\r\nbody: no\r\n"
    assert split_fields(head) == [
        ("", b"From ann Mon\r\n"),
        ("subject", b"Subject: a\r\n b\r\n\tc\r\n"),
        ("", b"garbage\r\n more\r\n"),
        ("x-y", b"X-Y :z\r\n"),
    ]
    assert split_fields(b"\r\nSubject: body\r\n") == []
    assert split_fields(b" fold of nothing\r\nA: b") == [("", b" fold of nothing\r\n"), ("a", b"A: b")]


TRACE = [
    b"Return-Path: <x@y>\r\n",
    b"Received: from a\r\n by b;\r\n\tnow\r\n",
    b"X-Received: by c\r\n",
    b"Delivered-To: d\r\n",
    b"Received-SPF: pass\r\n",
    b"Authentication-Results: other.example; spf=pass\r\n",
    b"ARC-Seal: i=1\r\n",
    b"ARC-Message-Signature: i=1;\r\n b=x\r\n",
    b"arc-authentication-results: i=1; other\r\n",
]


@pytest.mark.parametrize("field", TRACE)
def test_trace_fields_make_no_other_mail(field: bytes) -> None:
    plain = facts(HEAD + b"\r\n" + BODY).fingerprint
    assert facts(field + HEAD + b"\r\n" + BODY).fingerprint == plain
    assert facts(HEAD + field + b"\r\n" + BODY).fingerprint == plain
    assert facts(HEAD + b"X-" + field + b"\r\n" + BODY).fingerprint.whole != plain.whole or field in TRACE[1:2]


@pytest.mark.parametrize(
    "other",
    [
        HEAD + b"X-Other: field\r\n\r\n" + BODY,
        HEAD + b"\r\n" + BODY + b"x",
        HEAD + b"\r\n" + BODY + b"\r\n",
        HEAD.replace(b"Lunch", b"lunch") + b"\r\n" + BODY,
        HEAD + b"\r\nReceived: in the body\r\n" + BODY,
    ],
    ids=["field", "body", "empty line", "subject", "trace field in the body"],
)
def test_anything_else_makes_another_whole(other: bytes) -> None:
    assert facts(other).fingerprint.whole != facts(HEAD + b"\r\n" + BODY).fingerprint.whole


def test_headers_ignore_order_folding_and_case_of_names() -> None:
    plain = facts(HEAD + b"\r\n").fingerprint
    fields = [raw for _, raw in split_fields(HEAD)]
    other = b"".join(reversed(fields)).replace(b"Subject: Lunch", b"SUBJECT:\r\n  Lunch ")
    assert facts(other + b"\r\n").fingerprint.headers == plain.headers
    assert facts(other.replace(b"Lunch", b"Dinner") + b"\r\n").fingerprint.headers != plain.headers


@pytest.mark.parametrize("name", [b"From", b"Subject", b"Date", b"Message-ID"])
@pytest.mark.parametrize("fault", ["missing", "doubled", "empty"])
def test_headers_are_known_only_when_each_is_there_once(name: bytes, fault: str) -> None:
    lines = HEAD.splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if line.startswith(name))
    lines[index] = {"missing": b"", "doubled": lines[index] * 2, "empty": name + b": \r\n"}[fault]
    fingerprint = facts(b"".join(lines) + b"\r\n" + BODY).fingerprint
    assert fingerprint.headers is None
    assert fingerprint.message_id == (None if name == b"Message-ID" else "<1@example.com>")


def test_message_without_header_and_without_body() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert facts().fingerprint.body == facts(b"\r\n").fingerprint.body == empty
    bodiless = facts(HEAD)
    assert (bodiless.fingerprint.body, bodiless.author, bodiless.size) == (empty, "Ann <ann@example.com>", len(HEAD))
    assert bodiless.fingerprint.headers is not None
    headless = facts(b"\r\nSubject: in the body\r\n")
    assert (headless.subject, headless.fingerprint.message_id) == ("", None)
    assert headless.fingerprint.body == hashlib.sha256(b"Subject: in the body\r\n").hexdigest()


def test_received_fields_are_counted() -> None:
    assert facts(TRACE[1] * 3 + TRACE[2] + HEAD + b"\r\n" + TRACE[1]).received_count == 3


SUBJECTS = {
    "plain": (b"Lunch", "Lunch"),
    "folded": (b"a\r\n  b\tc", "a b c"),
    "utf-8 base64": (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
    "padding lost": (b"=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
    "quoted": (b"=?iso-8859-1?q?Gr=FC=DFe_an?= alle", "Grüße an alle"),
    "two words": (b"=?utf-8?q?a_?= \r\n =?utf-8?q?b?=", "a b"),
    "language": (b"=?utf-8*de?q?a?=", "a"),
    "raw utf-8": ("Grüße".encode(), "Grüße"),
    "raw latin-1": ("Grüße".encode("latin-1"), "Grüße"),
    "unknown charset": (b"=?x-klingon?q?a?=", "=?x-klingon?q?a?="),
    "bad base64": (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
    "hidden controls": (b"=?utf-8?q?a=00=0D=0ABcc:=1B[2J=E2=80=AEb?=", "aBcc:[2Jb"),
    "long": (b"x" * 5000, "x" * 200),
}


@pytest.mark.parametrize(("raw", "shown"), SUBJECTS.values(), ids=SUBJECTS.keys())
def test_subject_as_people_read_it(raw: bytes, shown: str) -> None:
    assert facts(b"Subject: " + raw + b"\r\n\r\n").subject == shown


def test_author_is_cut_too() -> None:
    assert facts(b"From: =?utf-8?q?Ann?= <ann@example.com>\r\n\r\n").author == "Ann <ann@example.com>"
    assert len(facts(b"From: " + b"x" * 5000 + b"\r\n\r\n").author) == 320


FORGERIES = [
    b"X-Greygate: pass\r\n",
    b"x-greygate : pass\r\n folded\r\n",
    b"X-GREYGATE:\r\n",
    b"Authentication-Results: mx.example.org; spf=pass\r\n",
    b"authentication-results:\r\n\tMX.Example.ORG 1; spf=pass\r\n",
    b'Authentication-Results: "mx.example.org"; none\r\n',
    b'Authentication-Results: "mx.\\example.org"; none\r\n',
    b"Authentication-Results: (a (nested \\) one)) mx.example.org(x); none\r\n",
    b"Authentication-Results: mx.example.org\r\n",
]
NOT_FORGERIES = [
    b"X-Greygate-Other: pass\r\n",
    b"X-Other: X-Greygate: pass\r\n",
    b"Subject: a\r\n X-Greygate: folded\r\n",
    b"Authentication-Results: other.example; mx.example.org\r\n",
    b"Authentication-Results: mx.example.org.evil.example; spf=pass\r\n",
    b"Authentication-Results: (mx.example.org) other.example; spf=pass\r\n",
    b"Authentication-Results: \r\n",
    b"Authentication-Results: (((\r\n",
    b"Garbage X-Greygate: pass\r\n",
]


@pytest.mark.parametrize("field", FORGERIES)
def test_fields_that_forge_our_name_are_named_and_removed(field: bytes) -> None:
    name = field.partition(b":")[0].strip().decode()
    for message in (field + HEAD + b"\r\n" + BODY, HEAD + field + b"\r\n" + BODY, field * 2 + HEAD + b"\r\n" + BODY):
        assert facts(message).forged_fields == (name,)
        assert cleaned(message) == (HEAD + b"\r\n" + BODY, (name,))
    in_the_body = HEAD + b"\r\n" + field + BODY
    assert cleaned(in_the_body) == (in_the_body, ())


@pytest.mark.parametrize("field", NOT_FORGERIES)
def test_other_fields_stay(field: bytes) -> None:
    message = HEAD + field + b"\r\n" + BODY
    assert facts(message).forged_fields == ()
    assert cleaned(message) == (message, ())


@given(messages)
def test_remover_takes_what_the_facts_name_and_no_other_byte(message: bytes) -> None:
    data, removed = cleaned(message)
    assert removed == facts(message).forged_fields
    assert facts(data).forged_fields == ()
    if not removed:
        assert data == message
    fields = split_fields(message)
    rest = message[sum(len(raw) for _, raw in fields) :]
    kept = [raw for _, raw in fields if not facts(raw).forged_fields]
    assert data == b"".join(kept) + rest


def test_head_without_end_is_cut_and_said_so() -> None:
    printer, remover = Fingerprinter(OURS, VERDICT), FieldRemover(OURS, VERDICT)
    message = HEAD + b"X-Long: " + b"x" * 300_000 + b"\r\nX-Greygate: pass\r\n\r\n" + BODY
    printer.feed(message)
    assert remover.feed(message) + remover.finish() == message
    assert printer.head_too_big
    fingerprint = printer.finish().fingerprint
    assert (fingerprint.headers, fingerprint.message_id) == (None, None)


def test_head_of_exactly_the_limit_is_parsed() -> None:
    message = HEAD + b"\r\n" + BODY
    assert facts(message, max_head=len(HEAD) + 2) == facts(message)
    assert facts(message, max_head=len(HEAD) + 1).fingerprint.headers is None


def hashed(chunk: bytes, megabytes: int) -> int:
    """Peak of memory beyond the chunk, in bytes."""
    printer = Fingerprinter(OURS, VERDICT)
    printer.feed(HEAD + b"\r\n")
    for _ in range(megabytes * 1_048_576 // len(chunk)):
        printer.feed(chunk)
    tracemalloc.start()
    for _ in range(8):
        printer.feed(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


BULK = {
    "text": (b"the quick brown fox " * 4)[:76] + b"\r\n",
    "endless line": b"x" * 64,
    "endless blanks": b" \t" * 32,
    "empty lines": b"\r\n",
    "wide columns": b"a" + b" " * 70 + b"\tb\r\n",
}


@pytest.mark.parametrize("line", BULK.values(), ids=BULK.keys())
def test_ten_megabytes_stream_in_constant_memory(line: bytes) -> None:
    assert hashed(line * (65536 // len(line)), 10) < 8 * 65536


def test_hostile_heads_do_not_take_long() -> None:
    started = time.perf_counter()
    for line in (b"A:\r\n", b" \r\n", b"From:(\r\n", b"Authentication-Results:" + b"(" * 900 + b"\r\n", b"=?utf-8?q?"):
        facts(b"From: " + line * (250_000 // len(line)) + b"\r\n\r\n")
        cleaned(line * (250_000 // len(line)) + b"\r\n\r\n")
    assert time.perf_counter() - started < 60
