"""greygate known, the switches, and a person's data."""

import csv
import io
import json
from datetime import timedelta

import pytest

from gateway import clock
from gateway.model import Binds, Grade, ListKind, ListVerb, Switch
from gateway.store import audit, changes, decisions, lists
from gateway.store.lists import NewEntry
from tests.cli.conftest import Office
from tests.store.making import ANN, BO, DAY, WEAK, copied, held, keep, mail, owned_mail, remember

COLUMNS = "verb,kind,value,network,scope,expires,author,comment,signature,binds"


def entries(office: Office) -> list[tuple[str, ...]]:
    with office.engine.connect() as conn:
        return [(str(one.verb), str(one.kind), one.value) for one in lists.entries(conn)]


def announced(office: Office) -> int:
    with office.engine.connect() as conn:
        return sum(changes.counts(conn).values())


# ---- allow, block, forget, list ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("party", "kind", "value"),
    [
        ("Ann@Elsewhere.example", "address", "ann@elsewhere.example"),
        ("Elsewhere.EXAMPLE", "domain", "elsewhere.example"),
        ("bücher.example", "domain", "xn--bcher-kva.example"),
        ("192.0.2.7/24", "network", "192.0.2.0/24"),
        ("192.0.2.7", "network", "192.0.2.7/32"),
        ("2001:DB8::/32", "network", "2001:db8::/32"),
    ],
)
def test_a_party_is_blocked_as_what_it_is(office: Office, party: str, kind: str, value: str) -> None:
    assert office.good("known", "block", party) == f"1: block {kind} {value}. It takes effect within a second.\n"
    assert entries(office) == [("block", kind, value)]
    assert announced(office) == 1


@pytest.mark.parametrize(
    "party",
    ["", "a b", "ann@", "@elsewhere.example", "1.2.3", "1.2.3.4.5", "::g", "a..b", "x" * 400, "192.0.2.0/33"],
)
def test_what_is_no_party_is_told_with_what_is(office: Office, party: str) -> None:
    told = office.bad("known", "block", party)
    assert "ann@example.com" in told
    assert "192.0.2.0/24" in told
    assert entries(office) == []


@pytest.mark.parametrize("party", [ANN, "elsewhere.example"])
def test_a_name_is_allowed_with_its_network_or_its_signature(office: Office, party: str) -> None:
    told = office.good("known", "allow", party)
    assert "it counts when its own domain signed the mail" in told
    assert "--network 192.0.2.0/24" in told
    assert "it counts when sign.example signed the mail" in office.good(
        "known", "allow", party, "--signature", "Sign.example"
    )
    office.good("known", "allow", party, "--network", "192.0.2.9/24", "--for", "BO@example.com", "--expires", "30d")
    with office.engine.connect() as conn:
        own, signed, entry = lists.entries(conn)
    assert (own.network, own.signature, signed.signature) == (None, None, "sign.example")
    assert (str(entry.network), entry.scope) == ("192.0.2.0/24", BO)
    assert entry.expires is not None
    assert timedelta(29) < entry.expires - clock.now() <= timedelta(30)


def test_who_signs_may_be_the_party_and_a_block_may_spare_what_is_proved(office: Office) -> None:
    office.good("known", "block", "sign.example", "--signer")
    office.good("known", "block", ANN, "--unless-proved")
    with office.engine.connect() as conn:
        signer, name = lists.entries(conn)
    assert (signer.kind, signer.value, signer.binds) == (ListKind.SIGNATURE, "sign.example", Binds.EVERYTHING)
    assert (name.kind, name.binds) == (ListKind.ADDRESS, Binds.UNAUTHENTICATED)
    told = office.good("known", "list")
    assert "signed by sign.example" in told
    assert "unless proved" in told
    assert "who signs is a domain" in office.bad("known", "allow", ANN, "--signer")
    assert "go with the name of a sender" in office.bad("known", "block", "10.0.0.0/8", "--unless-proved")
    assert "go with the name of a sender" in office.bad("known", "allow", "10.0.0.0/8", "--signature", "x.example")
    assert "is no domain" in office.bad("known", "allow", ANN, "--signature", "a b")


