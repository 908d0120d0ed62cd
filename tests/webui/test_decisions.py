"""Decisions through the pages: they happen once, for whom they are meant, are on record, and can be taken back."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway import desk, undoing
from gateway.desk import Person
from gateway.model import Grade, Level, ListEntry, ListVerb, Tie
from gateway.store import changes, deliveries, lists, persons
from sql.tables import copy, delivery, tombstone
from tests.store.making import ANN, BO, CY, STRONG, grades
from tests.webui.conftest import BOS, BOTH, DEE, DEES, LENT, SIGNED, Browser, Office
from webui.pages.protection import SENTENCES

RUNGS = STRONG | {SIGNED}


def entries(office: Office) -> list[ListEntry]:
    with office.house.reading() as conn:
        return list(lists.entries(conn))


def known(office: Office, to: str = BO) -> Grade:
    with office.house.reading() as conn:
        return grades(conn, ANN, (to,), RUNGS, now=office.now)[to]


def place_of(office: Office, number: str, verb: ListVerb, scope: str | None, recipient: str = BO) -> int:
    """Where a choice with this scope stands among those that are offered."""
    with office.house.reading() as conn:
        choices = desk.proposals(conn, number, recipient, verb)
    return next(place for place, one in enumerate(choices) if one.entry.scope == scope and one.may_be_taken)


def said(browser: Browser) -> str:
    """What the pages have told since."""
    return browser.get("/held").text.partition("<main")[2].partition('id="desk"')[0]


def decide(browser: Browser, number: str, verb: str, **form: Any) -> int:
    return browser.post(f"/mail/{number}/decide", verb=verb, **form).status_code


# ---- one decision --------------------------------------------------------------------------------------------------


def test_a_release_waits_so_that_it_can_be_taken_back(either: Office) -> None:
    browser = either.as_("bo")
    assert decide(browser, BOS, "release") == 302
    assert "Released" in said(browser)
    assert either.states(BOS) == {BO: "releasing"}
    with either.house.reading() as conn:
        (row,) = deliveries.of_message(conn, BOS)
        assert changes.counts(conn) == {"node1": 1}
    assert row["due"] == either.now + timedelta(seconds=10)
    assert row["decided_by"] == "bo"
    assert known(either) is Grade.KNOWN
    assert entries(either) == []


def test_a_release_with_trust_puts_the_safest_choice_on_the_list(either: Office) -> None:
    assert decide(either.as_("bo"), BOS, "trust") == 302
    (entry,) = entries(either)
    assert (entry.verb, entry.value, entry.scope, entry.author) == (ListVerb.ALLOW, ANN, BO, "bo")
    assert either.states(BOS) == {BO: "releasing"}


def test_or_the_one_that_was_chosen(office: Office) -> None:
    choice = place_of(office, BOS, ListVerb.ALLOW, "example.com")
    page = office.as_("approver").get(f"/mail/{BOS}/trust").text
    assert f'value="{choice}"' in page
    assert decide(office.as_("approver"), BOS, "trust", choice=str(choice)) == 302
    assert [entry.scope for entry in entries(office)] == ["example.com"]


def test_a_refusal_blocks_nobody_and_a_block_does(either: Office) -> None:
    browser = either.as_("approver")
    assert decide(browser, BOS, "refuse") == 302
    assert "Refused" in said(browser)
    assert entries(either) == []
    assert decide(browser, BOTH, "block") == 302
    assert {(one.verb, one.value, one.scope) for one in entries(either)} == {
        (ListVerb.BLOCK, ANN, BO),
        (ListVerb.BLOCK, ANN, CY),
    }
    assert either.states(BOS) == {BO: "refused"}
    assert either.states(BOTH) == {BO: "refused", CY: "refused"}
    assert known(either) is Grade.STRANGER


@pytest.mark.parametrize(("verb", "state"), [("release", "releasing"), ("refuse", "refused")])
def test_what_its_sender_still_has_is_decided_in_the_same_way(office: Office, verb: str, state: str) -> None:
    assert decide(office.as_("bo"), LENT, verb) == 302
    assert office.states(LENT) == {BO: state}


@pytest.mark.parametrize("verb", ["", "delete", "Release", "release ", "undo"])
def test_nothing_else_is_a_decision(office: Office, verb: str) -> None:
    assert decide(office.as_("bo"), BOS, verb) == 400
    assert office.states(BOS) == {BO: "held"}


@pytest.mark.parametrize("choice", ["99", "999", "-1", "abc", "1e0", "٣٣", "1000000000000000000000"])
@pytest.mark.parametrize("verb", ["trust", "block"])
def test_only_what_was_offered_is_chosen(office: Office, verb: str, choice: str) -> None:
    code = decide(office.as_("bo"), BOS, verb, choice=choice)
    assert (code, office.states(BOS)[BO]) in ((400, "held"), (302, "releasing"), (302, "refused"))
    if code == 302:  # what is no number is as if nothing was chosen: the safest
        assert not choice.isdecimal() or len(choice) > 3
        assert [one.scope for one in entries(office)] == [BO]


def test_what_anybody_could_use_cannot_be_chosen(office: Office) -> None:
    with office.house.reading() as conn:
        choices = desk.proposals(conn, BOS, BO, ListVerb.ALLOW)
    unsafe = [place for place, one in enumerate(choices) if not one.may_be_taken]
    assert unsafe
    for place in unsafe:
        assert decide(office.as_("chief"), BOS, "trust", choice=str(place)) == 400
    assert entries(office) == []


def test_the_next_mail_follows(office: Office) -> None:
    said = office.as_("bo").post(f"/mail/{BOS}/decide", verb="refuse")
    assert said.location == f"/held?mail={BOTH}"
    said = office.as_("bo").post(f"/mail/{BOTH}/decide", {"HX-Request": "true"}, verb="refuse")
    assert (said.status_code, said.headers["HX-Redirect"]) == (204, "/held")


# ---- for whom ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "state"), [("release", "releasing"), ("refuse", "refused"), ("block", "refused")])
def test_nobody_decides_for_the_other_recipients(either: Office, verb: str, state: str) -> None:
    assert decide(either.as_("bo"), BOTH, verb) == 302
    assert either.states(BOTH) == {BO: state, CY: "held"}
    assert known(either, CY) is Grade.STRANGER
    (row,) = either.record("released", "refused")
    assert row["detail"]["recipients"] == [BO]


def test_an_approver_decides_for_all_of_the_domain(office: Office) -> None:
    assert decide(office.as_("approver"), BOTH, "release") == 302
    assert office.states(BOTH) == {BO: "releasing", CY: "releasing"}
    assert decide(office.as_("approver"), DEES, "release") == 404
    assert office.states(DEES) == {DEE: "held"}


@pytest.mark.parametrize("verb", ["trust", "block"])
def test_a_mere_user_lets_nobody_in_for_others_and_keeps_nobody_out(office: Office, verb: str) -> None:
    kind = ListVerb.ALLOW if verb == "trust" else ListVerb.BLOCK
    with office.house.reading() as conn:
        choices = desk.proposals(conn, BOS, BO, kind)
    wide = [place for place, one in enumerate(choices) if one.entry.scope != BO]
    assert wide
    for place in wide:
        assert decide(office.as_("bo"), BOS, verb, choice=str(place)) == 400
    assert entries(office) == []
    assert office.states(BOS) == {BO: "held"}


@pytest.mark.parametrize(("name", "code"), [("approver", 400), ("chief", 302)])
@pytest.mark.parametrize("verb", [ListVerb.ALLOW, ListVerb.BLOCK])
def test_whoever_decides_for_one_domain_does_not_decide_for_all(
    office: Office, name: str, code: int, verb: ListVerb
) -> None:
    choice = place_of(office, BOS, verb, None)
    assert decide(office.as_(name), BOS, "trust" if verb is ListVerb.ALLOW else "block", choice=str(choice)) == code
    assert [entry.scope for entry in entries(office)] == ([None] if code == 302 else [])


def test_a_choice_is_asked_about_for_each_recipient(office: Office) -> None:
    """Somebody who decides for one domain, and for a single account of another."""
    number = office.number("approver")
    with office.begin() as conn:
        persons.give_address(conn, number, DEE, Tie.OWN, "test", office.now)
        row = conn.execute(select(delivery).where(delivery.c.message == BOTH, delivery.c.recipient == CY)).one()
        conn.execute(update(delivery).where(delivery.c.id == row.id).values(recipient=DEE, recipient_raw=DEE))
    choice = place_of(office, BOTH, ListVerb.ALLOW, "example.com")
    assert decide(office.as_("approver"), BOTH, "trust", choice=str(choice)) == 400
    assert entries(office) == []
    assert office.states(BOTH) == {BO: "held", DEE: "held"}


# ---- on record -----------------------------------------------------------------------------------------------------


def test_a_decision_is_one_row_of_the_audit(either: Office) -> None:
    browser = either.as_("approver")
    decide(browser, BOS, "trust")
    decide(browser, BOS, "trust")  # nothing is left to decide
    browser.post(f"/mail/{BOS}/undo")
    browser.post(f"/mail/{BOS}/undo")
    decide(browser, BOS, "block")
    decide(browser, BOTH, "release")
    found = [(row["who"], row["act"], row["about"], row["peer"]) for row in either.record()[1:]]
    assert found == [
        ("approver", act, about, "127.0.0.1")
        for act, about in (("released", BOS), ("undone", BOS), ("refused", BOS), ("released", BOTH))
    ]


def test_what_could_not_be_done_is_not_on_record(office: Office) -> None:
    with office.begin() as conn:
        office.house.bodies.drop(conn, [BOS])
    browser = office.as_("bo")
    assert decide(browser, BOS, "release") == 302
    assert "its bytes are gone" in said(browser)
    assert office.record("released") == []


# ---- who was first -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "state"), [("release", "releasing"), ("refuse", "refused")])
def test_whoever_is_second_is_told_who_was_first(either: Office, first: str, state: str) -> None:
    bo, approver = either.as_("bo"), either.as_("approver")
    decide(bo, BOS, first)
    decide(approver, BOS, "refuse" if first == "release" else "release")
    assert f"it is {state} by bo" in said(approver)
    assert either.states(BOS) == {BO: state}
    assert len(either.record("released", "refused")) == 1


def test_of_many_at_once_one_wins(either: Office) -> None:
    browsers = [either.as_(name) for name in ("bo", "approver", "chief") for _ in range(2)]
    tokens = [one.token for one in browsers]
    gate = Barrier(len(browsers))

    def press(number: int) -> int:
        gate.wait(60)
        verb = ("release", "refuse")[number % 2]
        return decide(browsers[number], BOS, verb, csrf=tokens[number])

    with ThreadPoolExecutor(len(browsers)) as pool:
        assert set(pool.map(press, range(len(browsers)))) == {302}
    (row,) = either.record("released", "refused")
    assert either.states(BOS) == {BO: "releasing" if row["act"] == "released" else "refused"}
    losers = [text for one in browsers if "nothing to decide" in (text := said(one))]
    assert len(losers) == len(browsers) - 1
    assert all(f"by {row['who']}" in text for text in losers)


# ---- taken back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["release", "trust", "refuse", "block"])
@pytest.mark.parametrize("number", [BOS, LENT])
def test_a_decision_is_taken_back_and_nothing_is_left_of_it(either: Office, verb: str, number: str) -> None:
    before = either.states(number)
    browser = either.as_("bo")
    decide(browser, number, verb)
    assert either.states(number) != before
    assert f"/mail/{number}/undo" in said(browser)
    browser.post(f"/mail/{number}/undo")
    assert "Taken back" in said(browser)
    assert either.states(number) == before
    assert entries(either) == []
    assert known(either) is Grade.STRANGER
    with either.house.reading() as conn:
        assert conn.execute(select(tombstone.c.id).where(tombstone.c.message == number)).all() == []


def test_what_another_put_on_the_lists_stays(office: Office) -> None:
    bo, cy = office.as_("bo"), office.as_("cy")
    for first, second in (("block", "block"), ("trust", "trust")):
        decide(cy, BOTH, first)
        decide(bo, BOTH, second)
        assert [one.scope for one in entries(office)] == [CY, BO]
        bo.post(f"/mail/{BOTH}/undo")
        assert [one.scope for one in entries(office)] == [CY]
        cy.post(f"/mail/{BOTH}/undo")
        assert entries(office) == []


def test_what_is_on_its_way_is_not_taken_back(office: Office) -> None:
    browser = office.as_("bo")
    decide(browser, BOS, "release")
    office.later(timedelta(seconds=10))
    browser.post(f"/mail/{BOS}/undo")
    assert "on its way" in said(browser)
    assert office.states(BOS) == {BO: "releasing"}
    assert office.record("undone") == []


def test_a_refusal_is_final_after_an_hour(office: Office) -> None:
    browser = office.as_("bo")
    decide(browser, BOS, "refuse")
    office.later(timedelta(hours=1))
    browser.post(f"/mail/{BOS}/undo")
    assert "minutes ago" in said(browser)
    assert office.states(BOS) == {BO: "refused"}
    assert office.record("undone") == []


@pytest.mark.parametrize("verb", ["release", "refuse"])
def test_nobody_takes_back_what_another_recipient_decided(either: Office, verb: str) -> None:
    bo, cy = either.as_("bo"), either.as_("cy")
    decide(cy, BOTH, verb)
    after = either.states(BOTH)
    bo.post(f"/mail/{BOTH}/undo")
    assert either.states(BOTH) == after
    assert either.record("undone") == []
    decide(bo, BOTH, verb)
    bo.post(f"/mail/{BOTH}/undo")
    assert either.states(BOTH) == after
    with either.house.reading() as conn:
        stones = conn.execute(select(tombstone.c.recipient).where(tombstone.c.message == BOTH)).scalars().all()
    assert set(stones) <= {CY}


def test_taking_back_for_one_leaves_the_retry_of_the_other_answered(office: Office) -> None:
    """Both recipients refused a copy that its sender has; one of them thinks again."""
    with office.begin() as conn:
        conn.execute(update(delivery).where(delivery.c.message == BOTH).values(state="delivered"))
        row = dict(conn.execute(select(copy).where(copy.c.message == LENT)).mappings().one())
        del row["id"], row["domain"]
        conn.execute(insert(copy).values(**row | {"recipient": CY, "recipient_raw": CY}))
    for name in ("bo", "cy"):
        decide(office.as_(name), LENT, "refuse")
    office.as_("bo").post(f"/mail/{LENT}/undo")
    assert office.states(LENT) == {BO: "sender_held", CY: "refused"}
    with office.house.reading() as conn:
        found = conn.execute(select(tombstone.c.recipient).where(tombstone.c.message == LENT)).scalars().all()
    assert found == [CY]


def test_an_approver_takes_back_only_what_they_decided(office: Office) -> None:
    decide(office.as_("bo"), BOS, "refuse")
    approver = office.as_("approver")
    approver.post(f"/mail/{BOS}/undo")
    assert "nothing to take back" in said(approver)
    assert office.states(BOS) == {BO: "refused"}


def test_at_the_terminal_all_of_it_is_taken_back(office: Office) -> None:
    decide(office.as_("bo"), BOTH, "refuse")
    decide(office.as_("cy"), BOTH, "refuse")
    with office.begin() as conn:
        done = undoing.undo(conn, BOTH, Person("root@cli", "node1"), office.now)
    assert [one.happened for one in done] == [True, True]
    assert office.states(BOTH) == {BO: "held", CY: "held"}


# ---- levels and what is expected -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "account", "code"),
    [
        ("bo", BO, 302),
        ("bo", CY, 404),
        ("bo", "example.com", 404),
        ("approver", "example.com", 302),
        ("approver", "other.example", 404),
        ("approver", "sub.example.com", 404),
        ("chief", "other.example", 302),
        ("chief", "", 400),
        ("chief", "nonsense", 400),
        ("chief", "a@b@c", 400),
        ("chief", "dee@elsewhere.example", 400),
        ("admin", "x" * 500 + "@example.com", 400),
    ],
)
def test_a_level_is_chosen_for_an_account_or_a_domain_of_ours(
    either: Office, name: str, account: str, code: int
) -> None:
    assert either.as_(name).post("/protection/level", account=account, level="known-only").status_code == code
    assert len(either.record("level chosen")) == (code == 302)
    assert "No level" not in str(either.record())


def test_an_account_is_named_as_the_worker_looks_it_up(office: Office) -> None:
    office.as_("chief").post("/protection/level", account="Bo@EXAMPLE.com", level="off")
    (row,) = office.record("level chosen")
    assert row["about"] == BO
    assert "Everything comes in at once" in office.as_("bo").get("/protection").text


def test_the_page_shows_the_level_that_the_workers_take(office: Office) -> None:
    """What is chosen for a domain is that of its accounts, unless something is chosen for them."""
    bo, approver = office.as_("bo"), office.as_("approver")

    def shown() -> list[str]:
        return re.findall(r'value="([\w-]+)" checked', bo.get("/protection").text)

    assert shown() == ["greylist"]
    approver.post("/protection/level", account="example.com", level="known-only")
    assert shown() == ["known-only"]
    bo.post("/protection/level", account=BO, level="watch")
    assert shown() == ["watch"]
    bo.post("/protection/level", account=BO, level="")
    assert SENTENCES[Level.KNOWN_ONLY] in said(bo)
    assert shown() == ["known-only"]


def test_a_level_is_one_of_those_there_are(office: Office) -> None:
    browser = office.as_("bo")
    assert browser.post("/protection/level", account=BO, level="paranoid").status_code == 400
    assert browser.post("/protection/level", account=BO, level="off").status_code == 302
    assert browser.post("/protection/level", account=BO, level="").status_code == 302
    assert [row["detail"]["level"] for row in office.record("level chosen")] == ["off", "as the settings say"]


@pytest.mark.parametrize("account", ["", "nonsense", "example.com", "x" * 400])
def test_nothing_is_expected_for_what_is_no_account(office: Office, account: str) -> None:
    assert office.as_("chief").post("/protection/expect", account=account).status_code in (302, 400)
    assert office.record("expects mail") == []


@pytest.mark.parametrize("domain", ["", "shop.example", "no domain", "com", "\x00", "x" * 300])
def test_what_is_expected_is_on_record(office: Office, domain: str) -> None:
    browser = office.as_("bo")
    assert browser.post("/protection/expect", account=BO, domain=domain).status_code == 302
    assert len(office.record("expects mail")) == (domain in ("", "shop.example"))
