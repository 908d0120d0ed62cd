"""The bench reads what the tools write, and judges what it found; no measurement is made here."""

import argparse
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from classifier.evaluate import index
from gateway.model import Grade, Rung, RungKind
from gateway.policy.campaign import USUAL
from gateway.store import memory, seen
from gateway.store.engine import sync_engine
from gateway.store.question import Question
from sql import schema
from tests.bench import campaigns, content, rivals, rows, verdict
from tests.bench.__main__ import KINDS
from tests.bench.growth import swept
from tests.bench.load import Broken, Sent, counted, read_complaints
from tests.bench.processes import cpu_seconds, descendants, fields, memory_kib
from tests.bench.report import Report, Spread, Table, Target, quantile, shown
from tests.bench.speed import DEFERRED, DELIVERED, PEER, RELAY, Contestant, Turn, by_rounds, targets


def test_refusals_are_counted_by_what_was_said_and_the_rest_is_trouble():
    text = (
        "smtp-source: warning: recipient rejected: 451 4.7.0 Greylisted, retry later [m7z8hjvdv8xts]\n"
        "/usr/sbin/smtp-source: warning: recipient rejected: 450 4.2.0 <1bo@example.com>: rejected: Greylisted\n"
        "smtp-source: warning: end of data rejected: 451 4.7.0 Greylisted, retry later [m7z8hp1ka4hjy]\n"
        "smtp-source: fatal: connect: Connection refused\n"
    )
    refused, trouble = read_complaints(text)
    assert refused == {"451 4.7.0 Greylisted, retry later": 2, "450 4.2.0 rejected: Greylisted": 1}
    assert (Sent(5, 1.0, refused).greylisted, Sent(5, 1.0, refused).accepted) == (3, 2)
    assert trouble == ["smtp-source: fatal: connect: Connection refused"]


def test_the_counter_of_the_sink_is_the_last_whole_one():
    count, rest = counted(b"sess=1 quit=0 mesg=0\rsess=2 quit=1 mesg=17\rsess=2 quit=2 me", 0)
    assert (count, rest) == (17, b"sess=2 quit=2 me")
    assert counted(rest + b"sg=18\r", count) == (18, b"")
    assert counted(b"sess=", 18) == (18, b"sess=")


def test_a_process_name_with_brackets_does_not_shift_the_fields():
    assert fields("12 (a ) b) S 7 12 12")[:2] == ["S", "7"]


def test_a_tree_is_the_roots_and_all_below():
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
    assert descendants([10], parents) == {10, 11, 12}
    assert descendants([99], parents) == set()


def test_this_process_costs_cpu_and_memory():
    assert cpu_seconds([os.getpid()]) > 0
    assert memory_kib([os.getpid()]) > 1000


def test_the_sweep_is_followed_in_either_form_of_the_log():
    log = "… swept  kind=memory rows=500\n… swept kind=sightings rows=7\n… swept rows=20 kind=memory\n"
    assert swept(log) == 520


@pytest.mark.parametrize(("value", "words"), [(0.6, "MISSED"), (1.2, "met"), (1.5, "met, and the stretch too")])
def test_a_target_is_judged_by_its_limit_and_its_stretch(value, words):
    assert Target("rate", value, 1.2, at_least=True, stretch=1.5).judgement == words


def test_a_limit_from_above_is_met_by_less():
    assert Target("wait", 99, 100).met
    assert not Target("wait", 101, 100).met


def test_a_spread_is_told_by_median_lowest_and_highest():
    assert str(Spread((300, 100, 2000.4))) == "300 / 100 / 2,000"


