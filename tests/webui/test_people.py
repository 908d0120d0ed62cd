"""People: who stands in for whom, and what an admin sees and does of everybody."""

import re
from datetime import timedelta

import pytest

from gateway.model import Level, Role, Tie
from gateway.store import levels, persons
from tests.store.making import BO, CY, NOW
from tests.webui.conftest import BOS, Browser, Office
from tests.webui.reading import read

LAST_DAY, DAY = "2026-03-10", timedelta(days=1)
END = NOW.replace(day=11, hour=0, minute=0, second=0, microsecond=0)


def lend(browser: Browser, name: str = "cy", until: str = LAST_DAY, since: str = "", account: str = BO) -> str:
    """What the page says then."""
    said = browser.post("/protection/substitute", account=account, name=name, until=until, **{"from": since})
    return browser.get(said.location).text if said.status_code == 302 else str(said.status_code)


def roles(office: Office, name: str) -> frozenset[tuple[Role, str]]:
    with office.house.reading() as conn:
        return persons.roles_of(conn, office.number(name))


# ---- substitutes -----------------------------------------------------------------------------------------------------


def test_a_substitute_decides_for_a_time_and_everybody_concerned_sees_it(either: Office) -> None:
    bo, cy = either.as_("bo"), either.as_("cy")
    assert cy.get(f"/mail/{BOS}").status_code == 404
    assert "cy sees the mail of bo@example.com and decides about it until Tuesday 10 March" in lend(bo)
    assert cy.get(f"/mail/{BOS}").status_code == 200
    assert "cy decides for you until Tuesday 10 March" in read(bo.get("/protection").text)
    assert "You stand in until Tuesday 10 March" in cy.get("/protection").text
    assert "cy" in bo.get("/").text
    either.now = END - timedelta(seconds=1)
    cy = either.as_("cy")
    assert cy.get(f"/mail/{BOS}").status_code == 200
    either.later(timedelta(seconds=1))
    assert cy.get(f"/mail/{BOS}").status_code == 404
    (row,) = either.record("substitute named")
    assert (row["who"], row["about"], row["detail"]["name"]) == ("bo", BO, "cy")


def test_it_begins_on_its_first_day(office: Office) -> None:
    bo, cy = office.as_("bo"), office.as_("cy")
    lend(bo, since="2026-03-06")
    assert cy.get(f"/mail/{BOS}").status_code == 404
    assert "From Friday 6 March to Tuesday 10 March you stand in for bo@example.com" in read(cy.get("/protection").text)
    assert "cy decides for you from Friday 6 March" in read(bo.get("/protection").text)
    office.now = NOW.replace(day=6, hour=0, minute=0, second=0, microsecond=0)
    assert office.as_("cy").get(f"/mail/{BOS}").status_code == 200


@pytest.mark.parametrize("name", ["bo", "cy"])
def test_it_is_taken_back_by_the_owner_or_given_back_by_the_substitute(office: Office, name: str) -> None:
    bo, cy = office.as_("bo"), office.as_("cy")
    lend(bo)
    who = bo if name == "bo" else cy
    assert who.post("/protection/substitute/end", account=BO, name="cy").status_code == 302
    assert cy.get(f"/mail/{BOS}").status_code == 404
    assert [row["who"] for row in office.record("substitute ended")] == [name]
    assert who.post("/protection/substitute/end", account=BO, name="cy").status_code == 302
    assert len(office.record("substitute ended")) == 1


def test_a_substitute_names_nobody_and_takes_nobody_out(office: Office) -> None:
    lend(office.as_("bo"))
    cy = office.as_("cy")
    assert lend(cy, "nobody") == "403"
    assert cy.post("/protection/substitute/end", account=BO, name="bo").status_code == 403
    assert cy.post("/known/add", party="x.example", scope=BO).status_code == 302, "all else is theirs to do"


def test_an_owner_is_no_substitute_and_is_not_ended_like_one(office: Office) -> None:
    with office.begin() as conn:
        persons.give_address(conn, office.number("cy"), BO, Tie.OWN, "admin", NOW)
    bo = office.as_("bo")
    assert "cy: it is theirs too" in read(bo.get("/protection").text)
    assert "own already" in lend(bo)
    bo.post("/protection/substitute/end", account=BO, name="cy")
    assert office.as_("cy").get(f"/mail/{BOS}").status_code == 200


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "zoe"}, "Nobody signs in here as zoe"),
        ({"until": ""}, "Say until which day"),
        ({"until": "soon"}, "Say until which day"),
        ({"until": "2026-03-03"}, "over before it begins"),
        ({"since": "2026-03-11"}, "over before it begins"),
        ({"until": "2028-01-01"}, "a year at most"),
    ],
)
def test_what_cannot_be_is_told(office: Office, form: dict[str, str], told: str) -> None:
    assert told in lend(office.as_("bo"), **form)
    assert office.record("substitute named") == []


def test_whoever_is_locked_out_stands_in_for_nobody(office: Office) -> None:
    office.change("cy", disabled_at=NOW)
    assert "locked out" in lend(office.as_("bo"))


# ---- everybody -------------------------------------------------------------------------------------------------------


