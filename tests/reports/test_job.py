"""Each domain gets one report a day, whatever dies and however many nodes there are, or none and a line in the log."""

import asyncio
import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from gateway.digest.written import Stamp
from gateway.relay.factory import make_hop
from gateway.reports.job import AFTER, LEASE, SPREAD, DmarcReports, day_before
from gateway.reports.written import Reporter
from gateway.store import decisions, reports
from tests.evidence.table import Table
from tests.policy.stranger import BO, POLICY
from tests.reports.making import CY, DAY_BEGINS, DOMAIN, PASSED, address, decided, dmarc
from tests.reports.schema import flaws
from tests.sink import Mail, Sink
from tests.store.making import DAY, HOUR, MINUTE

Zone = dict[tuple[str, str], tuple[str, ...] | None]
MIDNIGHT = DAY_BEGINS + DAY
GATHERS = MIDNIGHT + AFTER
LATER = GATHERS + SPREAD
SENDER = "dmarc-reports@example.com"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def job(engine: Engine, sink: Sink, zone: Zone | None = None, spread: timedelta = timedelta(0)) -> DmarcReports:
    stamp = Stamp(SENDER, "gate.example.com", "", UTC)
    return DmarcReports(
        engine=engine,
        hop=make_hop(sink.url, hostname="gate.example.com"),
        resolver=Table(zone or {}),
        reporter=Reporter(stamp, "Example", ""),
        policy=POLICY,
        local={"example.com"},
        spread=spread,
    )


def keep(engine: Engine, *about: decisions.Decision) -> None:
    with engine.begin() as conn:
        decisions.add(conn, about or [decided(PASSED)])


def kept(engine: Engine) -> dict[str, dict[str, Any]]:
    with engine.begin() as conn:
        return {row["domain"]: row for row in reports.latest(conn, 100)}


def states(engine: Engine) -> Mapping[str, str]:
    return {domain: row["state"] for domain, row in kept(engine).items()}


def xml_of(mail: Mail) -> ET.Element:
    found = message_from_bytes(mail.content, policy=default)
    assert isinstance(found, EmailMessage)
    (attached,) = found.iter_attachments()
    document = gzip.decompress(attached.get_content())
    assert flaws(document) == []
    return ET.fromstring(document)


# ---- a day ---------------------------------------------------------------------------------------------------------


async def test_a_day_is_told_when_it_is_over_and_once(engine: Engine, sink: Sink) -> None:
    keep(engine, decided(PASSED), decided(PASSED, 2, at=timedelta(0)), decided(dmarc(), 3, at=DAY - MINUTE))
    keep(engine, decided(PASSED, 4, at=-MINUTE), decided(PASSED, 5, at=DAY))  # the days beside it
    made = job(engine, sink)
    assert await made.turn(MIDNIGHT - HOUR) == 1, "about the day before"
    assert [int(one.text or 0) for one in xml_of(sink.mails.pop()).iter("count")] == [1]
    assert await made.turn(MIDNIGHT + MINUTE) == 0, "what was decided last may not be on record yet"
    assert await made.turn(GATHERS) == 1
    for later in (MINUTE, HOUR, 12 * HOUR):
        assert await made.turn(GATHERS + later) == 0
    (mail,) = sink.mails
    assert mail.rcpts == [f"reports@{DOMAIN}"]
    assert f"<{SENDER}>" in mail.sender, "SPF may vouch for it, and nobody else gets what bounces"
    root = xml_of(mail)
    assert sum(int(one.text or 0) for one in root.iter("count")) == 3
    assert root.findtext("report_metadata/date_range/begin") == str(int(DAY_BEGINS.timestamp()))
    with engine.begin() as conn:
        assert [row["state"] for row in reports.latest(conn, 9)] == ["sent", "sent"]