# ---- what became of an entry, and what it quarrels with ------------------------------------------------------------


def test_nothing_is_struck_and_its_history_is_told(office: Office) -> None:
    office.good("known", "block", ANN, "--comment", "a [red]pest[/]")
    office.good("known", "forget", "1")
    assert entries(office) == []
    assert office.good("known", "list") == "Nobody is listed or remembered.\n"
    assert "withdrawn 20" in office.good("known", "list", "--all")
    told = office.good("known", "history", "1")
    assert told.startswith(f"1: block address {ANN}\n  a [red]pest[/]\n")
    assert "list block (" in told
    assert "list withdrawn (" in told
    assert "It was withdrawn by " in told
    record = json.loads(office.good("known", "history", "1", "--json"))
    assert (record["entry"]["id"], record["in_force"]) == (1, False)
    assert [event["kind"] for event in record["events"]] == ["list block", "list withdrawn"]
    assert "nothing is on record under 1" in office.bad("known", "forget", "1")
    assert "no entry 2 is on record" in office.bad("known", "history", "2")


def test_an_entry_that_holds_or_is_over_is_told(office: Office) -> None:
    office.good("known", "block", ANN)
    office.good("known", "block", ANN, "--expires", "30d")
    with office.begin() as conn:
        lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.ADDRESS, ANN, expires=clock.now()), clock.now())
    assert office.good("known", "history", "1").endswith("It holds.\n")
    assert "It holds until 20" in office.good("known", "history", "2")
    assert "It was over at 20" in office.good("known", "history", "3")
    assert len(office.good("known", "list").splitlines()) == 3


def test_conflicts_are_told_when_they_are_made_and_later(office: Office) -> None:
    assert office.good("known", "conflicts") == "No entry contradicts or covers another.\n"
    office.good("known", "block", "elsewhere.example")
    told = office.good("known", "allow", ANN, "--network", "192.0.2.0/24")
    assert "it never counts, for a block comes first: 1: block domain elsewhere.example" in told
    assert "1: block domain elsewhere.example says so already, and more" in office.good("known", "block", ANN)
    told = office.good("known", "conflicts")
    assert [line.split(":")[0] for line in told.splitlines()] == ["2", "2", "3"]
    found = json.loads(office.good("known", "conflicts", "--json"))
    assert found == [
        {"entry": 2, "conflict": "shadowed", "other": 1},
        {"entry": 2, "conflict": "shadowed", "other": 3},
        {"entry": 3, "conflict": "covered", "other": 1},
    ]


def test_many_conflicts_are_not_all_shown_at_once(office: Office) -> None:
    for number in range(12):
        office.good("known", "block", f"a{number}@elsewhere.example")
    assert "… and 2 more: greygate known conflicts" in office.good("known", "block", "elsewhere.example")


def test_a_network_or_a_recipient_needs_no_other_network(office: Office) -> None:
    office.good("known", "allow", "192.0.2.0/24")
    office.good("known", "allow", BO, "--recipient")
    assert [kind for _, kind, _ in entries(office)] == ["network", "recipient"]
    assert "--network" in office.bad("known", "allow", "192.0.2.0/24", "--network", "198.51.100.0/24")
    assert "recipient is an address" in office.bad("known", "block", "192.0.2.0/24", "--recipient")


@pytest.mark.parametrize(
    "options",
    [("--network", "x"), ("--network", "300.1.1.1"), ("--for", "192.0.2.0/24"), ("--for", "a b"), ("--expires", "soon"),
     ("--expires", "7"), ("--expires", "99999999999d"), ("--expires", "-1d"), ("--expires", "999999999d")],
)  # fmt: skip
def test_a_wrong_option_is_named_and_nothing_is_added(office: Office, options: tuple[str, str]) -> None:
    told = office.bad("known", "allow", ANN, "--network", "192.0.2.0/24", *options)
    assert "Error:" in told
    assert entries(office) == []