def names(page: str) -> list[str]:
    return re.findall(r'<a href="/people/([\w-]+)">', page)


def test_people_are_found_by_name_and_address_and_paged(either: Office) -> None:
    with either.begin() as conn:
        for number in range(60):
            persons.add(conn, f"p{number:02}", "test", NOW)
    admin = either.as_("admin")
    page = admin.get("/people").text
    first, link = names(page), re.search(r'href="(/people\?after=[^"]+)"', page)
    assert len(first) == 50
    assert link
    second = names(admin.get(link[1]).text)
    assert [*first, *second] == sorted([*first, *second])
    assert len({*first, *second}) == 70
    assert "<html" not in admin.get(link[1], {"HX-Request": "true"}).text
    assert names(admin.get("/people?q=P5").text) == [f"p5{number}" for number in range(10)]
    assert names(admin.get("/people?q=cy@exam").text) == ["cy"]
    assert names(admin.get("/people?q=%25").text) == []


def test_the_domains_are_there_with_their_levels(office: Office) -> None:
    admin = office.as_("admin")
    assert "stranger" in admin.get("/people").text.split("</table>")[0], "who decides for other.example"
    assert admin.post("/protection/level", account="other.example", level="off").status_code == 302
    with office.house.reading() as conn:
        assert levels.chosen(conn) == {"other.example": Level.OFF}


# ---- one person ------------------------------------------------------------------------------------------------------


def test_a_person_is_told_with_all_that_belongs_to_them(office: Office) -> None:
    lend(office.as_("bo"))
    page = office.as_("admin").get("/people/bo").text
    assert BO in page
    assert "cy stands in for bo@example.com until Tuesday 10 March" in read(page)
    assert "protection: Greylist" in page
    assert re.search(r"<dt>Last</dt><dd>\d+ s ago", page)
    assert office.as_("admin").get("/people/zoe").status_code == 404


def test_addresses_are_given_for_good_or_for_a_time(office: Office) -> None:
    admin, cy = office.as_("admin"), office.as_("cy")
    assert admin.post("/people/cy/give", address="Bo@example.com", until=LAST_DAY).status_code == 302
    assert cy.get(f"/mail/{BOS}").status_code == 200
    assert lend(cy, "nobody") == "403", "a substitute"
    assert admin.post("/people/cy/give", address=BO).status_code == 302
    assert "nobody sees the mail" in lend(cy, "nobody")
    assert [row["detail"] for row in office.record("address given")] == [{"address": BO}]
    assert admin.post("/people/cy/give", address="nothing").status_code == 400
    assert admin.post("/people/cy/give", address=BO, until="never").status_code == 400


def test_roles_are_those_that_stay_and_new_ones(office: Office) -> None:
    admin = office.as_("admin")
    given = {"keep": ["approver:example.com"], "role": ["auditor", "lists"], "domain": "other.example"}
    assert admin.post("/people/approver/roles", **given).status_code == 302
    assert roles(office, "approver") == {
        (Role.APPROVER, "example.com"), (Role.AUDITOR, "other.example"), (Role.LISTS, "other.example"),
    }  # fmt: skip
    assert admin.post("/people/approver/roles").status_code == 302
    assert roles(office, "approver") == frozenset()
    assert admin.post("/people/approver/roles", role="king").status_code == 400
    (first, second) = office.record("roles changed")
    assert first["detail"]["before"] == ["approver:example.com"]
    assert second["detail"]["roles"] == []


def test_nobody_stops_being_the_admin_by_themselves(office: Office) -> None:
    admin = office.as_("admin")
    said = admin.post("/people/admin/roles", role="auditor")
    assert "another admin" in admin.get(said.location).text
    assert roles(office, "admin") == {(Role.ADMIN, "")}
    assert admin.post("/people/admin/roles", keep="admin", role="approver").status_code == 302
    assert roles(office, "admin") == {(Role.ADMIN, ""), (Role.APPROVER, "")}


def test_a_lost_telephone_a_lost_password_and_a_browser_left_open(office: Office) -> None:
    admin, bo = office.as_("admin"), office.as_("bo")
    assert "has no second factor" in admin.get(admin.post("/people/bo/factor").location).text
    office.change("bo", totp="SECRET", recovery=["x"])
    assert admin.post("/people/bo/factor").status_code == 302
    assert not bo.is_in
    bo = office.as_("bo")
    assert admin.post("/people/bo/sessions").status_code == 302
    assert not bo.is_in
    page = admin.post("/people/bo/invite").text
    assert re.search(r"http://localhost/invitation/[\w-]{32}", page)
    assert [row["act"] for row in office.record() if row["about"] == "bo"] == [
        "second factor reset", "sessions ended", "invited",
    ]  # fmt: skip
    for path in ("factor", "sessions", "roles", "lock", "invite", "give"):
        assert admin.post(f"/people/zoe/{path}", address=BO).status_code == 404


def test_the_level_of_what_they_have_is_shown(office: Office) -> None:
    office.as_("cy").post("/protection/level", account=CY, level="known-only")
    assert "protection: Known only" in office.as_("admin").get("/people/cy").text
