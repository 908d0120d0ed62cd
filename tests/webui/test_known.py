"""Whom the house knows: who sees and changes which entries, their history, and lists as files."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.model import Binds, Grade, ListEntry, ListKind, ListVerb
from gateway.store import lists, memory
from gateway.store.lists import NewEntry
from gateway.store.memory import Remembered
from tests.store.making import ANN, BO, CY, NOW
from tests.webui.conftest import SIGNED, Browser, Office
from tests.webui.reading import read

ALLOW, BLOCK = ListVerb.ALLOW, ListVerb.BLOCK
HEAD = "verb,kind,value,network,scope,expires,author,comment,signature,binds"


def entry(office: Office, value: str, scope: str | None = None, **more: Any) -> int:
    kind = ListKind.ADDRESS if "@" in value else ListKind.DOMAIN
    made = {"verb": ALLOW, "kind": kind, "value": value, "scope": scope, "author": "test", **more}
    with office.begin() as conn:
        return lists.add(conn, NewEntry(**made), NOW)


def entries(office: Office) -> dict[str, ListEntry]:
    with office.house.reading() as conn:
        return {one.value: one for one in lists.entries(conn)}


@pytest.fixture
def lines(office: Office) -> dict[str, int]:
    return {
        "bo": entry(office, "for-bo@x.example", BO),
        "cy": entry(office, "for-cy@x.example", CY),
        "domain": entry(office, "for-domain@x.example", "example.com"),
        "all": entry(office, "for-all@x.example"),
        "recipient": entry(office, "bo@example.com", kind=ListKind.RECIPIENT, comment="to-bo"),
    }


SEES = {
    "bo": {"bo", "recipient"},
    "nobody": set(),
    "approver": {"bo", "cy", "domain", "all", "recipient"},
    "stranger": {"all"},
    "chief": {"bo", "cy", "domain", "all", "recipient"},
    "auditor": {"bo", "cy", "domain", "all", "recipient"},
    "lists": set(),
    "local": {"bo", "cy", "domain", "recipient"},
    "admin": {"bo", "cy", "domain", "all", "recipient"},
}
CHANGES = {"bo": {"bo", "recipient"}, "approver": {"bo", "cy", "domain", "recipient"}, "chief": SEES["chief"]}


# ---- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEES)
def test_everybody_sees_and_changes_what_is_theirs(office: Office, lines: dict[str, int], name: str) -> None:
    browser = office.as_(name)
    page = browser.get("/known").text
    listed = {which for which, number in lines.items() if f'href="/known/{number}"' in page}
    opened = {which for which, number in lines.items() if browser.get(f"/known/{number}").status_code == 200}
    assert listed == opened == SEES[name]
    for which, number in lines.items():
        wanted = 302 if which in CHANGES.get(name, set()) else 403 if which in SEES[name] else 404
        assert browser.post(f"/known/{number}/change", until="2027-01-01").status_code == wanted, which
        assert browser.post(f"/known/{number}/withdraw").status_code == wanted, which
        assert browser.post(f"/known/{number}/restore").status_code == wanted, which
    assert ("My senders" in page) == (name in ("bo", "nobody", "lists", "local"))


@pytest.mark.parametrize("name", SEES)
def test_what_is_exported_is_what_they_see(either: Office, name: str) -> None:
    both = {"for-bo@x.example": BO, "for-cy@x.example": CY, "for-all@x.example": None}
    for value, scope in both.items():
        entry(either, value, scope)
    said = either.as_(name).get("/known/export")
    assert said.headers["Content-Disposition"].startswith("attachment")
    wanted = {value for value in both if value.partition("@")[0].removeprefix("for-") in SEES[name]}
    assert {value for value in both if value in said.text} == wanted


MAY_ADD = [
    ("bo", BO, 302), ("bo", CY, 403), ("bo", "example.com", 403), ("bo", "", 403),
    ("approver", CY, 302), ("approver", "example.com", 302), ("approver", "", 403), ("approver", "other.example", 403),
    ("chief", "", 302), ("chief", "elsewhere.example", 400), ("auditor", BO, 403), ("admin", "", 403),
]  # fmt: skip


@pytest.mark.parametrize(("name", "scope", "code"), MAY_ADD)
def test_for_whom_somebody_may_say_it(office: Office, name: str, scope: str, code: int) -> None:
    said = office.as_(name).post("/known/add", party="ann@elsewhere.example", verb="block", scope=scope)
    assert said.status_code == code
    there = entries(office)
    assert (ANN in there) == (code == 302)
    if code == 302:
        assert (there[ANN].scope or "", there[ANN].author, there[ANN].verb) == (scope, name, BLOCK)
        (row,) = office.record("entry added")
        assert (row["who"], row["about"]) == (name, f"entry {there[ANN].id}")


# ---- a new one -------------------------------------------------------------------------------------------------------


def test_a_combination_has_its_proof_its_end_and_its_reason(office: Office) -> None:
    bo = office.as_("bo")
    more = {"network": "192.0.2.7/24", "signature": "Elsewhere.example", "life": "30", "comment": "our notary"}
    said = bo.post("/known/add", party="Ann@elsewhere.example", scope=BO, **more)
    one = next(iter(entries(office).values()))
    assert said.location == f"/known/{one.id}"
    assert (str(one.network), one.signature, one.comment) == ("192.0.2.0/24", "elsewhere.example", "our notary")
    assert one.expires == NOW + timedelta(days=30)
    assert "our notary" in bo.get("/known").text


@pytest.mark.parametrize(
    "form",
    [
        {"party": "nobody at all"},
        {"party": ""},
        {"party": "192.0.2.0/24", "signature": "x.example"},
        {"party": "x.example", "network": "300.1.2.3"},
        {"party": "x.example", "life": "9999"},
        {"party": "x.example", "verb": "maybe"},
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(office: Office, form: dict[str, str]) -> None:
    said = office.as_("bo").post("/known/add", scope=BO, **form)
    assert said.status_code == 400
    assert 'role="alert"' in said.text
    assert f'value="{form["party"]}"' in said.text
    assert entries(office) == {}


def test_a_forged_name_alone_can_be_kept_out(office: Office) -> None:
    office.as_("bo").post("/known/add", party=ANN, scope=BO, verb="block", binds="yes")
    assert entries(office)[ANN].binds is Binds.UNAUTHENTICATED


# ---- what becomes of one ---------------------------------------------------------------------------------------------


def test_its_end_and_its_reason_change_and_its_history_tells_who_did_it(office: Office) -> None:
    number = entry(office, ANN, BO)
    bo = office.as_("bo")
    assert bo.post(f"/known/{number}/change", until="2026-05-01", comment="until May").status_code == 302
    one = entries(office)[ANN]
    assert one.expires is not None
    assert (f"{one.expires:%Y-%m-%d %H:%M}", one.comment) == ("2026-05-02 00:00", "until May"), "the whole day"
    page = bo.get(f"/known/{number}").text
    assert 'value="2026-05-01"' in page
    assert "bo: entry changed" in read(page)
    assert bo.post(f"/known/{number}/change", until="never").status_code == 400
    assert bo.post(f"/known/{number}/change", until="", comment="").status_code == 302
    assert entries(office)[ANN].expires is None


def test_what_is_taken_off_is_put_back_at_once_or_later(either: Office) -> None:
    number = entry(either, ANN, BO)
    bo = either.as_("bo")
    page = bo.get(bo.post(f"/known/{number}/withdraw").location).text
    assert f'action="/known/{number}/restore"' in page, "undo"
    assert entries(either) == {}
    assert ANN in bo.get("/known?show=past").text
    assert ANN not in bo.get("/known").text
    assert bo.post(f"/known/{number}/restore").status_code == 302
    assert entries(either)[ANN].withdrawn_at is None
    assert "It was never taken off" in bo.get(bo.post(f"/known/{number}/restore").location).text
    done = [row["act"] for row in either.record() if row["about"] == f"entry {number}"]
    assert done == ["entry taken off", "entry put back"]


def test_what_it_quarrels_with_is_shown_with_it_as_far_as_it_is_ones_business(office: Office) -> None:
    mine = entry(office, ANN, BO)
    entry(office, "elsewhere.example", verb=BLOCK)
    assert "a block comes first" in office.as_("chief").get(f"/known/{mine}").text
    assert "a block comes first" in office.as_("chief").get("/known/conflicts").text
    assert "a block comes first" not in office.as_("bo").get(f"/known/{mine}").text


# ---- finding ---------------------------------------------------------------------------------------------------------


def found(browser: Browser, query: str) -> set[str]:
    return set(re.findall(r"[a-z0-9-]+@x\.example|x\d*\.example|192\.0\.2\.0/24", browser.get(f"/known{query}").text))


def test_servers_domains_addresses_and_combinations(either: Office) -> None:
    entry(either, "one@x.example")
    entry(either, "x.example")
    entry(either, "192.0.2.0/24", kind=ListKind.NETWORK)
    entry(either, "both@x.example", signature="x2.example")
    chief = either.as_("chief")
    assert found(chief, "?show=addresses") == {"one@x.example"}
    assert found(chief, "?show=domains") == {"x.example"}
    assert found(chief, "?show=servers") == {"192.0.2.0/24"}
    assert found(chief, "?show=combinations") == {"both@x.example", "x2.example"}
    assert found(chief, "?q=ONE@") == {"one@x.example"}
    assert found(chief, "?show=past") == set()


def test_what_is_over_is_with_the_past(either: Office) -> None:
    entry(either, "one@x.example", expires=NOW + timedelta(minutes=1))
    chief = either.as_("chief")
    assert found(chief, "") == {"one@x.example"}
    either.later(timedelta(minutes=1))
    assert found(chief, "") == set()
    assert found(chief, "?show=past") == {"one@x.example"}


def test_it_goes_on_page_by_page(office: Office) -> None:
    for number in range(60):
        entry(office, f"a{number}@x.example")
    chief = office.as_("chief")
    first = found(chief, "")
    link = re.search(r'href="/known(\?after=[^"]+)"', chief.get("/known").text)
    assert link
    second = found(chief, link[1].replace("&amp;", "&"))
    assert (len(first), len(second), first & second) == (50, 10, set())
    part = chief.get("/known" + link[1].replace("&amp;", "&"), {"HX-Request": "true"}).text
    assert "<html" not in part


def test_who_is_remembered_is_found_by_name_and_ones_own_are_shown(either: Office) -> None:
    with either.begin() as conn:
        for to in (BO, CY, memory.EVERYBODY):
            sender = f"{to[:2]}@pal.example" if to != memory.EVERYBODY else "@pal.example"
            memory.remember(
                conn, [Remembered([SIGNED], sender, to, Grade.REMEMBERED, "waited", NOW, NOW + timedelta(days=36))]
            )
    assert "bo@pal.example" in either.as_("bo").get("/known").text
    assert "cy@pal.example" not in either.as_("bo").get("/known").text
    assert "bo@pal.example" not in either.as_("bo").get("/known?q=other").text
    approver = either.as_("approver")
    assert "pal.example" not in approver.get("/known").text
    for query in ("cy@pal", CY, SIGNED.value):
        assert "cy@pal.example" in approver.get(f"/known?q={query}").text, query
    assert "@pal.example" in approver.get("/known?q=pal.example").text
    assert "bo@pal.example" not in either.as_("stranger").get(f"/known?q={SIGNED.value}").text


# ---- files -----------------------------------------------------------------------------------------------------------


def sent(browser: Browser, *lines: str, head: str = HEAD, **form: str) -> TestResponse:
    data = {"csrf": browser.token, "file": (BytesIO("\r\n".join([head, *lines]).encode()), "a.csv"), **form}
    return browser.ask("POST", "/known/import", {"Origin": browser.origin}, data=data)


def test_a_file_is_looked_at_first_and_then_taken_whole(office: Office) -> None:
    entry(office, ANN, BO)
    entry(office, "spam.example", verb=BLOCK)
    chief = office.as_("chief")
    lines = (f"allow,address,{ANN},,{BO},,,", "allow,address,new@spam.example,,,,somebody else,why")
    looked = sent(chief, *lines)
    assert looked.status_code == 200
    assert "1 entry would be added; 1 is there already" in looked.text
    assert "a block comes first" in looked.text
    assert "new@spam.example" not in entries(office), "nothing happens before that"
    text = re.search(r"<textarea[^>]*>\n(.*)</textarea>", looked.text, re.DOTALL)
    assert text
    data = {"csrf": chief.token, "sure": "yes", "text": text[1]}
    assert chief.ask("POST", "/known/import", {"Origin": chief.origin}, data=data).status_code == 302
    one = entries(office)["new@spam.example"]
    assert (one.author, one.comment) == ("chief", "why"), "whoever brings it in stands for it"
    assert [row["detail"] for row in office.record("lists imported")] == [{"entries": 1}]


def test_all_that_is_wrong_is_named_with_its_line_and_nothing_is_taken(office: Office) -> None:
    bo = office.as_("bo")
    said = sent(bo, f"allow,address,{ANN},,{BO}", "allow,domain,,,", f"maybe,address,{ANN}", f"allow,address,{ANN}",
                f"allow,address,x@x.example,,{CY}", sure="yes")  # fmt: skip
    assert said.status_code == 400
    for line in ("line 3:", "line 4:", "line 5: for everybody", f"line 6: for {CY}"):
        assert line in said.text
    assert "line 2:" not in said.text
    assert entries(office) == {}


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"", b"no,columns\n1,2"])
def test_a_file_that_is_no_list_is_told(office: Office, data: bytes) -> None:
    bo = office.as_("bo")
    form = {"csrf": bo.token, "file": (BytesIO(data), "a.csv")}
    assert bo.ask("POST", "/known/import", {"Origin": bo.origin}, data=form).status_code == 400


def test_what_was_exported_is_there_already(office: Office, lines: dict[str, int]) -> None:
    chief = office.as_("chief")
    head, *written = chief.get("/known/export").text.splitlines()
    assert len(written) == len(lines)
    assert "Nothing would be added; 5 are there already" in sent(chief, *written, head=head).text


@pytest.mark.parametrize("web", [{"four_eyes": "everybody"}])
def test_where_two_are_wanted_nobody_speaks_for_everybody_alone(office: Office) -> None:
    number = entry(office, "for-all@x.example")
    chief = office.as_("chief")
    assert 'value=""' not in chief.get("/known/add").text.partition('name="scope"')[2].partition("</select>")[0]
    new = {"party": "ann@y.example", "verb": "allow", "scope": "", "life": ""}
    assert chief.post("/known/add", **new).status_code == 403
    assert chief.post(f"/known/{number}/withdraw").status_code == 403
    assert chief.post("/known/add", **new | {"scope": "example.com"}).status_code == 302
    assert set(entries(office)) == {"for-all@x.example", "ann@y.example"}