async def test_the_reports_of_a_day_do_not_leave_all_at_once(engine: Engine, sink: Sink) -> None:
    keep(engine, *(decided(dmarc(domain=f"d{n}.example", rua=(f"mailto:x@d{n}.example",)), n) for n in range(30)))
    made = job(engine, sink, spread=SPREAD)
    assert await made.turn(GATHERS) < 30
    due = {row["due"] for row in kept(engine).values()}
    assert len(due) > 5
    assert max(due) <= LATER
    while await made.turn(LATER):
        pass
    assert sorted(mail.rcpts[0] for mail in sink.mails) == sorted(f"x@d{n}.example" for n in range(30))


async def test_two_nodes_send_one_report(engine: Engine, sink: Sink) -> None:
    keep(engine, *(decided(dmarc(domain=f"d{n}.example", rua=(f"mailto:x@d{n}.example",)), n) for n in range(5)))
    nodes = [job(engine, sink), job(engine, sink)]
    for minute in range(5):
        done = await asyncio.gather(*(one.turn(GATHERS + minute * MINUTE) for one in nodes), return_exceptions=True)
        # A database may let one of two wait too long, or ask it to do its work again: it looks again.
        assert all(isinstance(one, int | OperationalError) for one in done), done
    assert sorted(mail.rcpts[0] for mail in sink.mails) == [f"x@d{n}.example" for n in range(5)]


async def test_who_is_second_at_a_report_leaves_it_alone(engine: Engine, sink: Sink) -> None:
    keep(engine)
    first, second = job(engine, sink), job(engine, sink)
    await first.gather(DAY_BEGINS, GATHERS)
    (row,) = kept(engine).values()
    assert await first.attempt(row, GATHERS)
    assert not await second.attempt(row, GATHERS)
    assert len(sink.mails) == 1


async def test_a_claim_is_of_one(engine: Engine, sink: Sink) -> None:
    keep(engine)
    await job(engine, sink).gather(DAY_BEGINS, GATHERS)
    (row,) = kept(engine).values()
    with engine.begin() as conn:
        assert reports.claim(conn, row, GATHERS + LEASE)
        assert not reports.claim(conn, row, GATHERS + LEASE), "it is somebody else's by now"
        assert not reports.settle(conn, row, "sent", {}, "", GATHERS), "nor does who lost it say what became of it"
        assert reports.settle(conn, {**row, "due": GATHERS + LEASE}, "sent", {}, "", GATHERS)


async def test_who_dies_while_gathering_is_followed_by_another(engine: Engine, sink: Sink) -> None:
    keep(engine)
    with engine.begin() as conn:
        assert reports.claim_day(conn, "dmarc", DAY_BEGINS, GATHERS, GATHERS + HOUR)
    made = job(engine, sink)
    assert await made.turn(GATHERS + MINUTE) == 0
    assert await made.turn(GATHERS + HOUR) == 1
    assert len(sink.mails) == 1


async def test_who_dies_while_sending_is_followed_by_another(engine: Engine, sink: Sink) -> None:
    keep(engine)
    await job(engine, sink).gather(DAY_BEGINS, GATHERS)
    (row,) = kept(engine).values()
    with engine.begin() as conn:
        assert reports.claim(conn, row, GATHERS + LEASE)
    assert await job(engine, sink).turn(GATHERS + LEASE - MINUTE) == 0
    assert await job(engine, sink).turn(GATHERS + LEASE) == 1
    assert states(engine) == {DOMAIN: "sent"}


async def test_a_day_that_is_gathered_again_sends_nothing_twice(engine: Engine, sink: Sink) -> None:
    keep(engine)
    made = job(engine, sink)
    await made.turn(GATHERS)
    made.keep(DAY_BEGINS, (), GATHERS + HOUR)
    assert await made.turn(GATHERS + 2 * HOUR) == 0
    assert len(sink.mails) == 1


async def test_nobody_who_did_not_send_is_told_of(engine: Engine, sink: Sink) -> None:
    made = job(engine, sink)
    await made.turn(GATHERS)
    assert (sink.mails, kept(engine)) == ([], {})


async def test_its_bounces_are_known_where_we_tag_our_senders(engine: Engine, sink: Sink) -> None:
    keep(engine)
    made = job(engine, sink)
    made.batv_key = "a key that is long enough"
    await made.turn(GATHERS)
    assert "<prvs=" in sink.mails[0].sender
    assert "dmarc-reports@example.com>" in sink.mails[0].sender


