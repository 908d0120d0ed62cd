"""The DATA reader: nothing but CRLF.CRLF ends a message, however it is cut into segments."""

import itertools
import re
import time
import tracemalloc
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.smtpd.wire import DataReader, Defect

END = b"\r\n.\r\n"
BIG = 1 << 40


@dataclass(frozen=True)
class Read:
    payload: bytes
    done: bool
    rest: bytes
    defect: Defect | None
    size: int
    ended_plausibly: bool


def read(*pieces: bytes, max_size: int = BIG, max_line: int = 65535, normalise: bool = False) -> Read:
    reader = DataReader(max_size=max_size, max_line=max_line, normalise=normalise)
    payload = b"".join(map(reader.feed, pieces))
    return Read(payload, reader.done, reader.rest, reader.defect, reader.size, reader.ended_plausibly)


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in data]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def stuffed(payload: bytes) -> bytes:
    """The reference sender: CRLF lines in, what goes over the wire out (RFC 5321 4.5.2)."""
    return b"".join(b"." * line.startswith(b".") + line for line in payload.splitlines(keepends=True)) + b".\r\n"


def normalised(wire: bytes) -> bytes:
    """The reference for peers whose newlines are mended: `wire` is what comes before the CRLF.CRLF, with its CRLF."""
    text = wire.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    lines = text.split(b"\n")
    return b"\r\n".join(line[1:] if len(line) > 1 and line[:1] == b"." else line for line in lines)