def test_the_list_is_one_line_for_each_and_finds_parts(office: Office) -> None:
    comment = "[red]a friend[/], met in Graz; " + "long " * 60
    office.good("known", "block", "198.51.100.0/24", "--comment", comment.strip())
    office.good("known", "allow", ANN, "--network", "192.0.2.0/24", "--for", BO, "--expires", "30d")
    with office.begin() as conn:
        remember(conn, WEAK, "al@other.example", BO, Grade.KNOWN, "released", clock.now(), clock.now() + DAY, "x")
    lines = office.good("known", "list").splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("1")
    assert comment.strip() in lines[1]
    assert [word for word in lines[2].split() if word][:5] == ["2", "allow", ANN, "192.0.2.0/24", BO]
    assert lines[4].split()[:4] == ["known", "al@other.example", BO, "192.0.2.0/24"]
    assert "al@other.example" not in office.good("known", "list", "ANN@")
    assert ANN in office.good("known", "list", "ANN@")
    assert office.good("known", "list", "nobody") == "Nobody is listed or remembered.\n"
    told = json.loads(office.good("known", "list", "--json"))
    assert [entry["value"] for entry in told["lists"]] == ["198.51.100.0/24", ANN]
    assert (told["memory"][0]["grade"], told["memory"][0]["kind"]) == ("known", "network")


def test_an_entry_is_forgotten_by_its_number_and_a_party_by_its_name(office: Office) -> None:
    office.good("known", "block", "192.0.2.0/24")
    with office.begin() as conn:
        remember(conn, WEAK, ANN, BO, Grade.KNOWN, "released", clock.now(), clock.now() + DAY, "x")
    assert office.good("known", "forget", "1") == "Forgot 1 entry.\n"
    assert office.good("known", "forget", "ELSEWHERE.example") == "Forgot 1 entry.\n"
    assert announced(office) == 3


def test_entries_that_name_a_forgotten_party_are_told(office: Office) -> None:
    office.good("known", "block", ANN)
    with office.begin() as conn:
        remember(conn, WEAK, ANN, BO, Grade.KNOWN, "released", clock.now(), clock.now() + DAY, "x")
    told = office.good("known", "forget", ANN)
    assert told == "Forgot 1 entry.\nEntry 1 of the lists names it still: greygate known forget 1\n"


@pytest.mark.parametrize("party", ["7", "0", "999999999999999999", "nobody@x.example", "x.example", "10.0.0.0/8"])
def test_forgetting_nobody_is_told(office: Office, party: str) -> None:
    assert f"nothing is on record under {party}. See: greygate known list" in office.bad("known", "forget", party)
    assert announced(office) == 0


@pytest.mark.parametrize("party", ["²", "9" * 30, "9" * 5000, "a b"])
def test_forgetting_what_is_nobody_or_no_party_is_told(office: Office, party: str) -> None:
    assert "Error:" in office.bad("known", "forget", party)


def test_its_end_and_comment_change_and_it_comes_back(office: Office) -> None:
    office.good("known", "block", "spam.example", "--expires", "1d")
    told = announced(office)
    assert "for ever" in office.good("known", "change", "1", "--for-ever", "--comment", "never again")
    assert "never again" in office.good("known", "list")
    assert "until" in office.good("known", "change", "1", "--expires", "30d")
    assert "never again" in office.good("known", "list"), "what is not named stays"
    assert announced(office) == told + 2
    assert "list changed" in office.good("known", "history", "1")
    assert "was not taken back" in office.bad("known", "restore", "1")
    office.good("known", "forget", "1")
    assert "no entry 1" in office.bad("known", "change", "1", "--for-ever")
    assert "again" in office.good("known", "restore", "1")
    assert "spam.example" in office.good("known", "list")
    assert "list put back" in office.good("known", "history", "1")


