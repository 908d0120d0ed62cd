"""greygate hosters: what is listed, from what is typed and from a file."""

import json

import pytest

from gateway.store import changes, hosters
from tests.cli.conftest import Office, run


def values(office: Office) -> list[str]:
    with office.engine.connect() as conn:
        return [one.value for one in hosters.entries(conn)]


def announced(office: Office) -> int:
    with office.engine.connect() as conn:
        return sum(changes.counts(conn).values())


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("192.0.2.7/24", "network", "192.0.2.0/24"),
        ("2001:DB8::/32", "network", "2001:db8::/32"),
        ("Hoster.EXAMPLE", "name", "hoster.example"),
        ("as64500", "as", "AS64500"),
    ],
)
def test_a_place_is_added_listed_and_removed(office: Office, typed: str, kind: str, value: str) -> None:
    assert office.good("hosters", "list") == "No hoster is listed.\n"
    assert office.good("hosters", "add", typed, "--comment", "[red]spam[/]").startswith(f"{value}. It takes effect")
    (told,) = json.loads(office.good("hosters", "list", "--json"))
    assert (told["kind"], told["value"], told["comment"]) == (kind, value, "[red]spam[/]")
    assert "[red]spam[/]" in office.good("hosters", "list")
    assert f"{value} is there already" in office.good("hosters", "add", typed)
    assert announced(office) == 1
    assert office.good("hosters", "remove", typed) == f"Removed {value}.\n"
    assert f"{value} is not listed" in office.bad("hosters", "remove", typed)
    assert announced(office) == 2


@pytest.mark.parametrize("wrong", ["", "x", "64500", "AS0", "AS99999999999", "300.1.1.1", "ann@x.example", "a..b"])
def test_what_is_no_place_is_told_with_what_is(office: Office, wrong: str) -> None:
    assert "AS64500" in office.bad("hosters", "add", wrong)
    assert values(office) == []


def test_an_as_needs_a_file(office: Office) -> None:
    assert "set [hosters] asn_file" in office.good("hosters", "add", "AS64500")
    (office.folder / "asn.tsv").write_text("192.0.2.0/24\t64500\n")
    office.configure(hosters={"asn_file": "asn.tsv"})
    assert "asn_file" not in office.good("hosters", "add", "AS64501")


def test_a_file_is_read_whole_or_not_at_all(office: Office) -> None:
    path = office.folder / "hosters.txt"
    path.write_text("# mine\n192.0.2.0/24  # a cheap one\n\nhoster.example\n192.0.2.0/24\nnonsense\nAS0\n")
    told = office.bad("hosters", "import", str(path))
    assert [line.partition(":")[0] for line in told.splitlines()[1:]] == ["line 6", "line 7"]
    assert values(office) == []
    path.write_text("192.0.2.0/24  # a cheap one\n\nhoster.example\n192.0.2.0/24\n")
    assert office.good("hosters", "import", str(path)) == "Imported 2; 1 already there.\n"
    assert values(office) == ["192.0.2.0/24", "hoster.example"]
    assert "a cheap one" in office.good("hosters", "list")


def test_a_file_of_systems_with_errors_is_told_before_anything_starts(office: Office) -> None:
    (office.folder / "asn.tsv").write_text("192.0.2.0/24\t64500\n192.0.2.0/24 64500\n")
    office.configure(hosters={"asn_file": "asn.tsv"})
    for words in (["check", str(office.config)], ["up", "--config", str(office.config)]):
        said = run(words)
        assert said.status == 1
        assert "[hosters] asn_file" in said.all
        assert "asn.tsv, line 2: a line is a network, a tab" in said.all
