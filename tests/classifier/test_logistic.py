"""Our learner beside a known one, and what it promises by itself."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from classifier import bayes, logistic
from classifier.bayes import Labels
from tests.classifier.making import entry

SIZE = 1 << 16
RATE = 0.05


def test_at_a_constant_rate_it_learns_what_scikit_learn_learns() -> None:
    """AdaGrad at its first step has the rate a/sqrt(g²+0.1): with the sums set against it the rate is constant."""
    from scipy.sparse import csr_matrix

    theirs = SGDClassifier(loss="log_loss", penalty=None, learning_rate="constant", eta0=RATE, fit_intercept=False)
    ours = np.zeros(SIZE, np.float64)
    for seed in range(150):
        found = entry(seed)
        indices = np.unique(found.features.raw % SIZE)
        odds = float(ours[indices].sum())
        slope = found.is_spam - logistic.chance(odds)
        if abs(slope) < logistic.CERTAIN:
            continue  # ours learns nothing of it
        row = csr_matrix((np.ones(len(indices)), (np.zeros(len(indices), int), indices)), (1, SIZE))
        theirs.partial_fit(row, [found.is_spam], classes=[False, True])
        squares = np.full(SIZE, 1 - slope**2 - float(logistic.DAMPING))
        logistic.learn(ours, squares, indices, odds, found.is_spam, RATE)  # type: ignore[arg-type]
    assert np.abs(ours).max() > 0.01
    assert np.allclose(theirs.coef_[0], ours, atol=1e-6)


def test_a_step_goes_towards_the_label_and_gets_smaller() -> None:
    weights, squares = np.zeros(8, np.float32), np.zeros(8, np.float32)
    one = np.array([1, 3], np.uint32)
    logistic.learn(weights, squares, one, 0.0, True, 0.1)
    first = float(weights[1])
    assert first > 0
    assert weights[0] == 0
    logistic.learn(weights, squares, one, 0.0, True, 0.1)
    assert 0 < float(weights[1]) - first < first


def test_what_is_certain_teaches_nothing() -> None:
    weights, squares = np.zeros(8, np.float32), np.zeros(8, np.float32)
    logistic.learn(weights, squares, np.array([1], np.uint32), 20.0, True, 0.1)
    assert not weights.any()


@pytest.mark.parametrize("odds", [-1e9, 1e9])
def test_no_odds_are_too_long(odds: float) -> None:
    assert 0 < logistic.chance(odds) < 1


# ---- words -----------------------------------------------------------------------------------------------------------


def test_a_word_of_spam_only_is_spam_and_an_unseen_one_is_neither() -> None:
    found = bayes.spamicity(np.array([9, 0, 5, 0]), np.array([0, 9, 5, 0]), Labels(100, 100))
    assert found[0] > 0.99
    assert found[1] < 0.01
    assert found[2] == pytest.approx(0.5)
    assert found[3] == 0.5


def test_a_word_is_judged_by_its_share_of_each_kind() -> None:
    """Ten of a hundred spams and ten of a thousand hams: ten times as frequent in spam."""
    assert bayes.spamicity(np.array([10]), np.array([10]), Labels(100, 1000))[0] == pytest.approx(10 / 11, abs=1e-3)


def test_the_indicator_is_the_known_combination() -> None:
    from scipy.stats import combine_pvalues

    spamicity = np.array([0.99, 0.95, 0.1, 0.98, 0.9])
    ours = bayes.indicator(np.log(spamicity / (1 - spamicity)))
    spam, ham = (float(combine_pvalues(one, "fisher")[1]) for one in (spamicity, 1 - spamicity))
    assert ours == pytest.approx((1 + spam - ham) / 2, abs=1e-9)
    assert ours > 0.9


def test_without_opinions_the_voice_is_silent() -> None:
    assert bayes.evidence(np.zeros(5)) == 0
    assert bayes.indicator(np.zeros(5)) == 0.5


def test_no_more_words_are_counted_than_the_strongest() -> None:
    counts = np.arange(1, 1001, dtype=np.int32)
    found = bayes.opinions(counts, np.zeros(1000, np.int32), np.arange(1000, dtype=np.uint32), Labels(2000, 2000))
    assert np.count_nonzero(found) == bayes.MOST
    assert np.flatnonzero(found).min() == 1000 - bayes.MOST