def test_quantiles_are_values_that_occurred():
    assert [quantile([4, 1, 3, 2], share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 3, 4, 4]


def test_figures_keep_three_digits():
    assert [shown(one) for one in (0, 0.12345, 12.345, 1234.5)] == ["0", "0.123", "12.3", "1,234"]


def contestant(name: str, kind: str, *rates: float) -> Contestant:
    return Contestant(name, kind, 0, [], lambda *_: Turn(0, 1.0), list(rates))


def test_ours_is_measured_by_the_peer_of_the_same_load():
    found = targets(
        [
            contestant(PEER, DEFERRED, 100, 1000, 1100),
            contestant(RELAY, DELIVERED, 500),
            contestant("Greygate, at RCPT", DEFERRED, 1500),
            contestant("Greygate, at DATA", DEFERRED, 700),
            contestant("Greygate", DELIVERED, 1100),
        ]
    )
    assert [(one.value, one.limit, one.met) for one in found] == [(1.5, 1.2, True), (0.7, 0.8, False), (2.2, 2.0, True)]


def test_rounds_are_compared_one_by_one():
    peer, mine = contestant(PEER, DEFERRED, 100, 1000, 500), contestant("Greygate", DEFERRED, 200, 1000, 500)
    assert by_rounds(mine, [contestant(RELAY, DELIVERED, 1, 1, 1), peer, mine]) == "1 / 1 / 2"
    assert by_rounds(peer, [peer, mine]) == ""


def test_a_report_is_shown_and_written_whole(tmp_path, capsys):
    report = Report("speed", {"machine": "[two] cores"}, [Table("rates", ("who", "rate"), [("ours", "7")])])
    report.targets = [Target("rate", 7, 5, at_least=True)]
    report.show()
    shown_text = capsys.readouterr().out
    assert "[two] cores" in shown_text
    assert "ours" in shown_text
    report.write(tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["targets"][0]["met"] is True
    assert written["tables"][0]["rows"] == [["ours", "7"]]


def test_triplets_are_the_same_every_time_and_all_different():
    some = [(rows.network(n), rows.sender(n), rows.recipient(n)) for n in range(5000)]
    assert len(set(some)) == len(some)
    assert some[4321] == (rows.network(4321), rows.sender(4321), rows.recipient(4321))
    assert rows.source(501).startswith(rows.network(501).removesuffix("0/24"))


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_loaded_rows_are_found_by_the_store(database, tmp_path, request):
    server = request.getfixturevalue("mariadb_server") if database == "mariadb" else None
    url = make_url(server.fresh() if server else f"sqlite:///{tmp_path}/gate.db")
    engine = sync_engine(url)
    schema.upgrade(engine)
    if server:
        rows.load_mariadb(server, url.database, 0, 40, timedelta(days=1))
    else:
        rows.load_sqlite(tmp_path / "gate.db", 0, 40, timedelta(days=1))
    asked = [
        Question(
            rows.sender(n), rows.sender(n), (rows.recipient(n),), frozenset({Rung(RungKind.NETWORK, rows.network(n))}),
            datetime.now(UTC),
        )
        for n in range(41)
    ]  # fmt: skip
    with engine.connect() as conn:
        grades = [max(one.values()) for one in memory.grades(conn, asked)]
        sighted = [any(one.sightings for one in found.values()) for found in seen.find(conn, asked)]
    engine.dispose()
    assert grades == [Grade.REMEMBERED] * 40 + [Grade.STRANGER]
    assert sighted == [n % rows.SIGHTINGS_EVERY == 0 for n in range(40)] + [False]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_options_and_a_quick_form(kind):
    module = __import__(f"tests.bench.{kind}", fromlist=["measure"])
    parser = argparse.ArgumentParser()
    module.add_options(parser)
    options = parser.parse_args([])
    before = dict(vars(options))
    module.quick(options)
    assert vars(options) != before
    assert callable(module.measure)


def corpus(folder: Path, number: int) -> Path:
    """Made-up labelled mail with its index: every other one is an offer, from network after network."""
    lines = []
    for n in range(number):
        is_spam = n % 2 == 0
        text = (
            f"Your loan: claim coins at https://loans-for-all-of-you.com/{n}"
            if is_spam
            else f"Notes of the meeting {n} about the roof"
        )
        mail = (
            f"Received: from x (x [11.{n % 250}.7.9]) by gate; Mon, 5 Jan 2026 10:{n % 60:02}:00 +0000\r\n"
            f"From: a@elsewhere{n}.com\r\nSubject: {n}\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n{text}\r\n"
        )
        (folder / f"{n}.eml").write_text(mail, newline="")
        lines.append(f"{'spam' if is_spam else 'ham'} {n}.eml\n")
    (folder / "index").write_text("".join(lines))
    return folder


def test_looks_and_lessons_are_measured_on_any_labelled_mail(tmp_path):
    parser = argparse.ArgumentParser()
    content.add_options(parser)
    options = parser.parse_args([str(corpus(tmp_path, 12))])
    content.quick(options)
    options.facts = {}
    report = content.measure(options)
    assert [row[0] for row in report.tables[0].rows] == [
        content.OURS,
        "Greygate: the whole look",
        "Greygate: to learn one",
    ]
    assert [len(one["wall"]) for one in report.raw.values()] == [6, 6, 6]
    assert len(report.targets) == 4


def test_without_labelled_mail_nothing_is_measured(tmp_path):
    parser = argparse.ArgumentParser()
    content.add_options(parser)
    with pytest.raises(Broken):
        content.measure(parser.parse_args([]))
    with pytest.raises(Broken):
        content.measure(parser.parse_args([str(tmp_path)]))


def test_spamassassin_judges_what_is_behind_the_mail_that_it_learnt(tmp_path):
    folder = corpus(tmp_path, 410)
    found = rivals.spamassassin(index(folder / "index"), 404)
    if found is None:
        pytest.skip("SpamAssassin is not installed")
    assert len(found) == 6
    assert all(0 < cpu < 10 for _, cpu in found)


def test_campaigns_are_counted_beyond_what_the_score_says(tmp_path, capsys):
    campaigns.run(corpus(tmp_path, 20), replace(USUAL, learn_until=0))
    told = capsys.readouterr().out
    assert "either  spam     8 of 10" in told, "three networks, and one link of theirs"
    assert "ham     0 of 10" in told
    assert "ham hit by suspect: 0.000 %" in told


def test_a_verdict_is_followed_to_every_worker():
    parser = argparse.ArgumentParser()
    verdict.add_options(parser)
    options = parser.parse_args([])
    verdict.quick(options)
    options.facts = {}
    ((times, published, command),) = verdict.measure(options).raw["runs"]
    assert len(times) == verdict.WORKERS
    assert published >= 0
    assert command > 0
