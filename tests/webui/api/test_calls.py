"""What the calls do, on both databases: lists and their pages, decisions, senders, accounts, people."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from gateway.model import ReasonCode, Role
from gateway.policy.entries import plainly
from gateway.store import lists, persons
from sql.tables import delivery
from tests.store.making import ANN, BO, CY
from tests.webui.api.conftest import Program, kind_of, program, seed
from tests.webui.conftest import BOS, BOTH, LENT, Office
from webui.api.nouns import MAIL


def items(one: Program, path: str) -> list[Any]:
    return list(one.get(path).get_json()["items"])


def walk(one: Program, path: str, limit: int) -> list[Any]:
    """All pages of a list."""
    found, after = [], ""
    while True:
        page = one.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{after}").get_json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


# ---- mail ----------------------------------------------------------------------------------------------------------


def test_what_is_held_and_what_waits(either: Office) -> None:
    one = program(either, "bo")
    assert [(row["mail"], row["recipient"], row["state"]) for row in items(one, "/held")] == [
        (BOS, BO, "held"),
        (BOTH, BO, "held"),
    ]
    assert [(row["mail"], row["tries"]) for row in items(one, "/waiting")] == [(LENT, 1)]
    assert items(one, f"/held?from={ANN}&to={BO}&subject=Hello&q=elsewhere&why=content.suspicious") != []
    for nothing in ("from=cy@", "to=cy@", "subject=Bye", "q=%25", "why=greylist.new", "state=expired"):
        assert items(one, f"/held?{nothing}") == [], nothing


def test_pages_of_a_list_are_stable_while_rows_come(either: Office) -> None:
    one = program(either, "chief")
    first = one.get("/held?limit=2").get_json()
    seed(either)  # newer mail comes meanwhile
    rest = one.get(f"/held?limit=200&after={first['next']}").get_json()
    before = [(row["mail"], row["recipient"]) for row in first["items"] + rest["items"]]
    assert len(before) == len(set(before)) == 4
    assert MAIL not in {mail for mail, _ in before[:2]}


@pytest.mark.parametrize("path", ["/held", "/known", "/accounts", "/expecting", f"/find?q={BO}"])
def test_every_list_is_the_same_page_by_page(either: Office, path: str) -> None:
    seed(either)
    one = program(either, "chief")
    whole = items(one, path)
    assert len(whole) > (0 if "find" in path else 2)
    for limit in (1, 2, 3):
        assert walk(one, path, limit) == whole


def test_people_page_by_page(either: Office) -> None:
    one = program(either, "admin")
    assert walk(one, "/people", 3) == items(one, "/people")
    assert [row["name"] for row in items(one, "/people?q=bo")] == ["bo", "nobody"]


def test_a_mail_with_its_text_reasons_and_story(either: Office) -> None:
    seed(either)
    one = program(either, "bo")
    mail = one.get(f"/mails/{MAIL}")
    assert mail.headers["ETag"]
    assert [(part["recipient"], part["state"]) for part in mail.get_json()["recipients"]] == [(BO, "held")]
    text = one.get(f"/mails/{MAIL}/text").get_json()
    assert (text["text"], [file["name"] for file in text["files"]]) == ("A few words", ["a.csv"])
    raw = one.get(f"/mails/{MAIL}/raw")
    assert raw.data.endswith(b"as in the document")
    assert raw.content_type == "message/rfc822"
    assert raw.headers["Content-Disposition"].startswith("attachment;")
    (why,) = one.get(f"/mails/{MAIL}/reasons").get_json()["items"]
    assert (why["action"], [reason["code"] for reason in why["reasons"]]) == ("hold", ["greylist.new"])
    assert "Came from" in one.get(f"/mails/{MAIL}/story").get_json()["items"][0]["words"]
    assert items(one, f"/find?q=[{MAIL.upper()}]") == [why]
    assert len(either.record("read")) == 2, "each reading is on record"


def test_whoever_reads_the_mail_of_others_says_why(office: Office) -> None:
    one = program(office, "approver")
    assert one.get(f"/mails/{BOS}").get_json()["must_say_why"] is True
    for path in ("text", "raw"):
        assert kind_of(one.get(f"/mails/{BOS}/{path}")) == "say-why"
    assert office.record("read") == []
    assert one.get(f"/mails/{BOS}/text?because=Asked by Bo").status_code == 200
    (entry,) = office.record("read")
    assert entry["detail"]["because"] == "Asked by Bo"
    assert kind_of(one.get(f"/mails/{BOS}/text?because=a")) == "invalid"
    assert kind_of(one.get(f"/mails/{BOS}/text?because=%20%20%20%20")) == "say-why"
    assert kind_of(one.get(f"/mails/{BOS}/text?because=abc%0adef")) == "say-why"


# ---- decisions -----------------------------------------------------------------------------------------------------


def test_release_and_take_back(either: Office) -> None:
    one = program(either, "bo")
    said = one.post(f"/mails/{BOS}/decisions", {"verb": "release"}).get_json()["recipients"]
    assert [(row["recipient"], row["happened"]) for row in said] == [(BO, True)]
    assert either.states(BOS) == {BO: "releasing"}
    assert one.post(f"/mails/{BOS}/undo", {}).status_code == 200
    assert either.states(BOS) == {BO: "held"}


def test_whoever_comes_second_is_told_who_was_first(either: Office) -> None:
    program(either, "approver").post(f"/mails/{BOS}/decisions", {"verb": "refuse"})
    said = program(either, "bo").post(f"/mails/{BOS}/decisions", {"verb": "release"})
    assert kind_of(said) == "somebody-first"
    told = said.get_json()
    assert told["detail"] == "nothing to decide: it is refused by approver"
    assert told["recipients"] == [
        {"recipient": BO, "happened": False, "words": "nothing to decide: it is refused by approver", "entry": None}
    ]


def test_trust_and_block_put_an_entry_on_the_lists(either: Office) -> None:
    one = program(either, "bo")
    (usual,) = [row for row in items(one, f"/mails/{BOS}/choices") if row["usual"]]
    said = one.post(f"/mails/{BOS}/decisions", {"verb": "trust"}).get_json()["recipients"]
    entry = one.get(f"/known/{said[0]['entry']}").get_json()
    assert (entry["verb"], entry["words"]) == ("allow", usual["words"])
    choices = items(one, f"/mails/{BOTH}/choices?verb=block")
    taken = next(row for row in choices if row["may_be_taken"])
    said = one.post(f"/mails/{BOTH}/decisions", {"verb": "block", "choice": taken["place"]}).get_json()["recipients"]
    with either.begin() as conn:
        found = lists.find(conn, said[0]["entry"])
    assert found is not None
    assert str(plainly(found)) == taken["words"]
    refused = next(row["place"] for row in choices if not row["may_be_taken"])
    assert kind_of(one.post(f"/mails/{LENT}/decisions", {"verb": "block", "choice": refused})) == "impossible"


def test_only_for_the_recipients_that_are_named_and_are_theirs(either: Office) -> None:
    one = program(either, "chief")
    said = one.post(f"/mails/{BOTH}/decisions", {"verb": "refuse", "recipients": [CY]})
    assert said.status_code == 200
    assert either.states(BOTH) == {BO: "held", CY: "refused"}
    said = program(either, "bo").post(f"/mails/{BOTH}/decisions", {"verb": "refuse", "recipients": [BO, CY]})
    assert kind_of(said) == "invalid"
    assert said.get_json()["errors"][0]["pointer"] == "#/recipients/1"
    assert either.states(BOTH) == {BO: "held", CY: "refused"}


def test_once_leaves_its_sender_a_stranger(either: Office) -> None:
    assert program(either, "bo").post(f"/mails/{BOS}/decisions", {"verb": "release", "once": True}).status_code == 200
    with either.begin() as conn:
        rows = conn.exec_driver_sql("SELECT count(*) FROM memory").scalar()
    assert rows == 0
    said = program(either, "bo").post(f"/mails/{BOTH}/decisions", {"verb": "refuse", "once": True})
    assert said.get_json()["errors"] == [{"pointer": "#/once", "detail": "Only a release may be for once."}]


def test_whoever_contradicts_a_sure_classifier_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(office.house), "doubt", lambda self, conn, row, label: 0.99)
    one = program(office, "bo")
    said = one.post(f"/mails/{BOS}/decisions", {"verb": "release"})
    assert (kind_of(said), said.get_json()["spam"]) == ("contradicted", 0.99)
    assert office.states(BOS) == {BO: "held"}
    assert one.post(f"/mails/{BOS}/decisions", {"verb": "release", "sure": True}).status_code == 200


@pytest.mark.parametrize("web", [{"four_eyes": "everybody"}])
def test_what_wants_a_second_person_is_not_done_by_one(office: Office, web: Any) -> None:
    one = program(office, "chief")
    everybody = [row["place"] for row in items(one, f"/mails/{BOS}/choices") if "anybody here" in row["words"]]
    taken = [place for place in everybody if items(one, f"/mails/{BOS}/choices")[place]["may_be_taken"]]
    said = one.post(f"/mails/{BOS}/decisions", {"verb": "trust", "choice": taken[0]})
    assert kind_of(said) == "four-eyes"
    assert office.states(BOS) == {BO: "held"}
    assert kind_of(one.post("/known", {"verb": "allow", "party": "a.example", "scope": None})) == "not-yours"


def test_what_may_do_harm_is_released_by_approvers(office: Office) -> None:
    office.house = replace(office.house, terms=replace(office.house.terms, only_approvers=True))
    office.app.extensions["house"] = office.house
    with office.begin() as conn:
        of_it = update(delivery).where(delivery.c.message == BOS)
        conn.execute(of_it.values(reason=str(ReasonCode.ATTACHMENT_PROGRAM)))
    said = program(office, "bo").post(f"/mails/{BOS}/decisions", {"verb": "release"})
    assert kind_of(said) == "for-approvers"
    assert office.states(BOS) == {BO: "held"}
    assert program(office, "approver").post(f"/mails/{BOS}/decisions", {"verb": "release"}).status_code == 200


# ---- senders -------------------------------------------------------------------------------------------------------

NEW = {"verb": "block", "party": "Spam.Example", "scope": BO, "days": 30, "comment": "again", "unless_proved": True}


def test_an_entry_is_added_changed_taken_off_and_put_back(either: Office) -> None:
    one = program(either, "bo")
    said = one.post("/known", NEW)
    made = said.get_json()
    assert (made["value"], made["by"], made["unless_proved"], made["holds"]) == ("spam.example", "bo", True, True)
    path = said.headers["Location"].removeprefix("/api/v1")
    assert one.get(path).get_json() == made
    changed = one.send("PATCH", path, {"comment": "enough"}).get_json()
    assert (changed["comment"], changed["until"]) == ("enough", made["until"])
    assert one.send("PATCH", path, {"days": None}).get_json()["until"] is None
    gone = one.send("DELETE", path).get_json()
    assert (gone["holds"], gone["withdrawn_by"]) == (False, "bo")
    said = one.send("DELETE", path)
    assert (kind_of(said), said.get_json()["detail"]) == ("somebody-first", "bo took it off already.")
    assert kind_of(one.send("PATCH", path, {"comment": "x"})) == "somebody-first"
    assert [row["id"] for row in items(one, "/known?show=past")] == [made["id"]]
    assert one.post(f"{path}/restore").get_json()["holds"] is True
    assert kind_of(one.post(f"{path}/restore")) == "somebody-first"


def test_who_changes_what_somebody_else_changed_meanwhile_is_told(either: Office) -> None:
    one = program(either, "bo")
    said = one.post("/known", NEW)
    path, tag = said.headers["Location"].removeprefix("/api/v1"), said.headers["ETag"]
    assert one.send("PATCH", path, {"comment": "first"}, If_Match=tag).status_code == 200
    assert kind_of(one.send("PATCH", path, {"comment": "second"}, If_Match=tag)) == "changed"
    assert kind_of(one.send("DELETE", path, If_Match=tag)) == "changed"
    now = one.get(path)
    assert now.get_json()["comment"] == "first"
    assert one.send("DELETE", path, If_Match=f'"other", {now.headers["ETag"]}').status_code == 200


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"party": "a b"}, "is no address"),
        ({"scope": "x@elsewhere.example"}, "no domain of ours"),
        ({"party": "192.0.2.0/24", "network": "192.0.2.0/24"}, "goes beside the name"),
        ({"network": "here"}, "is no network"),
        ({"signature": "-"}, "is no domain"),
    ],
)
def test_what_is_no_entry_is_said(office: Office, change: dict[str, str], detail: str) -> None:
    said = program(office, "bo").post("/known", NEW | change)
    assert kind_of(said) == "impossible"
    assert detail in said.get_json()["detail"]


# ---- accounts ------------------------------------------------------------------------------------------------------


def test_a_level_is_chosen_and_let_go(either: Office) -> None:
    one = program(either, "bo")
    before = one.get(f"/accounts/{BO}")
    assert before.get_json() == {"account": BO, "level": "greylist", "chosen": False, "by": None, "since": None}
    chosen = one.send("PUT", f"/accounts/{BO}", {"level": "known-only"}, If_Match=before.headers["ETag"])
    assert chosen.get_json()["level"] == "known-only"
    said = one.send("PUT", f"/accounts/{BO}", {"level": "off"}, If_Match=before.headers["ETag"])
    assert kind_of(said) == "changed"
    assert items(one, "/accounts")[0]["by"] == "bo"
    again = one.send("PUT", f"/accounts/{BO}", {"level": None}).get_json()
    assert (again["level"], again["chosen"]) == ("greylist", False)
    assert len(either.record("level chosen")) == 2


@pytest.mark.parametrize("name", ["x@elsewhere.example", "elsewhere.example", "..", "a/b", "%00", "@"])
def test_an_account_of_others_is_none(office: Office, name: str) -> None:
    one = program(office, "chief")
    assert one.get(f"/accounts/{name}").status_code in (404, 308)
    assert one.send("PUT", f"/accounts/{name}", {"level": "off"}).status_code in (404, 308, 405)


def test_mail_is_expected_and_what_waits_is_offered(either: Office) -> None:
    one = program(either, "bo")
    said = one.post("/expecting", {"account": BO, "domain": "elsewhere.example", "minutes": 5})
    window = said.get_json()["window"]
    assert [row["mail"] for row in said.get_json()["offers"]] == [LENT, BOS, BOTH]
    assert items(one, f"/expecting?account={BO}") == [window]
    assert items(program(either, "cy"), "/expecting") == []
    path = said.headers["Location"].removeprefix("/api/v1")
    assert one.send("DELETE", path).data == b""
    assert kind_of(one.send("DELETE", path)) == "somebody-first"
    assert items(one, "/expecting") == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"account": "example.com"}, "invalid"),
        ({"account": BO, "domain": "com"}, "impossible"),
        ({"account": BO, "minutes": 60}, "impossible"),
    ],
)
def test_what_cannot_be_expected_is_said(office: Office, body: Any, kind: str) -> None:
    assert kind_of(program(office, "bo").post("/expecting", body)) == kind


# ---- people --------------------------------------------------------------------------------------------------------


def test_somebody_is_invited_changed_and_locked_out(either: Office) -> None:
    one = program(either, "admin")
    said = one.post("/people", {"name": "Zoe", "roles": ["approver:example.com"], "addresses": ["zoe@example.com"]})
    invitation = said.get_json()
    assert invitation["link"].startswith("http://localhost/invitation/")
    secret = invitation["link"].removeprefix("http://localhost")
    assert either.browser().get(secret).status_code == 200
    assert kind_of(one.post("/people", {"name": "zoe"})) == "somebody-first"
    before = one.get("/people/zoe")
    assert before.get_json()["state"] == "invited"
    body = {"roles": ["auditor"], "addresses": [CY]}
    after = one.send("PATCH", "/people/zoe", body, If_Match=before.headers["ETag"]).get_json()
    assert (after["roles"], [row["address"] for row in after["addresses"]]) == (["auditor"], [CY])
    assert kind_of(one.send("PATCH", "/people/zoe", {"roles": []}, If_Match=before.headers["ETag"])) == "changed"
    assert one.send("PATCH", "/people/zoe", {"disabled": True}).get_json()["state"] == "locked out"
    assert either.browser().get(secret).status_code == 404
    assert one.post("/people/zoe/invitation").status_code == 201
    assert [row["act"] for row in either.record() if row["about"] == "zoe"] == [
        "invited",
        "roles changed",
        "address given",
        "address taken",
        "locked out",
        "invited",
    ]


def test_nobody_locks_themselves_out_or_stops_being_the_admin(either: Office) -> None:
    one = program(either, "admin")
    assert kind_of(one.send("PATCH", "/people/admin", {"disabled": True})) == "impossible"
    assert kind_of(one.send("PATCH", "/people/admin", {"roles": []})) == "impossible"
    with either.begin() as conn:
        row = persons.named(conn, "admin")
        assert row is not None
        assert persons.roles_of(conn, row["id"]) == {(Role.ADMIN, "")}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a b"}, "#/name"),
        ({"name": "zoe", "roles": ["king"]}, "#/roles/0"),
        ({"name": "zoe", "roles": ["auditor", "approver:-"]}, "#/roles/1"),
        ({"name": "zoe", "addresses": ["zoe"]}, "#/addresses/0"),
    ],
)
def test_what_is_nobody_is_said_with_its_place(office: Office, body: Any, pointer: str) -> None:
    said = program(office, "admin").post("/people", body)
    assert kind_of(said) == "invalid"
    assert said.get_json()["errors"][0]["pointer"] == pointer


# ---- the house -----------------------------------------------------------------------------------------------------


def test_health_and_switches(office: Office) -> None:
    one = program(office, "auditor")
    said = one.get("/health").get_json()
    assert said["node"] == "node1"
    assert any("No SMTP worker runs" in row["words"] for row in said["troubles"])
    assert {row["name"] for row in items(one, "/switches")} == {"bypass", "greylist-off", "freeze-releases"}
    assert not any(row["on"] for row in items(one, "/switches"))
