"""Which mail a DMARC report counts, once, and what it says became of it."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from gateway.model import Action, AuthResult, DmarcPolicy, Grade, Peer, Relayed, SpfResult
from gateway.reports import counted as counted_module
from gateway.reports.counted import Override, Row, Seen, counted
from tests.policy.stranger import BO, NETWORK, POLICY
from tests.reports.making import CY, DOMAIN, PASSED, RUA, SECOND, dmarc, record, signature

NONE, QUARANTINE, REJECT = DmarcPolicy
FAILED = dmarc()
LATER, NO = "451 4.7.0 later", "550 5.7.1 no"


def of(*records: dict[str, Any], silent: tuple[str, ...] = (), policy: Any = POLICY) -> Seen | None:
    return counted(records, policy, silent).get(DOMAIN)


def rows(*records: dict[str, Any], **more: Any) -> list[tuple[Row, int]]:
    found = of(*records, **more)
    return [] if found is None else list(found.rows.items())


# ---- what is counted -----------------------------------------------------------------------------------------------


def test_mails_that_are_alike_share_a_row() -> None:
    found = of(
        *(record(PASSED, number, at=number * SECOND) for number in range(3)), record(PASSED, 9, peer="192.0.2.8")
    )
    assert found is not None
    assert sorted(found.rows.values()) == [1, 3]
    assert found.mails == 4
    assert found.rua == RUA


def test_a_mail_counts_once_whoever_it_is_for() -> None:
    assert [count for _, count in rows(record(PASSED), record(PASSED, to=CY))] == [1]


def test_two_mails_of_one_moment_are_two() -> None:
    ((_, count),) = rows(record(PASSED, 1), record(PASSED, 2), record(PASSED, 1, to=CY))
    assert count == 2


def test_a_mail_that_was_deferred_counts_when_it_comes_back() -> None:
    first = record(FAILED, action=Action.DEFER, reply=LATER, at=SECOND)
    assert rows(first) == []
    assert [count for _, count in rows(first, record(FAILED, at=400 * SECOND, again=1))] == [1]


def test_a_mail_whose_sender_never_heard_that_we_have_it_counts_once() -> None:
    again = record(PASSED, action=Action.DISCARD, at=60 * SECOND, again=1)
    assert [count for _, count in rows(record(PASSED, at=SECOND), again)] == [1]
    assert [count for _, count in rows(again)] == [1], "it was released before: only its retry tells of it"


def test_mail_to_where_reports_come_is_not_told_of() -> None:
    """Else a report about a report would cause the next one, each day."""
    assert of(record(PASSED), silent=(BO.key,)) is None
    assert of(record(PASSED), record(PASSED, to=CY), silent=(BO.key,)) is not None


def test_each_record_has_a_report_of_its_own() -> None:
    found = counted(
        [record(PASSED), record(dmarc(domain="news.elsewhere.example"), 2, author="ann@news.elsewhere.example")],
        POLICY,
        (),
    )
    assert set(found) == {DOMAIN, "news.elsewhere.example"}


def test_what_was_published_last_is_told() -> None:
    found = of(record(PASSED, 1, at=SECOND), record(dmarc(policy=NONE, rua=("mailto:x@y.example",)), 2, at=2 * SECOND))
    assert found is not None
    assert (found.published.policy, found.rua, found.mails) == (NONE, ("mailto:x@y.example",), 2)


def test_records_that_cannot_be_read_are_passed_over() -> None:
    damaged = [record(PASSED, number) for number in range(1, 5)]
    damaged[0]["facts"] = {}
    damaged[1]["facts"]["v"] = 1
    damaged[2]["facts"]["facts"]["authentication"] = "?"
    damaged[3]["facts"]["facts"].pop("rcpt")
    assert [count for _, count in rows(*damaged, record(PASSED, 9))] == [1]


def test_a_report_is_no_longer_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_module, "MOST_ROWS", 2)
    hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]
    found = of(*(record(PASSED, number, peer=host) for number, host in enumerate(hosts)))
    assert found is not None
    assert (sorted(found.rows.values()), found.left_out) == ([1, 2], 1)


# ---- what became of it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "how", "disposition", "why"),
    [
        (FAILED, {}, NONE, Override("local_policy", "delivered by local rules")),
        (FAILED, {"junk": True}, QUARANTINE, Override("local_policy", "set aside by local rules")),
        (FAILED, {"action": Action.HOLD}, QUARANTINE, Override("local_policy", "set aside by local rules")),
        (FAILED, {"action": Action.REJECT, "reply": NO}, REJECT, None),
        (dmarc(policy=QUARANTINE), {"action": Action.HOLD}, QUARANTINE, None),
        (dmarc(policy=QUARANTINE), {"junk": True}, QUARANTINE, None),
        (
            dmarc(policy=QUARANTINE),
            {"action": Action.REJECT, "reply": NO},
            REJECT,
            Override("local_policy", "refused by local rules"),
        ),
        (dmarc(policy=NONE), {}, NONE, None),
        (dmarc(policy=NONE), {"action": Action.HOLD}, NONE, None),
        (PASSED, {}, NONE, None),
        (PASSED, {"action": Action.HOLD}, NONE, None),
        (PASSED, {"action": Action.REJECT, "reply": NO}, NONE, None),
        (dmarc(AuthResult.TEMPERROR), {}, NONE, Override("other", "the DNS did not answer")),
        (dmarc(AuthResult.TEMPERROR, NONE), {}, NONE, None),
        (FAILED, {"rcpt": {"relayed": Relayed(frozenset({NETWORK}))}}, NONE, Override("trusted_forwarder", "")),
        (FAILED, {"list_id": "l.example", "rcpt": {"grade": Grade.REMEMBERED}}, NONE, Override("mailing_list", "")),
    ],
)
def test_what_became_of_a_mail_and_why(found: Any, how: Any, disposition: Any, why: Any) -> None:
    ((row, _),) = rows(record(found, **how))
    assert (row.disposition, row.override) == (disposition, why)


def test_a_seal_that_we_believe_explains_it() -> None:
    one = record(FAILED)
    seal = {"result": "pass", "sealers": ["list.example"], "said": [["dmarc", "pass"]]}
    one["facts"]["facts"]["authentication"]["arc"] = seal
    ((row, _),) = rows(one, policy=replace(POLICY, sealers=frozenset({"list.example"})))
    assert row.override == Override("local_policy", "arc=pass")
    ((row, _),) = rows(one)
    assert row.override == Override("local_policy", "delivered by local rules")


def test_a_domain_that_only_tries_its_policy_is_told_so() -> None:
    """t=y: what it states is applied one step milder (RFC 9989 4.7), and that is the reason."""
    tried = Override("other", "policy_test_mode")
    for applied, stated in ((NONE, QUARANTINE), (QUARANTINE, REJECT)):
        found = dmarc(policy=applied)
        record_ = dmarc(policy=stated, testing=True).evaluation
        ((row, _),) = rows(record(replace(found, evaluation=record_), action=Action.HOLD))
        assert (row.disposition, row.override) == (applied, tried)


def test_what_is_tried_for_subdomains_alone_is_no_reason_for_others() -> None:
    for author, why in ((DOMAIN, None), (f"news.{DOMAIN}", Override("other", "policy_test_mode"))):
        found = dmarc(policy=NONE, for_subdomains=QUARANTINE, testing=True)
        ((row, _),) = rows(record(found, author=f"ann@{author}"))
        assert (row.disposition, row.override) == (NONE, why)


def test_of_several_recipients_the_mildest_fate_is_the_mails() -> None:
    ((row, count),) = rows(
        record(FAILED, action=Action.HOLD, reply="250 2.0.0 held"), record(FAILED, to=CY, reply="250 2.0.0 held")
    )
    assert (row.disposition, count) == (NONE, 1)


# ---- who it was ----------------------------------------------------------------------------------------------------


def test_a_row_says_who_sent_and_what_was_found() -> None:
    signatures = (
        signature("other.example"),
        signature(DOMAIN, AuthResult.FAIL, "old"),
        signature(""),
        signature(DOMAIN, selector="new"),
    )
    ((row, _),) = rows(record(dmarc(AuthResult.PASS, signed=True, spf=SpfResult.SOFTFAIL), signatures=signatures))
    assert (row.source, row.header_from, row.envelope_from) == ("192.0.2.7", DOMAIN, DOMAIN)
    assert (row.dkim, row.spf) == (True, False)
    assert row.path == (DOMAIN, "mfrom", "softfail")
    assert row.signatures == (
        (DOMAIN, "new", "pass"),
        ("other.example", "sel", "pass"),
        (DOMAIN, "old", "fail"),
    )


def test_behind_a_relay_of_ours_whoever_brought_it_there_is_the_source() -> None:
    hop = Peer(ip_address("2001:db8::7"))
    ((row, _),) = rows(record(FAILED, rcpt={"relayed": Relayed(frozenset({NETWORK}), hop)}))
    assert row.source == "2001:db8::7"


def test_without_a_sender_it_is_helo_that_was_asked() -> None:
    assert FAILED.evaluation is not None
    silent = replace(FAILED, evaluation=replace(FAILED.evaluation, path=None))
    ((row, _),) = rows(record(silent, sender=""))
    assert (row.envelope_from, row.path) == ("", ("mx.elsewhere.example", "helo", "temperror"))
