"""Choosing one's protection: what each level would have done to one's own mail, and mail that is expected."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.model import (
    Action,
    DataFacts,
    Fingerprint,
    Grade,
    Level,
    ListVerb,
    MessageFacts,
    Mode,
    RcptFacts,
    Reason,
    ReasonCode,
    Sighting,
    Verdict,
)
from gateway.policy import inbound, stored
from gateway.previewed import MOST, Coming, Preview, preview
from gateway.store import decisions, expecting
from gateway.store.decisions import Decision
from tests.policy import stranger
from tests.store.making import BO, NOW
from tests.webui.conftest import DEE, Office
from tests.webui.reading import read

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ODD = (Reason(ReasonCode.CONTENT_SUSPICIOUS, {"because": "a test"}),)


def facts(sender: str, ago: timedelta, mail: str, waited: timedelta | None = None, **differs: Any) -> DataFacts:
    """A mail for Bo that long ago, from somebody who tried `waited` before that."""
    now = NOW - ago
    seen = Sighting(1, stranger.STRANGER.rungs, now - (waited or MINUTE), now, body=f"body {mail}", message_id=mail)
    sightings = () if waited is None else (seen,)
    rcpt = replace(stranger.STRANGER, now=now, sender=sender, sightings=sightings, reviewed=True)
    odd = differs.pop("suspicion", ())
    rcpt = replace(rcpt, **differs)
    named = inbound.at_rcpt(rcpt, stranger.POLICY)
    content = Fingerprint(mail, f"body {mail}", "headers", mail)
    return DataFacts(now, rcpt, named, False, MessageFacts(content, 2000), sightings, (), (), suspicion=odd)


def note(office: Office, told: DataFacts | RcptFacts, verdict: Verdict | None = None, recipient: str = BO) -> None:
    """On record as it was decided."""
    if isinstance(told, DataFacts):
        stage, rcpt, said = "data", told.rcpt, inbound.at_data(told, stranger.POLICY)
    else:
        stage, rcpt, said = "rcpt", told, inbound.at_rcpt(told, stranger.POLICY)
    with office.begin() as conn:
        decisions.add(conn, [Decision(
            f"r{told.now.timestamp():.0f}"[:20], told.now, stage, "192.0.2.7", rcpt.sender, recipient,
            verdict or said, stored.to_json(told),
        )])  # fmt: skip


def told(office: Office, present: Level = Level.GREYLIST, most: int = MOST) -> Preview:
    rules = replace(office.house.rules, reviewed=True)
    with office.house.reading() as conn:
        return preview(conn, BO, present, rules, NOW, most)


def counts(found: Preview, level: Level) -> dict[str, int]:
    return {str(kind): count for kind, count in found.levels[level].counts.items()}


@pytest.fixture
def week(office: Office) -> Office:
    """Ann is known; Cy's first mail waited and came back; Dee was sent away for good; Eve's came back and is odd."""
    note(office, facts("ann@a.example", 2 * DAY, "1", grade=Grade.KNOWN))
    note(office, facts("cy@c.example", DAY, "2"))
    note(office, facts("cy@c.example", DAY - 5 * MINUTE, "2", 5 * MINUTE))
    note(office, facts("dee@d.example", DAY, "3"))
    note(office, facts("eve@e.example", DAY, "4"))
    note(office, facts("eve@e.example", DAY - 5 * MINUTE, "4", 5 * MINUTE, suspicion=ODD))
    note(office, facts("old@o.example", 8 * DAY, "5"))
    note(office, facts("fay@f.example", DAY, "6"), recipient=DEE)
    return office


# ---- what a level would have done ------------------------------------------------------------------------------------


def test_each_mail_counts_once_however_often_it_was_tried(week: Office) -> None:
    found = told(week)
    assert (found.mails, found.is_cut) == (4, False)
    assert counts(found, Level.GREYLIST) == {"at once": 1, "late": 1, "never": 1, "held": 1}
    assert counts(found, Level.OFF) == {"at once": 4}
    assert counts(found, Level.REVIEW_BEFORE) == {"at once": 1, "held": 3}


def test_where_it_differs_from_the_present_level_is_told_with_senders(week: Office) -> None:
    (least, *_) = told(week).levels[Level.REVIEW_BEFORE].differs
    assert found_in(told(week), Level.REVIEW_BEFORE) == {
        ("held", "late"): ["cy@c.example"],
        ("held", "never"): ["dee@d.example"],
    }
    assert (least.would, least.count) == (Coming.HELD, 1)
    assert found_in(told(week), Level.OFF) == {
        ("at once", "late"): ["cy@c.example"],
        ("at once", "never"): ["dee@d.example"],
        ("at once", "held"): ["eve@e.example"],
    }
    assert found_in(told(week), Level.GREYLIST) == {}


def found_in(found: Preview, level: Level) -> dict[tuple[str, str], list[str]]:
    return {
        (str(one.would), str(one.instead)): [name for name, _ in one.senders] for one in found.levels[level].differs
    }


def test_who_was_let_in_at_once_is_taken_to_come_back(office: Office) -> None:
    """Nobody knows whether they would have; what the rules say of the mail then is known."""
    off = {"level": Level.OFF}
    note(office, facts("cy@c.example", DAY, "2", **off))
    note(office, facts("eve@e.example", DAY, "4", suspicion=ODD, **off))
    assert counts(told(office, Level.OFF), Level.GREYLIST) == {"late": 1, "held": 1}


def test_who_was_sent_away_before_the_data_is_the_same_sender_later(office: Office) -> None:
    rcpt = replace(stranger.STRANGER, now=NOW - DAY, sender="cy@c.example", announced_size=2**30)
    assert inbound.at_rcpt(rcpt, stranger.POLICY).action is Action.DEFER
    note(office, rcpt)
    note(office, facts("cy@c.example", DAY - 5 * MINUTE, "2", 5 * MINUTE))
    note(office, replace(rcpt, sender="gus@g.example"))
    found = told(office)
    assert counts(found, Level.GREYLIST) == {"late": 1, "never": 1}
    assert counts(found, Level.OFF) == {"at once": 2}


def test_what_our_own_faults_did_is_nobodys_level(office: Office) -> None:
    fault = Verdict(Action.DEFER, (Reason(ReasonCode.STORAGE_FULL),))
    note(office, facts("cy@c.example", DAY, "2"), fault)
    assert told(office).mails == 0


def test_a_house_that_only_watches_is_told_what_the_levels_would_do_in_earnest(week: Office) -> None:
    rules = replace(week.house.rules, reviewed=True, mode=Mode.OBSERVE)
    with week.house.reading() as conn:
        found = preview(conn, BO, Level.GREYLIST, rules, NOW)
    assert counts(found, Level.GREYLIST)["late"] == 1


def test_too_much_mail_is_cut_and_said_so(week: Office) -> None:
    found = told(week, most=3)
    assert found.is_cut
    assert found.since == NOW - DAY
    assert found.mails == 2
    assert sum(found.levels[Level.OFF].counts.values()) == 2


def test_blocks_stay_whatever_the_level_is(office: Office) -> None:
    note(office, replace(stranger.STRANGER, now=NOW - DAY, listed=(stranger.listed(ListVerb.BLOCK),)))
    assert all(counts(told(office), level) == {str(Coming.REFUSED): 1} for level in Level)


# ---- on the page -----------------------------------------------------------------------------------------------------


def test_the_page_asks_for_it_afterwards_and_without_scripts_there_is_a_link(week: Office) -> None:
    bo = week.as_("bo")
    page = bo.get("/protection").text
    assert "cy@c.example" not in page, "the page does not wait for it"
    link = re.search(r'href="(/protection/preview\?[^"#]+)', page)
    assert link
    assert re.search(r'hx-get="/protection/preview[^"]+" hx-trigger="revealed"', page)
    whole = bo.get(link[1].replace("&amp;", "&")).text
    assert "<h1>Protection</h1>" in whole
    assert "cy@c.example" in whole
    assert "would have come in at once instead of coming in some minutes late" in " ".join(whole.split())
    assert "would have waited for a decision instead of" in whole
    part = bo.get("/protection/preview?account=bo@example.com&place=1", {"HX-Request": "true"}).text
    assert "<h1>" not in part
    assert set(re.findall(r'id="told-([a-z-]+)-1" hx-swap-oob', part)) == set(Level)


def test_nobody_learns_who_writes_to_others(week: Office) -> None:
    for name, code in (("cy", 404), ("nobody", 404), ("stranger", 404), ("auditor", 403)):
        assert week.as_(name).get(f"/protection/preview?account={BO}").status_code == code
    assert week.as_("approver").get(f"/protection/preview?account={BO}").status_code == 200


def test_an_address_without_mail_has_nothing_to_compare(office: Office) -> None:
    assert "nothing to compare" in office.as_("bo").get(f"/protection/preview?account={BO}").text


# ---- mail that is expected -------------------------------------------------------------------------------------------


def test_what_came_because_it_was_expected_is_shown_and_so_is_what_waits_already(office: Office) -> None:
    bo = office.as_("bo")
    assert "Came by it" not in bo.get("/protection").text
    assert bo.post("/protection/expect", account=BO, domain="elsewhere.example").status_code == 302
    page = bo.get("/protection").text
    assert "Expecting mail of elsewhere.example" in read(page)
    assert "It may be here already" in page
    came = Verdict(Action.ACCEPT, (Reason(ReasonCode.EXPECTED_MAIL, {"expectation": 1}),))
    note(office, facts("code@shop.example", 0 * MINUTE, "7"), came)
    assert "code@shop.example" in bo.get("/protection").text


def test_what_is_expected_is_ended_by_whoever_has_the_address(office: Office) -> None:
    bo = office.as_("bo")
    bo.post("/protection/expect", account=BO)
    with office.house.reading() as conn:
        (window,) = expecting.open_now(conn, office.now)
    assert office.as_("cy").post(f"/protection/expect/{window.id}/close").status_code == 404
    assert bo.post(f"/protection/expect/{window.id + 1}/close").status_code == 404
    assert bo.post(f"/protection/expect/{window.id}/close").status_code == 302
    with office.house.reading() as conn:
        assert expecting.open_now(conn, office.now) == ()
    assert [row["about"] for row in office.record("expects mail no more")] == [BO]
