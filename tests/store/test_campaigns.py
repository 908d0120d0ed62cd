"""What mails share, on either database: noted, found in one round trip, judged by people, and forgotten in time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event

from gateway.bodies import Bodies
from gateway.model import Campaigns, Common, DeliveryState, Fate, ReasonCode, Source
from gateway.policy.campaign import CampaignTerms, Stage, stage
from gateway.policy.hold import Lifetime
from gateway.store import campaigns, decisions, deliveries, promotion, sharing
from gateway.store.campaigns import MOST_OF_KEY, MOST_OF_SOURCE, MOST_READ, Accepted, Marks, Sighted
from gateway.store.deliveries import Owned
from gateway.store.promotion import Found
from tests.store.making import DAY, HOUR, NOW, fingerprint, keep, mail, recipient

TERMS = CampaignTerms(learn_until=0)
LANDING = Marks(links=("landing.test",))


def sighted(number: int, marks: Marks = LANDING, at: datetime = NOW, **differs: str) -> Sighted:
    """The mail of the stranger of that number."""
    source = Source(f"192.0.{number}.0/24", f"host{number}.test", f"sender{number}.test", at)
    return Sighted(marks, differs.get("whole", f"mail {number}"), source, differs.get("reply_id", f"reply{number}"))


def look(conn: Connection, one: Sighted, terms: CampaignTerms = TERMS) -> Campaigns:
    return campaigns.look(conn, one, terms).campaigns


def stage_of(conn: Connection, one: Sighted) -> Stage:
    return max((stage(shared, TERMS) for shared in look(conn, one).shared), default=Stage.NOTHING)


def test_the_third_source_makes_it_suspicious_and_a_mail_counts_itself(conn: Connection) -> None:
    stages = []
    for number in range(1, 5):
        stages.append(stage_of(conn, sighted(number)))
        campaigns.saw(conn, [sighted(number)])
    assert stages == [Stage.NOTHING, Stage.WATCH, Stage.SUSPECT, Stage.SUSPECT]


def test_a_retry_is_no_further_source_and_counts_from_when_it_came_again(conn: Connection) -> None:
    for at in (NOW - 30 * HOUR, NOW - HOUR, NOW):
        campaigns.saw(conn, [sighted(1, at=at)])
    campaigns.saw(conn, [sighted(2)])
    (shared,) = look(conn, sighted(1)).shared
    assert (shared.hour, shared.day, shared.week) == (2, 2, 2)


def test_the_same_bytes_from_many_networks_are_many_sources(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(number, whole="the same") for number in range(1, 4)])
    assert stage_of(conn, sighted(9, whole="the same")) is Stage.SUSPECT


def test_a_week_is_looked_at_and_no_more(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(1, at=NOW - 8 * DAY), sighted(2, at=NOW - 6 * DAY)])
    assert look(conn, sighted(3)).shared == (), "a day has but one source"
    campaigns.judged(conn, "mail 1", Fate.REFUSED, "staff", NOW)
    (shared,) = look(conn, sighted(3)).shared
    assert (shared.day, shared.week, shared.refused) == (1, 3, 1)


def test_what_was_in_accepted_mail_is_usual_and_is_not_noted_any_more(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(number) for number in range(1, 6)])
    campaigns.accepted(conn, [Accepted(LANDING, True, NOW - DAY, "a"), Accepted(Marks(), False, NOW, "b")])
    campaigns.accepted(conn, [Accepted(LANDING, True, NOW - DAY, "a")])
    told = campaigns.look(conn, sighted(9), TERMS)
    found, marks = told.campaigns, told.marks
    assert (found.shared[0].known_days, found.shared[0].other_days, found.accepted) == (1, 0, 3)
    assert marks.links == ()
    assert stage(found.shared[0], TERMS) is Stage.NOTHING


def test_days_of_remembered_senders_are_counted_apart(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(1)])
    for days in range(3):
        campaigns.accepted(conn, [Accepted(LANDING, False, NOW - days * DAY, "a")] * 5)
    (shared,) = look(conn, sighted(2)).shared
    assert (shared.known_days, shared.other_days) == (0, 3)


def test_no_key_is_noted_without_end(conn: Connection) -> None:
    many = [sighted(number) for number in range(MOST_OF_KEY)]
    campaigns.saw(conn, many)
    assert campaigns.look(conn, sighted(MOST_OF_KEY + 1), TERMS).marks.links == ()
    assert campaigns.look(conn, many[0], TERMS).marks.links == ("landing.test",), "a retry is still noted"


@pytest.mark.parametrize("same", ["network", "identity", "domain"])
def test_a_flood_of_one_source_leaves_room_for_others(conn: Connection, same: str) -> None:
    flood = [
        replace(sighted(number), source=replace(sighted(number).source, **{same: "one"}))
        for number in range(MOST_OF_SOURCE)
    ]
    campaigns.saw(conn, flood)
    another = replace(sighted(100), source=replace(sighted(100).source, **{same: "one"}))
    told = campaigns.look(conn, another, TERMS)
    assert told.marks.links == ()
    assert [one.source for one in told.settled] == [campaigns.whose(another.source)]
    assert campaigns.look(conn, sighted(100), TERMS).marks.links == ("landing.test",)
    assert campaigns.look(conn, flood[0], TERMS).marks.links == ("landing.test",), "a retry is still noted"


def test_the_mails_of_a_list_are_not_noted_without_end_either(conn: Connection) -> None:
    letters = Marks(mailing=("news.list.test", "list.test"))
    one = sighted(1, letters)
    campaigns.saw(conn, [replace(one, whole=f"mail {number}") for number in range(MOST_OF_SOURCE)])
    assert campaigns.look(conn, replace(one, whole="new"), TERMS).marks.mailing is None


def test_only_what_time_does_not_change_is_settled(conn: Connection) -> None:
    text = Marks(links=("landing.test",), bands=tuple(range(8)))
    for number in range(1, 3):
        assert campaigns.look(conn, sighted(number, text), TERMS).settled == ()
        campaigns.saw(conn, [sighted(number, text)])
    link, words = campaigns.look(conn, sighted(3, text), TERMS).settled
    assert (link.shared.kind, link.shared.day, link.room) == (Common.LINK, 3, MOST_OF_KEY - 2)
    assert (words.shared.kind, words.bands) == (Common.TEXT, tuple(range(8)))


# ---- text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("common", "sources"), [(8, 2), (2, 2), (1, 0)])
def test_texts_are_alike_that_share_enough_bands(conn: Connection, common: int, sources: int) -> None:
    campaigns.saw(conn, [sighted(1, Marks(bands=tuple(range(8))))])
    other = tuple(range(common)) + tuple(range(100, 108 - common))
    found = [one.day for one in look(conn, sighted(2, Marks(bands=other))).shared if one.kind is Common.TEXT]
    assert found == ([sources] if sources else [])


def test_a_text_of_accepted_mail_is_usual(conn: Connection) -> None:
    text = Marks(bands=tuple(range(8)))
    campaigns.saw(conn, [sighted(number, text) for number in range(1, 4)])
    assert stage_of(conn, sighted(4, text)) is Stage.SUSPECT
    campaigns.accepted(conn, [Accepted(text, True, NOW, "a")])
    assert stage_of(conn, sighted(4, text)) is Stage.NOTHING


# ---- people --------------------------------------------------------------------------------------------------------


def test_a_refusal_confirms_and_taking_it_back_restores_all(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(number) for number in range(1, 4)])
    assert campaigns.judged(conn, "mail 2", Fate.REFUSED, "staff", NOW) == 1
    assert stage_of(conn, sighted(9)) is Stage.CONFIRMED
    assert campaigns.refused(conn, 10) == frozenset(LANDING.keys())
    assert campaigns.unjudged(conn, "mail 2") == 1
    assert stage_of(conn, sighted(9)) is Stage.SUSPECT
    assert campaigns.refused(conn, 10) == frozenset()


def test_a_release_clears_it_whatever_was_refused(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(number) for number in range(1, 6)])
    campaigns.judged(conn, "mail 1", Fate.REFUSED, "staff", NOW)
    campaigns.judged(conn, "mail 2", Fate.RELEASED, "staff", NOW)
    assert stage_of(conn, sighted(9)) is Stage.NOTHING


def test_of_two_words_about_one_mail_that_it_may_be_had_counts(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(1), sighted(2)])
    campaigns.judged(conn, "mail 1", Fate.RELEASED, "staff", NOW)
    assert campaigns.judged(conn, "mail 1", Fate.REFUSED, "other", NOW) == 0
    (shared,) = look(conn, sighted(2)).shared
    assert (shared.refused, shared.released) == (0, 1)


def test_a_list_whose_mail_was_released_is_approved_from_that_identity_alone(conn: Connection) -> None:
    mine = replace(LANDING, mailing=("news.shop.test", "shop.test"))
    campaigns.saw(conn, [sighted(1, mine)])
    assert not look(conn, sighted(2, mine)).list_approved
    campaigns.judged(conn, "mail 1", Fate.RELEASED, "staff", NOW)
    assert look(conn, sighted(2, mine)).list_approved
    assert not look(conn, sighted(3, replace(mine, mailing=("news.shop.test", "forger.test")))).list_approved


def test_the_others_of_a_campaign_are_found_by_what_is_open(conn: Connection) -> None:
    both = Marks(links=("landing.test", "usual.test"))
    campaigns.saw(conn, [sighted(1, both), sighted(2), sighted(3, Marks(links=("usual.test",)))])
    campaigns.accepted(conn, [Accepted(Marks(links=("usual.test",)), True, NOW, "a")])
    found = sharing.mails(conn, sharing.keys_of(conn, "mail 1"), TERMS, NOW)
    assert found == {"mail 1": ["landing.test"], "mail 2": ["landing.test"]}
    assert sorted(sharing.replies(conn, found)) == ["reply1", "reply2"]


# ---- earlier mail --------------------------------------------------------------------------------------------------


def test_earlier_mail_that_would_release_itself_is_held_and_marked_once(conn: Connection, bodies: Bodies) -> None:
    kept = keep(conn, bodies, mail(content=fingerprint(b"early")))
    life = Lifetime(NOW + HOUR, None)
    deliveries.own(conn, kept.id, Owned(recipient(), DeliveryState.HELD, ReasonCode.GREYLIST_COMPANY, life), NOW)
    early = sighted(1, whole=kept.fingerprint.whole)
    campaigns.saw(conn, [early, sighted(2), sighted(3)])
    for _ in range(2):
        promotion.promote(conn, [Found(LANDING, ReasonCode.CAMPAIGN_SHARED_URL, TERMS, 30 * DAY, NOW)])
    (row,) = deliveries.of_message(conn, kept.id)
    assert (row["release_at"], row["expires"], row["reason"]) == (None, NOW + 30 * DAY, "campaign.shared_url")
    assert [one["kind"] for one in decisions.timeline(conn, kept.id)] == ["campaign"]


def test_what_a_known_senders_mail_carried_along_is_not_held_back(conn: Connection, bodies: Bodies) -> None:
    kept = keep(conn, bodies, mail(content=fingerprint(b"early")))
    life = Lifetime(NOW + HOUR, None)
    deliveries.own(conn, kept.id, Owned(recipient(), DeliveryState.HELD, ReasonCode.GREYLIST_CARRIED, life), NOW)
    campaigns.saw(conn, [sighted(1, whole=kept.fingerprint.whole)])
    promotion.promote(conn, [Found(LANDING, ReasonCode.CAMPAIGN_SHARED_URL, TERMS, 30 * DAY, NOW)])
    assert deliveries.of_message(conn, kept.id)[0]["release_at"] == NOW + HOUR


# ---- cost and time -------------------------------------------------------------------------------------------------


def test_one_question_tells_all_about_a_mail(conn: Connection) -> None:
    asked: list[str] = []
    event.listen(conn, "before_cursor_execute", lambda *told: asked.append(told[2]))
    look(conn, sighted(1, Marks(tuple(f"host{number}.test" for number in range(60)), tuple(range(8)))))
    assert len(asked) == 1


def test_what_nobody_decided_about_is_forgotten_first(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(1, at=NOW - 9 * DAY), sighted(2, at=NOW - 9 * DAY), sighted(3)])
    campaigns.judged(conn, "mail 2", Fate.REFUSED, "staff", NOW)
    assert campaigns.forget_old(conn, NOW - 8 * DAY, NOW - 36 * DAY, 100) == 1
    assert campaigns.forget_old(conn, NOW - 8 * DAY, NOW - timedelta(days=8), 100) == 1
    campaigns.accepted(conn, [Accepted(LANDING, True, NOW - 91 * DAY, "a"), Accepted(LANDING, True, NOW, "a")])
    assert campaigns.forget_accepted(conn, NOW - 90 * DAY, 100) == 1


def test_a_refusal_is_seen_however_many_mails_follow(conn: Connection) -> None:
    text = Marks(links=("landing.test",), bands=tuple(range(8)))
    campaigns.saw(conn, [sighted(0, text, NOW - HOUR)])
    campaigns.judged(conn, "mail 0", Fate.REFUSED, "staff", NOW)
    campaigns.saw(conn, [sighted(number, text) for number in range(1, MOST_READ // 9 + 50)])
    assert all(shared.refused == 1 for shared in look(conn, sighted(9999, text)).shared)


def test_what_people_released_need_not_be_asked_again(conn: Connection) -> None:
    campaigns.saw(conn, [sighted(1)])
    campaigns.judged(conn, "mail 1", Fate.RELEASED, "staff", NOW)
    (one,) = campaigns.look(conn, sighted(2), TERMS).settled
    assert (one.shared.released, one.source) == (1, None)