async def test_who_is_told_to_stop_begins_no_other_report(engine: Engine, sink: Sink) -> None:
    keep(engine)
    stop = asyncio.Event()
    stop.set()
    assert await job(engine, sink).turn(GATHERS, stop) == 0
    assert sink.mails == []


# ---- trouble -------------------------------------------------------------------------------------------------------


async def test_what_could_not_leave_is_tried_again(engine: Engine, sink: Sink) -> None:
    keep(engine)
    sink.on["RCPT"] = b"450 4.2.1 later"
    made = job(engine, sink)
    assert await made.turn(GATHERS) == 1
    assert states(engine) == {DOMAIN: "open"}
    assert "450 4.2.1 later" in kept(engine)[DOMAIN]["said"]
    sink.on.clear()
    assert await made.turn(GATHERS + MINUTE) == 0
    assert await made.turn(GATHERS + 10 * MINUTE) == 1
    assert (len(sink.mails), states(engine)) == (1, {DOMAIN: "sent"})


async def test_what_did_not_leave_by_the_end_of_the_day_is_dropped_with_a_word(engine: Engine) -> None:
    keep(engine)
    gone = Sink()
    gone.close()
    made, now, tries = job(engine, gone), GATHERS, 0
    with capture_logs() as lines:
        while now < MIDNIGHT + 2 * DAY:
            tries += await made.turn(now)
            now += 10 * MINUTE
    (line,) = [one for one in lines if one["event"] == "report dropped"]
    assert (line["domain"], line["day"], line["log_level"]) == (DOMAIN, f"{DAY_BEGINS:%Y-%m-%d}", "warning")
    assert "cannot be reached" in line["error"]
    assert 10 < tries < 40
    assert states(engine) == {DOMAIN: "dropped"}


async def test_who_was_away_for_days_does_not_send_what_is_old(engine: Engine, sink: Sink) -> None:
    keep(engine)
    await job(engine, sink).gather(DAY_BEGINS, GATHERS)
    with capture_logs() as lines:
        assert await job(engine, sink).turn(MIDNIGHT + 3 * DAY) == 0
    assert [one["event"] for one in lines if one["event"].startswith("report d")] == ["report dropped"]
    assert (sink.mails, states(engine)) == ([], {DOMAIN: "dropped"})


async def test_a_no_is_final(engine: Engine, sink: Sink) -> None:
    keep(engine)
    sink.on["RCPT"] = b"550 5.1.1 nobody"
    made = job(engine, sink)
    assert [await made.turn(GATHERS + hour * HOUR) for hour in range(3)] == [1, 0, 0]
    assert states(engine) == {DOMAIN: "dropped"}


async def test_one_of_several_who_is_not_ready_gets_it_later_and_the_others_not_again(
    engine: Engine, sink: Sink
) -> None:
    places = ("mailto:a@elsewhere.example", "mailto:b@elsewhere.example", "mailto:c@elsewhere.example")
    keep(engine, decided(dmarc(rua=places)))
    sink.on["RCPT:b@elsewhere.example"] = b"450 4.2.1 later"
    sink.on["RCPT:c@elsewhere.example"] = b"550 5.1.1 nobody"
    made = job(engine, sink)
    await made.turn(GATHERS)
    assert states(engine) == {DOMAIN: "open"}
    sink.on.clear()
    await made.turn(GATHERS + HOUR)
    assert [mail.rcpts for mail in sink.mails] == [["a@elsewhere.example"], ["b@elsewhere.example"]]
    one, other = (xml_of(mail).findtext("report_metadata/report_id") for mail in sink.mails)
    assert one == other, "who gets it twice can tell"
    assert states(engine) == {DOMAIN: "sent"}