# Bytes out of which every confusion about newlines and dots is made.
wire_bytes = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\0", b"a", b"b.", b"\r\n.", END, b"long line"]), max_size=40
).map(b"".join)
clean_payloads = st.lists(
    st.sampled_from([b"", b".", b"..", b".a", b"a.", b"text", b"\x0b.", b"\xff"]), max_size=20
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
limits = st.sampled_from([(BIG, 65535), (BIG, 5), (12, 65535), (12, 5), (0, 1)])


@settings(max_examples=1000)
@given(wire_bytes, st.lists(st.integers(0, 400), max_size=6), limits, st.booleans())
def test_how_data_is_cut_makes_no_difference(
    data: bytes, places: list[int], limits: tuple[int, int], mend: bool
) -> None:
    options = {"max_size": limits[0], "max_line": limits[1], "normalise": mend}
    whole = read(data, **options)
    assert read(*one_by_one(data), **options) == whole
    assert read(*cut(data, places), **options) == whole


@given(clean_payloads, st.binary(max_size=9), st.lists(st.integers(0, 400), max_size=6), st.booleans())
def test_what_a_correct_sender_stuffs_comes_out_as_it_was(
    payload: bytes, rest: bytes, places: list[int], mend: bool
) -> None:
    expected = Read(payload, True, rest, None, len(payload), False)
    assert read(*cut(stuffed(payload) + rest, places), normalise=mend) == expected


@given(wire_bytes)
def test_clean_payload_never_holds_what_was_refused(data: bytes) -> None:
    result = read(data)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", result.payload)
    assert result.size == len(result.payload)
    assert result.done == (END in b"\r\n" + data)
    assert result.done or not result.rest


@given(wire_bytes.filter(lambda data: END not in b"\r\n" + data + b"\r\n"))
def test_mended_data_is_what_the_reference_makes_of_it(data: bytes) -> None:
    expected = normalised(data + b"\r\n")
    assert read(data + END, normalise=True) == Read(expected, True, b"", None, len(expected), False)


def test_bare_dot_at_once_is_an_empty_message() -> None:
    assert read(b".\r\nQUIT\r\n") == Read(b"", True, b"QUIT\r\n", None, 0, False)


# What lies between "first line" and "MAIL FROM:<smuggled>"; the defect of a strict reader, None: it is content.
SMUGGLING = {
    "LF.LF": (b"\n.\n", Defect.BARE_LF, True),
    "LF.CR": (b"\n.\r", Defect.BARE_LF, True),
    "CR.LF": (b"\r.\n", Defect.BARE_CR, True),
    "CR.CR": (b"\r.\r", Defect.BARE_CR, True),
    "LF.CRLF": (b"\n.\r\n", Defect.BARE_LF, True),
    "CR.CRLF": (b"\r.\r\n", Defect.BARE_CR, True),
    "CRLF NUL .CRLF": (b"\r\n\0.\r\n", Defect.NUL, True),
    "CRLF.CR CRLF": (b"\r\n.\r\r\n", Defect.BARE_CR, True),
    "CR CRLF.CR CRLF": (b"\r\r\n.\r\r\n", Defect.BARE_CR, True),
    "CRLF.LF": (b"\r\n.\n", Defect.BARE_LF, True),
    "CRLF.CR": (b"\r\n.\r", Defect.BARE_CR, True),
    "CRLF. NUL CRLF": (b"\r\n.\0\r\n", Defect.NUL, True),
    "CRLF CR.CRLF": (b"\r\n\r.\r\n", Defect.BARE_CR, True),
    "CRLF.space CRLF": (b"\r\n. \r\n", None, False),
    "CRLF VT.CRLF": (b"\r\n\x0b.\r\n", None, False),
    "CRLF FF.CRLF": (b"\r\n\x0c.\r\n", None, False),
    "NEL.NEL": ("\x85.\x85".encode(), None, False),
    "raw NEL": (b"\r\n\x85.\x85\r\n", None, False),
    "LS.LS": ("\u2028.\u2028".encode(), None, False),
    "PS.PS": ("\u2029.\u2029".encode(), None, False),
    "CRLF..CRLF": (b"\r\n..\r\n", None, False),
}


@pytest.mark.parametrize(("sequence", "defect", "plausible"), SMUGGLING.values(), ids=SMUGGLING.keys())
@pytest.mark.parametrize("segments", ["whole", "bytes"])
def test_smuggling_never_ends_the_message_early(
    sequence: bytes, defect: Defect | None, plausible: bool, segments: str
) -> None:
    head = b"first line" + sequence
    data = head + b"MAIL FROM:<smuggled@example.org>\r\n"
    early = read(*([data] if segments == "whole" else one_by_one(data)))
    assert (early.done, early.rest, early.defect, early.ended_plausibly) == (False, b"", defect, plausible)
    late = read(*([data + END] if segments == "whole" else one_by_one(data + END)))
    assert (late.done, late.rest, late.defect) == (True, b"", defect)


@pytest.mark.parametrize(("sequence", "defect", "plausible"), SMUGGLING.values(), ids=SMUGGLING.keys())
def test_smuggling_stays_content_when_newlines_are_mended(sequence: bytes, defect: Defect, plausible: bool) -> None:
    result = read(b"first line" + sequence + b"smuggled" + END + b"QUIT\r\n", normalise=True)
    assert (result.done, result.rest, result.defect, result.ended_plausibly) == (True, b"QUIT\r\n", None, False)
    assert result.payload.endswith(b"smuggled\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", result.payload)


def test_strict_end_in_three_segments() -> None:
    assert read(b"a\r\n", b".", b"\r\nQUIT") == Read(b"a\r\n", True, b"QUIT", None, 3, False)


def test_plausible_end_is_seen_even_when_it_comes_long_after_the_defect() -> None:
    assert not read(b"a\nb\r\n").ended_plausibly
    assert read(b"a\nb\r\n", b"more", b"\r", b".", b"\n").ended_plausibly


def test_defect_words_are_fit_for_a_reply() -> None:
    assert [str(defect) for defect in Defect] == ["bare CR", "bare LF", "NUL", "line too long", "message too big"]


@pytest.mark.parametrize("length", [65534, 65535])
def test_longest_line_is_taken(length: int) -> None:
    line = b"x" * length + b"\r\n"
    assert read(line * 3 + b".\r\n").defect is None
    assert read(*cut(line * 3 + b".\r\n", list(range(0, 3 * length, 777)))).payload == line * 3


def test_line_one_byte_too_long_is_not_taken_and_the_session_goes_on() -> None:
    data = b"ok\r\n" + b"x" * 65536 + b"\r\nbare\nthings\r\n.\r\nRSET\r\n"
    expected = Read(b"ok\r\n" + b"x" * 65535, True, b"RSET\r\n", Defect.LINE_TOO_LONG, 65539, False)
    assert read(data) == expected
    assert read(*cut(data, list(range(0, 65600, 1000)))) == expected


def test_stuffed_dot_does_not_count_for_the_length_of_a_line() -> None:
    assert read(b"..234\r\n.\r\n", max_line=4).defect is None
    assert read(b"..2345\r\n.\r\n", max_line=4).defect is Defect.LINE_TOO_LONG


def test_size_limit_is_exact() -> None:
    data = b"12345678\r\n.\r\nQUIT"
    assert read(data, max_size=10) == Read(b"12345678\r\n", True, b"QUIT", None, 10, False)
    assert read(data, max_size=9) == Read(b"12345678\r", True, b"QUIT", Defect.TOO_BIG, 9, False)


def test_byte_that_breaks_both_limits_is_too_big() -> None:
    assert read(b"123456", max_size=5, max_line=5).defect is Defect.TOO_BIG
    assert read(b"123456", max_size=6, max_line=5).defect is Defect.LINE_TOO_LONG


@pytest.mark.parametrize("place", range(12))
def test_too_big_ends_only_at_the_strict_end_wherever_the_buffer_breaks(place: int) -> None:
    data = b"123456789\n.\nx" + END + b"RSET"
    result = read(data[: len(data) - place], data[len(data) - place :], max_size=5)
    assert (result.done, result.rest, result.defect, result.ended_plausibly) == (True, b"RSET", Defect.TOO_BIG, False)


def streamed(chunk: bytes, megabytes: int, **options: int) -> tuple[DataReader, int, float]:
    """The reader, its peak of memory beyond the chunk in bytes, and the seconds that it took."""
    reader = DataReader(max_size=BIG, **options)
    times = megabytes * 1_048_576 // len(chunk)
    started = time.perf_counter()
    for _ in range(times):
        reader.feed(chunk)
    took = time.perf_counter() - started
    tracemalloc.start()
    for _ in range(8):
        reader.feed(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return reader, peak, took


@pytest.mark.parametrize("normalise", [False, True])
def test_sixteen_megabytes_of_empty_lines_stream(normalise: bool) -> None:
    reader, peak, took = streamed(b"\r\n" * 32768, 16, normalise=normalise)
    assert reader.defect is None
    held = 16 * 1_048_576 + 8 * 65536 - reader.size
    assert held <= 4  # the newline that may open the end
    assert peak < 8 * 65536
    assert took < 60


def test_endless_line_streams_in_constant_memory() -> None:
    reader, peak, took = streamed(b"x" * 65536, 64)
    assert reader.defect is Defect.LINE_TOO_LONG
    assert reader.size == 65535
    assert peak < 8 * 65536
    assert took < 60


def test_endless_line_within_a_great_limit_streams_too() -> None:
    reader, peak, _ = streamed(b"x" * 65536, 64, max_line=BIG)
    assert reader.defect is None
    assert peak < 8 * 65536
