"""What mails of several sources share, looked up a part at a time; and what of it is whose, on either database."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from gateway import campaigns as service
from gateway.bodies import Bodies
from gateway.model import Fate, Source
from gateway.policy.campaign import CampaignTerms, Ruling, Stage
from gateway.store import campaigns, gathered
from gateway.store.campaigns import Accepted, Marks, Sighted
from gateway.store.shelves import EVERYBODY, View
from tests.store.making import BO, CY, DAY, HOUR, NOW, SECOND, WEAK, copied, fingerprint, held, keep, mail

TERMS = CampaignTerms(learn_until=0)
TEXT = tuple(range(8))


def arrives(
    conn: Connection, bodies: Bodies, number: int, marks: Marks, at: datetime = NOW, to: str = BO, *, ours: bool = True
) -> str:
    """The mail of the stranger of that number; `ours`: it is held, else its sender has it."""
    name, text = f"{number:013}", f"Subject: {number}\r\n\r\n.\r\n".encode()
    kept = keep(conn, bodies, mail(name, recipients=(to,), text=text, rungs=WEAK, received_at=at), text)
    (held if ours else copied)(conn, kept, now=at)
    source = Source(f"192.0.{number}.0/24", f"host{number}.test", f"bot{number}.test", at)
    campaigns.saw(conn, [Sighted(marks, fingerprint(text).whole, source, name)])
    return name


def found(conn: Connection, view: View = EVERYBODY, terms: CampaignTerms = TERMS) -> list[service.Campaign]:
    """All of them, page by page."""
    told: list[service.Campaign] = []
    before = None
    for _ in range(100):
        page = service.page(conn, view, terms, before, NOW)
        told += page.found
        if page.after is None:
            return told
        before = page.after
    raise AssertionError("it does not end")


@pytest.mark.parametrize("at_once", [3, 4, 5, 1000])
@pytest.mark.parametrize("view", [EVERYBODY, View(domains=frozenset({"example.com"})), View(frozenset({BO}))])
def test_each_is_found_once_however_little_is_looked_at(
    conn: Connection, bodies: Bodies, monkeypatch: pytest.MonkeyPatch, at_once: int, view: View
) -> None:
    monkeypatch.setattr(gathered, "AT_ONCE", at_once)
    for number in range(1, 13):  # two at each moment
        arrives(conn, bodies, number, Marks(links=(f"landing{number % 6}.test",)), NOW - number // 2 * SECOND)
    told = found(conn, view)
    assert sorted(one.link for one in told) == [f"landing{number}.test" for number in range(6)]
    assert [one.last for one in told] == sorted((one.last for one in told), reverse=True)


def test_a_text_is_one_campaign_though_its_mails_differ_in_a_band(conn: Connection, bodies: Bodies) -> None:
    for number in range(1, 5):
        arrives(conn, bodies, number, Marks(bands=(*TEXT[:6], 100 + number % 2, 200)), NOW - number * SECOND)
    (one,) = found(conn)
    assert (one.link, one.sources, len(one.mails), one.stage) == ("", 4, 4, Stage.SUSPECT)
    assert service.named(conn, one.key, EVERYBODY, TERMS, NOW) == one


def test_a_text_that_mails_with_one_link_share_too_is_told_with_it(conn: Connection, bodies: Bodies) -> None:
    for number in range(1, 4):
        arrives(conn, bodies, number, Marks(("landing.test",), TEXT))
    (one,) = found(conn)
    assert (one.link, one.text_too) == ("landing.test", True)


def test_how_far_it_is_counts_from_its_last_mail(conn: Connection, bodies: Bodies) -> None:
    """Held mail waits longer than a day; it is no less suspicious then."""
    for number in range(1, 4):
        arrives(conn, bodies, number, Marks(("landing.test",)), NOW - 3 * DAY)
    (one,) = found(conn)
    assert (one.stage, one.first) == (Stage.SUSPECT, NOW - 3 * DAY)


def test_whose_word_counts(conn: Connection, bodies: Bodies) -> None:
    marks = Marks(("landing.test",))
    for number in range(1, 4):
        arrives(conn, bodies, number, marks, ours=number > 1)
    wholes = sorted(found(conn)[0].wholes)
    campaigns.judged(conn, wholes[0], Fate.REFUSED, "staff", NOW)
    assert [(one.ruling, one.stage) for one in found(conn)] == [(Ruling.REFUSED, Stage.CONFIRMED)]
    campaigns.judged(conn, wholes[1], Fate.RELEASED, "staff", NOW)
    assert [(one.ruling, one.stage) for one in found(conn)] == [(Ruling.RELEASED, Stage.NOTHING)]


def test_what_is_usual_says_so_while_mail_with_it_waits(conn: Connection, bodies: Bodies) -> None:
    marks = Marks(("landing.test",))
    for number in range(1, 4):
        arrives(conn, bodies, number, marks)
    campaigns.accepted(conn, [Accepted(marks, True, NOW, "node")])
    assert [one.ruling for one in found(conn)] == [Ruling.USUAL]


def test_a_watched_one_without_open_mail_is_nobodys_business(conn: Connection, bodies: Bodies) -> None:
    for number in range(1, 3):
        arrives(conn, bodies, number, Marks(("landing.test",)), NOW - HOUR, to=BO if number == 1 else CY)
    assert [one.stage for one in found(conn)] == [Stage.WATCH]
    assert found(conn, View(frozenset({"dee@example.com"}))) == []
    assert [one.accounts for one in found(conn, View(frozenset({CY})))] == [[CY]]


def test_after_a_week_it_is_over(conn: Connection, bodies: Bodies) -> None:
    for number in range(1, 4):
        arrives(conn, bodies, number, Marks(("landing.test",)), NOW - 8 * DAY)
    assert found(conn) == []
