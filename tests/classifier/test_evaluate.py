"""Figures are those of the trials, and an evaluation sees nothing ahead of time."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from classifier import metrics, rival
from classifier.evaluate import BadIndex, Protocol, evaluate, index
from classifier.report import report
from tests.classifier.making import letter
from tests.conftest import need

DRAW = np.random.default_rng(1)
TRUTH = DRAW.random(400) < 0.4
SCORES = np.round(DRAW.normal(size=400) + TRUTH, 1)  # with ties


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Eighty mails in turn, and their index."""
    lines = []
    for seed in range(80):
        (tmp_path / f"{seed}.eml").write_bytes(letter(seed, is_spam=seed % 2 == 1))
        lines.append(f"{'spam' if seed % 2 else 'ham'} {seed}.eml")
    (tmp_path / "index").write_text("\n".join(lines) + "\n\n")
    return tmp_path / "index"


def test_the_area_is_the_one_that_scikit_learn_finds() -> None:
    assert metrics.area(SCORES, TRUTH) == pytest.approx(roc_auc_score(TRUTH, SCORES), abs=1e-12)


def test_the_score_of_brier_is_the_one_that_scikit_learn_finds() -> None:
    chances = 1 / (1 + np.exp(-SCORES))
    assert metrics.calibration(chances, TRUTH)[1] == pytest.approx(brier_score_loss(TRUTH, chances), abs=1e-12)


def test_calibrated_chances_have_a_small_error_and_bold_ones_a_large_one() -> None:
    chances = DRAW.random(20_000)
    truth = DRAW.random(20_000) < chances
    assert metrics.calibration(chances, truth)[0] < 0.02
    assert metrics.calibration(np.where(chances > 0.5, 0.99, 0.01), truth)[0] > 0.2


def test_the_interval_holds_the_value_and_is_wider_for_less_mail() -> None:
    wide, narrow = metrics.interval(SCORES[:100], TRUTH[:100]), metrics.interval(SCORES, TRUTH)
    assert wide.low < wide.value < wide.high
    assert wide.high / wide.low > narrow.high / narrow.low


def test_a_filter_is_as_good_as_itself_and_better_than_one_with_noise() -> None:
    same = metrics.ratio(SCORES, SCORES, TRUTH)
    assert (same.value, same.low, same.high) == (1, 1, 1)
    assert metrics.ratio(SCORES, SCORES + DRAW.normal(size=400), TRUTH).value < 1


def test_what_is_missed_is_counted_where_a_thousandth_of_ham_is_lost() -> None:
    truth = np.array([False] * 2000 + [True] * 4)
    scores = np.concatenate([np.arange(2000.0), [1996.5, 1997.5, 1998.5, 3000]])
    assert metrics.missed_at(scores, truth, 0.001) == 25


def test_errors_are_counted_at_the_threshold() -> None:
    truth = np.array([False, False, False, True, True])
    found = metrics.quality(np.array([-1.0, -1, 1, 1, 0]), truth)
    assert (round(found.hm, 2), found.sm) == (33.33, 50)
    assert 33 < found.lam < 50


def test_a_run_judges_each_mail_before_its_label_is_told(corpus: Path) -> None:
    listed = index(corpus)
    whole = evaluate(listed, Protocol(), lambda: None)
    half = evaluate(listed[:40], Protocol(), lambda: None)
    assert whole.scores[:40] == half.scores
    assert whole.scores[0] == 0
    assert report(whole).quality.roca.value < 5


def test_a_label_that_comes_late_teaches_late(corpus: Path) -> None:
    late = evaluate(index(corpus), Protocol(delay=30), lambda: None)
    assert not any(late.scores[:31])
    assert all(late.scores[31:])


def test_a_rule_of_wrong_labels_is_the_same_in_each_run_and_harms(corpus: Path) -> None:
    wrong = [evaluate(index(corpus), Protocol(noise=0.3), lambda: None) for _ in range(2)]
    assert wrong[0].scores == wrong[1].scores
    assert wrong[0].flipped > 10
    assert (
        report(wrong[0]).quality.roca.value
        > report(evaluate(index(corpus), Protocol(), lambda: None)).quality.roca.value
    )


@pytest.mark.parametrize("line", ["maybe 1.eml", "spam", "spam  "])
def test_a_line_that_says_nothing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "index").write_text(f"ham 0.eml\n{line}\n")
    with pytest.raises(BadIndex, match="line 2"):
        index(tmp_path / "index")


def test_one_kind_alone_has_no_figures() -> None:
    with pytest.raises(ValueError, match="spams and hams"):
        metrics.quality(np.ones(3), np.array([True] * 3))


def test_bogofilter_learns_beside_ours(corpus: Path) -> None:
    need(rival.is_installed(), "bogofilter (apt-get install bogofilter)")
    run = evaluate(index(corpus)[:40], Protocol(rival=True), lambda: None)
    told = report(run)
    assert told.rival is not None
    assert told.rival.roca.value < 20
    assert told.ratio is not None
