"""greygate expect: what is opened, listed and closed, as it is read and typed."""

from tests.cli.conftest import Office

BO = "bo@example.com"


def test_what_is_opened_is_listed_and_closed(office: Office) -> None:
    assert office.good("expect", "list") == "Nothing is expected.\n"
    said = office.good("expect", "open", "Bo@example.com", "--from", "shop.example", "--minutes", "30")
    assert said.startswith("bo@example.com expects mail of shop.example until ")
    assert said.endswith("(number 1).\n")
    office.good("expect", "open", BO)
    head, *lines = office.good("expect", "list").splitlines()
    assert head.split()[:3] == ["number", "for", "from"]
    assert [line.split()[:3] for line in lines] == [["2", BO, "anybody"], ["1", BO, "shop.example"]]
    assert office.good("expect", "close", "2") == "Ended: 2.\n"
    assert office.good("expect", "close", BO) == "Ended: 1.\n"
    assert "nothing runs under 1" in office.bad("expect", "close", "1")
    assert office.good("expect", "list") == "Nothing is expected.\n"


def test_what_stands_against_it_is_told(office: Office) -> None:
    assert "none of our domains" in office.bad("expect", "open", "bo@elsewhere.example")
    assert "10 minutes at most" in office.bad("expect", "open", BO, "--minutes", "11")
    assert "is no mail address" in office.bad("expect", "open", "nobody")
    assert "is no mail address" in office.bad("expect", "close", "nobody")
    office.configure(expecting={"enabled": False})
    assert "switched off" in office.bad("expect", "open", BO)