@pytest.mark.parametrize("options", [(), ("--for-ever", "--expires", "1d")])
def test_a_change_says_what_is_to_change(office: Office, options: tuple[str, ...]) -> None:
    office.good("known", "block", "spam.example")
    office.bad("known", "change", "1", *options)


# ---- export, import ------------------------------------------------------------------------------------------------


def test_what_is_exported_can_be_imported_again_and_twice(office: Office) -> None:
    office.good("known", "block", "192.0.2.0/24", "--comment", 'quotes ", commas, \n lines and ärger')
    office.good("known", "allow", ANN, "--network", "192.0.2.0/24", "--for", BO, "--expires", "30d")
    office.good("known", "block", BO, "--recipient")
    office.good("known", "allow", "x.example", "--signer")
    office.good("known", "block", "x.example", "--signature", "y.example", "--unless-proved")
    told = office.good("known", "export")
    assert told.splitlines()[0] == COLUMNS
    path = office.folder / "lists.csv"
    assert office.run("known", "export", str(path)).err == "Wrote 5 entries.\n"
    assert list(csv.DictReader(io.StringIO(path.read_text()))) == list(csv.DictReader(io.StringIO(told)))
    assert office.good("known", "import", str(path)) == "Imported 0 entries; 5 already there.\n"
    for number in "12345":
        office.good("known", "forget", number)
    assert office.good("known", "import", str(path)) == "Imported 5 entries; 0 already there.\n"
    assert office.good("known", "export") == told


def imported(office: Office, *lines: str, head: str = COLUMNS) -> str:
    path = office.folder / "lists.csv"
    path.write_text("\n".join((head, *lines)) + "\n")
    told = office.bad("known", "import", str(path))
    assert entries(office) == []
    assert announced(office) == 0
    return told


def test_an_import_is_all_or_nothing_and_names_every_wrong_line(office: Office) -> None:
    told = imported(
        office,
        "block,network,192.0.2.0/24,,,,,",
        "block,network,300.0.0.0/24,,,,,",
        "ban,domain,x.example,,,,,",
        "block,domain,192.0.2.0/24,,,,,",
        "block,recipient,192.0.2.0/24,,,,,",
        ",domain,x.example,,,,,",
        "block,address,ann@elsewhere.example,,,,,,,some",
        "block,domain,x.example,,,tomorrow,,",
        "block,domain,x.example,nowhere,,,,",
        "block,domain,x.example,,10.0.0.0/8,,,",
        "block",
    )
    lines = [line.split(":")[0] for line in told.splitlines()[1:]]
    assert lines == [f"line {number}" for number in range(3, 13)]
    assert "'some' is not a valid Binds" in told
    assert "Invalid value" not in told


def test_a_file_that_is_no_list_is_told(office: Office) -> None:
    assert "the columns are verb, kind, value" in imported(office, head="")
    assert "the columns are verb, kind, value" in imported(office, "a,b", head="x,y")
    path = office.folder / "lists.csv"
    path.write_bytes(COLUMNS.encode() + b"\nblock,domain,\xff.example,,,,,\n")
    assert "UTF-8" in office.bad("known", "import", str(path))
    path.write_bytes(COLUMNS.encode() + b"\nblock,domain," + b"x" * 200_000 + b",,,,,\n")
    assert "line" in office.bad("known", "import", str(path))
    assert "No such file" in office.bad("known", "import", str(office.folder / "missing.csv"))
    assert entries(office) == []


def test_a_spreadsheet_may_have_saved_it(office: Office) -> None:
    path = office.folder / "lists.csv"
    text = "\ufeff" + COLUMNS + "\r\n" + "block,domain,X.example,,,2030-01-01,,\r\n" * 2
    path.write_bytes(text.encode())
    assert office.good("known", "import", str(path)) == "Imported 1 entry; 1 already there.\n"
    with office.engine.connect() as conn:
        (entry,) = lists.entries(conn)
    assert entry.expires is not None
    assert (entry.verb, entry.kind, entry.expires.isoformat()) == (
        ListVerb.BLOCK, ListKind.DOMAIN, "2030-01-01T00:00:00+00:00",
    )  # fmt: skip


