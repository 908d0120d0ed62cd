"""Counting: places by prefix, guesses by the hour, the rate of a mail. Time is an argument."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smtpd.limits import DRAIN_LEAST, HOUR, Drain, Gate, Guesses, Most, Pace, levels
from gateway.smtpd.proxied import BadHeader, read_header
from gateway.smtpd.stress import Stress

MOST = Most(total=100, address=2, network=3, home=4, site=5, known_network=9, tls=2)


def enter(gate, *addresses, known=False):
    return [gate.enter(ip_address(one), known=known) is not None for one in addresses]


@pytest.mark.parametrize(
    ("addresses", "last"),
    [
        (["192.0.2.1", "192.0.2.1", "192.0.2.1"], False),
        (["192.0.2.1", "192.0.2.1", "192.0.2.2"], True),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"], False),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.4"], True),
        (["::ffff:192.0.2.1", "192.0.2.2", "192.0.2.3", "::ffff:192.0.2.4"], False),
        (["2001:db8::1", "2001:db8::1", "2001:db8::1"], False),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"], False),
        ([f"2001:db8:0:{number:x}::1" for number in range(5)], False),
        ([f"2001:db8:0:{number:x}00::1" for number in range(5)], True),
        ([f"2001:db8:0:{number:x}00::1" for number in range(6)], False),
        ([f"2001:db8:{number:x}::1" for number in range(20)], True),
    ],
)
def test_how_many_from_where(addresses, last):
    *before, outcome = enter(Gate(MOST), *addresses)
    assert all(before)
    assert outcome is last


def test_a_known_network_has_its_own_count():
    gate = Gate(MOST)
    assert enter(gate, *["192.0.2.1"] * 10, known=True) == [True] * 9 + [False]
    assert enter(gate, "192.0.2.1", "192.0.2.2") == [True, True]


def test_the_last_places_are_for_known_networks():
    gate = Gate(MOST)
    strangers = [f"198.51.{number}.1" for number in range(100)]
    assert enter(gate, *strangers) == [True] * 90 + [False] * 10
    assert enter(gate, *[f"192.0.{number}.1" for number in range(11)], known=True) == [True] * 10 + [False]


@given(st.lists(st.tuples(st.ip_addresses(), st.booleans()), max_size=150))
def test_whoever_leaves_gives_everything_back(visits):
    gate = Gate(MOST)
    places = [(gate.enter(address, known=known), known) for address, known in visits]
    for place, known in places:
        if place is not None:
            gate.leave(place, known=known)
    assert gate.open == 0
    assert not gate.counts
    assert not gate.known
    assert gate.refused == sum(place is None for place, _ in places)


def test_encrypted_places_are_counted_apart_and_known_networks_go_on():
    gate = Gate(MOST)
    assert [gate.encrypt(known=False) for _ in range(3)] == [True, True, False]
    assert gate.encrypt(known=True)
    for _ in range(3):
        gate.decrypt()
    assert gate.encrypt(known=False)


def test_an_address_is_counted_at_every_length_that_somebody_may_own():
    assert [prefix for prefix, _ in levels(ip_address("192.0.2.1"))] == [32, 24]
    assert [prefix for prefix, _ in levels(ip_address("2001:db8::1"))] == [128, 64, 56, 48]


def test_stress_begins_and_ends_at_different_counts():
    stress = Stress(100, 70, 50)
    counts = [(69, False), (70, True), (69, True), (50, True), (49, False), (69, False), (90, True)]
    for sessions, on in counts:
        stress.see(sessions)
        assert stress.on is on
    assert stress.times == 2


def test_only_the_beginning_of_stress_is_told():
    stress = Stress(10, 70, 50)
    assert [stress.see(count) for count in (6, 7, 8, 4, 7)] == [False, True, False, False, True]


def test_wrong_guesses_count_for_an_hour_and_per_name():
    guesses = Guesses(3)
    for moment in range(3):
        assert not guesses.are_too_many(["192.0.2.0/24", "a.example"], moment)
        guesses.wrong(["192.0.2.0/24", "a.example"], moment)
    assert guesses.are_too_many(["192.0.2.0/24"], 4)
    assert guesses.are_too_many(["198.51.100.0/24", "a.example"], 4)
    assert not guesses.are_too_many(["198.51.100.0/24"], 4)
    assert not guesses.are_too_many(["192.0.2.0/24"], 4, times=2)
    assert guesses.are_too_many(["192.0.2.0/24"], HOUR - 1)
    assert not guesses.are_too_many(["192.0.2.0/24"], HOUR)


def test_the_memory_of_guesses_is_bounded():
    guesses = Guesses(1)
    for number in range(30_000):
        guesses.wrong([f"net {number}"], 0)
    assert len(guesses.made) == 20_000
    assert guesses.are_too_many(["net 29999"], 1)


@given(rate=st.integers(1, 10_000), pieces=st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_who_keeps_the_rate_is_never_cut(rate, pieces):
    pace, now = Pace(0.0, 180.0, rate), 0.0
    for gap in pieces:
        assert gap <= pace.left(now)
        now += gap
        pace.received += int(gap * rate) + 1


def test_who_is_slower_is_cut_in_the_end():
    pace, now = Pace(0.0, 180.0, 500), 0.0
    while pace.left(now) > 0.001:
        now += 20
        pace.received += 1  # a byte each 20 s
    assert now <= 200


def test_data_that_are_too_many_are_read_for_a_while_only():
    drain = Drain(1000)
    drain.saw(DRAIN_LEAST, 0)
    assert not drain.is_over(1)
    assert drain.is_over(301)
    drain.saw(1, 2)
    assert drain.is_over(2)
    big = Drain(2**30)
    big.saw(4 * 2**30, 0)
    assert not big.is_over(1)


# ---- the header of a load balancer, cut anywhere -------------------------------------------------------------------

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 9]) + bytes(4) + b"\x10\xe1\0\x19"


@pytest.mark.parametrize(("header", "shown"), [(V1, "192.0.2.7"), (V2, "192.0.2.9")])
def test_a_header_is_complete_at_its_last_byte_and_what_follows_is_not_part_of_it(header, shown):
    for length in range(len(header)):
        assert read_header(header[:length]) is None
    assert read_header(header) == (ip_address(shown), len(header))
    assert read_header(header + b"EHLO a\r\n") == (ip_address(shown), len(header))


@pytest.mark.parametrize(
    "data", [b"EHLO", b"PROXY " + b"x" * 200, b"PROXY\r\n", V2[:14] + b"\xff\xff", b"\r\n\r\n\0\r\nQUIX"]
)
def test_what_is_no_header_is_told_apart_at_once(data):
    with pytest.raises(BadHeader):
        read_header(data)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data):
    try:
        found = read_header(data)
    except BadHeader:
        return
    assert found is None or found[1] <= len(data)
