"""The way of a mail as fields tell it that real servers wrote, and fields that nobody sane wrote."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.journey import MOST_STEPS, Step, read, steps

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
OURS = Step("mx.elsewhere.example", "192.0.2.7", "gate.example.com", "ESMTPS", NOON)

FIELDS = {
    "from mx.a.example (mx.a.example [192.0.2.7]) by mail.b.example (Postfix) with ESMTPS id 4X"
    " for <bo@example.com>; Wed, 4 Mar 2026 11:59:30 +0000 (UTC)": ("mx.a.example", "192.0.2.7", "mail.b.example"),
    "from [192.0.2.9] (helo=desk) by mx.b.example with esmtpsa (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96)"
    " (envelope-from <ann@b.example>) id 1r-2 for bo@example.com; Wed, 04 Mar 2026 12:59:30 +0100":
        ("[192.0.2.9]", "192.0.2.9", "mx.b.example"),
    "from A0.prod.example (2001:db8::1) by A9.prod.example (2001:db8::2) with Microsoft SMTP Server"
    " (version=TLS1_2) id 15.20; Wed, 4 Mar 2026 11:59:30 +0000": ("A0.prod.example", "2001:db8::1", "A9.prod.example"),
    "by 2002:a05:6a10 with SMTP id x; Wed, 4 Mar 2026 03:59:30 -0800 (PST)": ("", "", "2002:a05:6a10"),
}  # fmt: skip


@pytest.mark.parametrize("value", FIELDS)
def test_fields_of_servers_are_read(value: str) -> None:
    step = read(value)
    assert (step.giver, step.address, step.taker) == FIELDS[value]
    assert step.at == datetime(2026, 3, 4, 11, 59, 30, tzinfo=UTC)
    assert step.text == ""


@pytest.mark.parametrize(
    "value",
    ["", ";", "(qmail 12 invoked by uid 89); 4 Mar 2026 12:00:00 -0000", "from x", "by", "from ((((", "\\", "x" * 9000],
)
def test_what_cannot_be_read_is_a_step_all_the_same(value: str) -> None:
    step = read(value)
    assert (step.taker, step.text) == ("", value[:2000])


def test_the_way_goes_from_the_writer_to_us_with_what_each_step_took() -> None:
    told = steps(
        [
            "from b.example by c.example; Wed, 4 Mar 2026 11:59:00 +0000",
            "from b.example by b.example; no date",
            "from a.example by b.example; Wed, 4 Mar 2026 11:50:00 +0000",
        ],
        NOON - timedelta(minutes=10, seconds=5),
        OURS,
    )
    assert [(one.taker, one.took) for one in told] == [
        ("b.example", timedelta(seconds=5)),
        ("b.example", None),
        ("c.example", timedelta(minutes=9)),
        ("gate.example.com", timedelta(minutes=1)),
    ]
    assert [one.is_ours for one in told] == [False, False, False, True]


def test_a_clock_that_is_wrong_is_seen() -> None:
    fast = steps(["from a by b; Wed, 4 Mar 2026 12:30:00 +0000"], None, OURS)
    assert [one.is_before for one in fast] == [False, True]
    assert fast[1].took == timedelta(minutes=-30)
    near = steps(["from a by b; Wed, 4 Mar 2026 12:00:01 +0000"], None, OURS)
    assert not near[1].is_before


def test_a_field_does_not_say_twice_who_took_it() -> None:
    """What the sender says of itself may hold the words that open clauses."""
    assert read("from by by mx.example by evil.example; x").taker == "mx.example"


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=300), max_size=80),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_nothing_that_others_wrote_breaks_it(fields: list[str], written: datetime | None) -> None:
    assert 1 <= len(steps(fields, written, OURS)) <= MOST_STEPS + 1


@pytest.mark.parametrize(
    "text", ["Wed, 4 Mar 9999 23:59:59 -2359", "Mon, 1 Jan 0001 00:00:00 +2359", "now", "", "0" * 999]
)
def test_dates_at_the_end_of_the_calendar_break_nothing(text: str) -> None:
    steps([f"from a by b; {text}"], NOON, OURS)