# ---- switches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", list(Switch))
def test_a_switch_tells_how_it_stands(office: Office, switch: Switch) -> None:
    assert office.good(switch) == f"{switch} is off.\n"
    told = office.good(switch, "1h30m")
    assert told.startswith(f"{switch} is on for 1 hour and 30 minutes, until 20")
    assert told.endswith(" UTC.\n")
    assert office.good(switch).startswith(f"{switch} is on until 20")
    assert office.good(switch, "--off") == f"{switch} is off.\n"
    assert office.good(switch) == f"{switch} is off.\n"
    assert announced(office) == 2
    with office.engine.connect() as conn:
        kinds = [row["kind"] for row in decisions.timeline(conn, "")]
        acts = [(row["who"], row["act"], row["about"]) for row in audit.latest(conn, 9)]
    assert kinds == []
    assert [(act, about) for _, act, about in acts] == [("switched off", switch), ("switched on", switch)]
    assert all(who.endswith("@cli") for who, _, _ in acts)


def test_a_switch_that_expired_is_off(office: Office) -> None:
    with office.begin() as conn:
        changes.turn_on(conn, Switch.BYPASS, clock.now() - timedelta(seconds=1), "x", clock.now())
    assert office.good("bypass") == "bypass is off.\n"


@pytest.mark.parametrize("wrong", ["8d", "0s", "1", "soon", "36500d", "99999999999d"])
def test_a_switch_is_not_on_for_ever(office: Office, wrong: str) -> None:
    assert "Error:" in office.bad("bypass", wrong)
    assert office.good("bypass") == "bypass is off.\n"
    assert announced(office) == 0


def test_on_and_off_at_once_is_a_question(office: Office) -> None:
    assert "Either DURATION or --off" in office.bad("bypass", "1h", "--off")


# ---- person --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(office: Office) -> Office:
    with office.begin() as conn:
        copied(conn, keep(conn, office.bodies, mail()))
        remember(conn, WEAK, ANN, BO, Grade.KNOWN, "released", clock.now(), clock.now() + DAY, "x")
    return office


def test_an_export_is_json_and_on_record(recorded: Office) -> None:
    told = json.loads(recorded.good("person", "export", "ANN@elsewhere.example"))
    assert told["memory"][0]["sender"] == ANN
    assert told["message"][0]["id"] == mail().id


def test_erasing_asks_first(recorded: Office) -> None:
    told = recorded.bad("person", "erase", ANN, typed="n\n")
    assert "cannot be undone" in told
    assert "Aborted" in told
    assert json.loads(recorded.good("person", "export", ANN))["memory"]
    assert recorded.good("person", "erase", ANN, typed="y\n").endswith("rows.\n")
    assert not any(json.loads(recorded.good("person", "export", ANN)).values())
    assert recorded.good("person", "erase", ANN, "--yes") == "Erased 0 rows.\n"


def test_mail_that_we_answer_for_is_named_before_anything_is_erased(recorded: Office) -> None:
    with recorded.begin() as conn:
        held(conn, keep(conn, recorded.bodies, owned_mail(mail("0000000000002", text=b"2")), b"2"))
    told = recorded.bad("person", "erase", ANN, "--yes")
    assert "0000000000002" in told
    assert "greygate queue release ID" in told
    assert json.loads(recorded.good("person", "export", ANN))["memory"]


@pytest.mark.parametrize("wrong", ["ann", "", "@", "elsewhere.example", "a b@c.example"])
def test_a_person_has_a_mail_address(office: Office, wrong: str) -> None:
    assert "is no mail address" in office.bad("person", "export", wrong)