async def test_a_stranger_whom_a_domain_names_gets_nothing_unless_it_wants_to(engine: Engine, sink: Sink) -> None:
    place = ("mailto:dmarc@reader.example",)
    keep(engine, decided(dmarc(rua=place)), decided(dmarc(domain="asks.example", rua=place), 2))
    zone: Zone = {("asks.example._report._dmarc.reader.example", "TXT"): ("v=DMARC1",)}
    await job(engine, sink, zone).turn(GATHERS)
    (mail,) = sink.mails
    assert xml_of(mail).findtext("policy_published/domain") == "asks.example"
    assert states(engine) == {DOMAIN: "dropped", "asks.example": "sent"}
    assert "does not want reports" in kept(engine)[DOMAIN]["said"]


async def test_while_dns_is_silent_it_waits(engine: Engine, sink: Sink) -> None:
    keep(engine, decided(dmarc(rua=("mailto:dmarc@reader.example",))))
    asks = (f"{DOMAIN}._report._dmarc.reader.example", "TXT")
    zone: Zone = {asks: None}
    made = job(engine, sink, zone)
    assert [await made.turn(GATHERS), states(engine)] == [1, {DOMAIN: "open"}]
    zone[asks] = ("v=DMARC1",)
    await made.turn(GATHERS + HOUR)
    assert len(sink.mails) == 1


async def test_no_report_is_about_a_report(engine: Engine, sink: Sink) -> None:
    """What comes to our own rua=, and to the sender of our reports, would cause a report each day for ever."""
    zone: Zone = {("_dmarc.example.com", "TXT"): (f"v=DMARC1; p=none; rua=mailto:{BO.key}",)}
    keep(engine, decided(PASSED), decided(dmarc(domain="example.com", rua=(f"mailto:{BO.key}",)), 2))
    await job(engine, sink, zone).turn(GATHERS)
    assert sink.mails == []
    keep(engine, decided(PASSED, 3, to=address(SENDER)), decided(PASSED, 4, to=address(SENDER), sender=""))
    made = job(engine, sink, zone)
    made.keep(DAY_BEGINS, await made.silent(), GATHERS)
    assert kept(engine) == {}
    keep(engine, decided(PASSED, 5, to=CY))
    made.keep(DAY_BEGINS, await made.silent(), GATHERS)
    await made.turn(GATHERS + MINUTE)
    assert len(sink.mails) == 1


async def test_a_database_that_is_away_ends_nothing(engine: Engine, sink: Sink, monkeypatch: Any) -> None:
    made, looks = job(engine, sink), asyncio.Event()
    stop = asyncio.Event()
    errors = iter([OperationalError("", {}, Exception("gone")), ValueError("odd")])

    async def turn(now: datetime, stop: asyncio.Event) -> int:
        if (error := next(errors, None)) is not None:
            raise error
        looks.set()
        return 0

    monkeypatch.setattr(made, "turn", turn)
    monkeypatch.setattr("gateway.reports.job.EVERY", 0.01)
    with capture_logs() as lines:
        working = asyncio.create_task(made.work(stop))
        await asyncio.wait_for(looks.wait(), 60)
        stop.set()
        await asyncio.wait_for(working, 60)
    assert [one["event"] for one in lines][:2] == ["reports cannot be sent", "a look at reports failed"]


def test_old_reports_are_forgotten_with_their_days(engine: Engine) -> None:
    with engine.begin() as conn:
        reports.claim_day(conn, "dmarc", DAY_BEGINS, GATHERS, LATER)
        reports.add(
            conn,
            [
                reports.NewReport(
                    "dmarc", DAY_BEGINS + n * DAY, f"d{n}.example", "n", ("mailto:x@y.example",), 1, b"", LATER
                )
                for n in range(3)
            ],
        )
        gone = [reports.forget_old(conn, DAY_BEGINS + 2 * DAY, 1) for _ in range(4)]
    assert gone == [1, 1, 1, 0], "two reports, then the day"
    assert set(kept(engine)) == {"d2.example"}


def test_the_last_day_that_is_over() -> None:
    assert day_before(MIDNIGHT) == DAY_BEGINS
    assert day_before(MIDNIGHT - MINUTE) == DAY_BEGINS - DAY
