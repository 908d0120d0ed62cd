"""One landing page behind many names, over the wire; and three bots that try to make a campaign of an honest link."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.conftest import Town
from tests.gate import rest, until
from tests.talk import Answer, message

Start = Callable[..., Town]

STRANGERS = 30
WAITED = 1.1  # seconds
LANDING = "https://landing.test/win?id="
WORDS = ("window", "garden", "letter", "station", "pepper", "ladder", "harbour", "candle", "meadow", "saddle")
SETTINGS: dict[str, dict[str, Any]] = {
    "hold": {"reviewed": True},
    "campaigns": {"learn_until": 2},
    "protection": {"overrides": {"cy@example.com": "watch"}},
}


@pytest.fixture
def here(town: Start) -> Town:
    """A gate that has learnt what is usual here: people know partner.example, which sends a newsletter."""
    made = town(SETTINGS)
    partner = made.organisation("partner.example")
    made.becomes_known("ann@partner.example", partner.mail("Hello"), "127.0.1.1")
    for number in range(2):
        letter = message(f"News {number}", sender="ann@partner.example", body="Read http://news.test/issue\r\n")
        assert made.send("ann@partner.example", partner.signed(letter), "127.0.1.1").code == 250
    until(lambda: accepted(made) >= 2, within=60)
    return made


def accepted(town: Town) -> int:
    with sqlite3.connect(town.gate.folder / "gate.db") as database:
        return int(database.execute("SELECT coalesce(sum(accepted), 0) FROM campaign_learnt").fetchone()[0])


def wrapped(number: int) -> str:
    """The landing page behind three redirects, written differently each time."""
    once = "https://eur01.safelinks.protection.outlook.com/?url=" + quote(f"{LANDING}{number}", safe="")
    twice = f"https://www.google.com/url?q={quote(once, safe='')}&sa={number}"
    return f"https://vk.com/away.php?to={quote(twice, safe='')}"


def mail(number: int, link: str) -> tuple[str, bytes, str]:
    """Sender, mail and address of the stranger of that number; each has words of its own."""
    sender = f"{WORDS[number % 10]}@bot{number}.example"
    words = " ".join(f"{word}{number}" for word in WORDS[: 3 + number % 7])
    return sender, message(f"About {words}", sender=sender, body=f"{words}\r\n{link}\r\n"), f"127.1.{number}.1"


def arrive(town: Town, mails: Sequence[tuple[str, bytes, str]]) -> list[Answer]:
    """Each after the one before it is written down; each has a domain that permits its host to send."""
    answers = []
    for sender, text, source in mails:
        domain = sender.partition("@")[2]
        town.dns.zone |= {(domain, "A"): [source], (domain, "TXT"): [f'"v=spf1 ip4:{source} -all"']}
        answers.append(town.send(sender, text, source))
        rest(0.25)
    return answers


def come_back(town: Town, mails: Sequence[tuple[str, bytes, str]]) -> list[Answer]:
    rest(WAITED)
    return [town.send(sender, text, source) for sender, text, source in mails]


def suspicion(town: Town, answer: Answer) -> list[str]:
    """What campaigns say of a mail, among all that was weighed."""
    weighed = town.gate.why(answer.id)[-1]["facts"]["facts"].get("suspicion", ())
    return [one["code"] for one in weighed if one["code"].startswith("campaign.")]


def codes(town: Town) -> dict[str, str]:
    """What each sender's mail was decided by the last time."""
    with sqlite3.connect(town.gate.folder / "gate.db") as database:
        return dict(database.execute("SELECT sender, code FROM decision WHERE stage = 'data' ORDER BY id"))


def said_of(town: Town, mails: Sequence[tuple[str, bytes, str]]) -> set[str]:
    """By what these mails were decided about in the end, when it is written down."""
    rest(0.5)
    found = codes(town)
    return {found[sender] for sender, _, _ in mails}


def held(town: Town) -> list[dict[str, Any]]:
    return [row for row in town.gate.queue() if row["state"] == "held"]


def test_thirty_strangers_with_one_landing_page_are_one_campaign(here: Town) -> None:
    mails = [mail(number, wrapped(number)) for number in range(1, STRANGERS + 1)]
    first = arrive(here, mails)
    assert {answer.code for answer in first} == {451}
    assert suspicion(here, first[1]) == []
    for answer in (first[2], first[-1]):
        assert suspicion(here, answer) == ["campaign.shared_url"], "suspect by the third"
    assert {answer.code for answer in come_back(here, mails)} == {250}
    until(lambda: len(held(here)) == STRANGERS, within=60)
    assert said_of(here, mails) == {"campaign.shared_url"}
    chosen = held(here)[0]["message"]
    assert f"{STRANGERS - 1} more like it" in here.gate.cli("queue", "refuse", chosen)
    rest(WAITED)
    late = mail(99, wrapped(99))
    assert suspicion(here, here.send(*late)) == ["campaign.confirmed"]
    assert here.gate.cli("queue", "siblings", chosen).count("landing.test") == STRANGERS
    assert len(held(here)) == STRANGERS - 1, "the others are held, and wait for a person"
    assert [subject for subject in here.sink.subjects() if "About" in subject] == []


def test_links_that_bots_plant_hurt_nobody(here: Town) -> None:
    planted = {
        "https://news.test/issue": "greylist.passed",  # usual in accepted mail
        "https://us02web.zoom.us/j/123": "greylist.passed",  # everybody's
        "https://competitor.test/offer": "campaign.shared_url",
    }
    mails = {link: [mail(10 * place + n, link) for n in (1, 2, 3)] for place, link in enumerate(planted, 1)}
    everything = [one for three in mails.values() for one in three]
    arrive(here, everything)
    come_back(here, everything)
    assert {link: said_of(here, mails[link]) for link in planted} == {link: {code} for link, code in planted.items()}
    rival = here.organisation("competitor.test")
    own = rival.signed(
        message("Our offer", sender="sales@competitor.test", body="See https://competitor.test/offer\r\n")
    )
    assert here.send("sales@competitor.test", own, "127.0.7.1").code == 451
    rest(WAITED)
    answer = here.send("sales@competitor.test", own, "127.0.7.1")
    assert answer.code == 250
    known = message("Look", sender="ann@partner.example", body="They have https://competitor.test/offer\r\n")
    partner = here.organisation("partner.example")
    assert here.send("ann@partner.example", partner.signed(known), "127.0.1.1").code == 250
    until(lambda: codes(here)["sales@competitor.test"] == "greylist.passed", within=60)
    until(lambda: codes(here)["ann@partner.example"] == "party.known", within=60)


def test_a_campaign_is_refused_as_one_and_the_refusal_taken_back_as_one(here: Town) -> None:
    mails = [mail(number, wrapped(number)) for number in range(1, 5)]
    arrive(here, mails)
    come_back(here, mails)
    until(lambda: len(held(here)) == 4, within=60)
    chosen = held(here)[0]["message"]
    told = here.gate.cli("queue", "refuse", chosen, "--siblings")
    assert told.count("refused, it will not be delivered") == 4
    assert held(here) == []
    assert here.gate.cli("queue", "undo", chosen).count("it waits again") == 4
    assert len(held(here)) == 4
    rest(WAITED)
    assert suspicion(here, here.send(*mail(50, wrapped(50)))) == ["campaign.shared_url"], (
        "nothing is confirmed any more"
    )
    here.gate.cli("queue", "release", chosen, "--once")
    rest(WAITED)
    assert suspicion(here, here.send(*mail(51, wrapped(51)))) == [], "a release clears it"
