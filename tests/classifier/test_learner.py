"""What people say is learnt at once, can be taken back exactly, and reaches those who judge."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from classifier import learner as module
from classifier.features import Features
from classifier.learner import Busy, Learner
from classifier.model import FILE, Model
from classifier.score import ACCOUNT, BAYES, ENOUGH, Score, doubts
from classifier.state import FORGET_EVERY, Entry
from classifier.stored import ALIGNED, MAGIC, BadModel
from tests.classifier.making import NOW, entry, mail

SPAM = Features.of(mail(1001, is_spam=True))
HAM = Features.of(mail(1002, is_spam=False))


@pytest.fixture
def learner(tmp_path: Path):
    with_nothing = Learner.open(tmp_path, cold=True)
    yield with_nothing
    with_nothing.close()


def teach(learner: Learner, seeds: range, **given) -> None:
    for seed in seeds:
        learner.learn(entry(seed, **given))


def test_what_was_taught_is_told_apart(learner: Learner) -> None:
    teach(learner, range(60))
    assert learner.state.score(SPAM).p > 0.9
    assert learner.state.score(HAM).p < 0.1
    assert learner.state.labels.spam == learner.state.labels.ham == 30


def test_an_entry_that_is_told_twice_counts_once(learner: Learner) -> None:
    assert learner.learn(entry(1)) is not None
    before = learner.state.score(SPAM)
    assert learner.learn(entry(1)) is None
    assert learner.state.score(SPAM) == before


def test_an_undone_label_leaves_the_old_score(learner: Learner) -> None:
    teach(learner, range(40))
    before = learner.state.score(SPAM, "bo@example.org")
    wrong = Entry("wrong", False, SPAM, NOW + timedelta(days=1), "bo@example.org")
    learner.learn(wrong)
    assert learner.state.score(SPAM, "bo@example.org").z < before.z - 0.1
    assert learner.strike("wrong")
    after = learner.state.score(SPAM, "bo@example.org")
    assert after.voices[BAYES] == before.voices[BAYES]
    assert after.z == pytest.approx(before.z, abs=1e-6)
    assert after.p == pytest.approx(before.p, abs=1e-6)


def test_a_struck_entry_is_as_if_it_had_never_been_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 15)  # with checkpoints before and after it
    with_it, without = Learner.open(tmp_path / "a", cold=True), Learner.open(tmp_path / "b", cold=True)
    teach(with_it, range(40))
    for seed in range(40):
        if seed not in (16, 23):
            without.learn(entry(seed))
    assert with_it.strike(entry(16).id, entry(23).id)
    assert not with_it.strike(entry(16).id)
    for name, weights in with_it.state.arrays.weights.items():
        assert np.allclose(weights, without.state.arrays.weights[name], atol=1e-6)
    assert np.array_equal(with_it.state.arrays.spam, without.state.arrays.spam)
    assert np.array_equal(with_it.state.arrays.ham, without.state.arrays.ham)
    with_it.close()
    without.close()


@pytest.mark.parametrize("every", [7, 500])
def test_who_opens_the_folder_again_thinks_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr(module, "EVERY", every)
    first = Learner.open(tmp_path, cold=True)
    teach(first, range(30))
    before = first.state.score(SPAM)
    first.close()
    again = Learner.open(tmp_path, cold=True)
    assert again.state.score(SPAM).z == pytest.approx(before.z, abs=1e-6)
    teach(again, range(30, 33))
    again.close()


def test_a_damaged_checkpoint_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 10)
    first = Learner.open(tmp_path, cold=True)
    teach(first, range(30))
    before = first.state.score(SPAM)
    path = first.checkpoints()[-1][1]
    first.close()
    octets = bytearray(path.read_bytes())
    octets[-1000] ^= 1
    path.write_bytes(octets)
    again = Learner.open(tmp_path, cold=True)
    assert again.state.score(SPAM).z == pytest.approx(before.z, abs=1e-6)
    again.close()


def test_one_learns_in_a_folder_at_a_time(learner: Learner) -> None:
    with pytest.raises(Busy):
        Learner.open(learner.folder)


# ---- publishing ------------------------------------------------------------------------------------------------------


def test_readers_see_what_is_published_and_nothing_before(learner: Learner) -> None:
    learner.publish()
    reader = Model.open(learner.folder)
    teach(learner, range(40))
    assert reader.score(SPAM).labels.spam == 0
    learner.publish()
    found = reader.score(SPAM)
    assert found == learner.state.score(SPAM)
    assert found.p > 0.8


def test_another_process_sees_it_within_a_second(learner: Learner) -> None:
    learner.publish()
    said = (
        "import sys, time\nfrom classifier.model import Model\n"
        f"model = Model.open({str(learner.folder)!r})\nprint('open', flush=True)\nsys.stdin.readline()\n"
        "model.refresh()\nprint(model.state.labels.spam)"
    )
    with subprocess.Popen([sys.executable, "-c", said], stdin=-1, stdout=-1, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        learner.learn(entry(1))
        learner.publish()
        assert reader.communicate("\n")[0] == "1\n"


def test_those_who_judge_cannot_write_what_they_read(learner: Learner) -> None:
    learner.publish()
    with pytest.raises(ValueError, match="read-only"):
        Model.open(learner.folder).state.arrays.spam[0] = 1


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "no model"),
        (b"PK\3\4 something else", "no model"),
        (MAGIC + b"\x10\0\0\0 not json", "damaged"),
        (MAGIC + (2).to_bytes(4, "little") + b"{}", "another version"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_the_reason(tmp_path: Path, octets: bytes, said: str) -> None:
    (tmp_path / FILE).write_bytes(octets)
    with pytest.raises(BadModel, match=said):
        Model.open(tmp_path)


def test_a_cut_or_changed_model_is_refused(learner: Learner) -> None:
    learner.publish()
    path = learner.folder / FILE
    octets = path.read_bytes()
    path.write_bytes(octets[:-5])
    with pytest.raises(BadModel, match="cut"):
        Model.open(learner.folder)
    path.write_bytes(octets[:-5] + b"\1" + octets[-4:])
    with pytest.raises(BadModel, match="SHA-256"):
        Model.open(learner.folder)


def test_a_reader_keeps_what_it_has_where_the_new_one_is_bad(learner: Learner) -> None:
    teach(learner, range(10))
    learner.publish()
    reader = Model.open(learner.folder)
    before = reader.score(SPAM)
    path = learner.folder / FILE
    path.unlink()
    path.write_bytes(b"nonsense")
    assert reader.score(SPAM) == before
    assert "no model" in reader.problem


def test_a_model_that_does_worse_on_held_entries_is_not_published(learner: Learner) -> None:
    teach(learner, range(300))
    assert learner.publish().done
    before = Model.open(learner.folder).score(SPAM)
    for seed in range(2001, 2201, 2):
        learner.learn(entry(seed, is_spam=False))
    told = learner.publish()
    assert not told.done
    assert told.now.errors > told.before.errors
    assert Model.open(learner.folder).score(SPAM) == before
    assert len(learner.roll_back()) == 100
    assert learner.state.score(SPAM).z == pytest.approx(before.z, abs=1e-6)
    assert learner.publish().done


# ---- people ----------------------------------------------------------------------------------------------------------


def test_an_account_of_another_mind_moves_mostly_its_own_score(learner: Learner) -> None:
    teach(learner, range(200))
    for turn in range(12):
        odd = Entry(f"odd-{turn}", False, SPAM, NOW, "cy@example.org")
        even = Entry(f"even-{turn}", True, SPAM, NOW, "bo@example.org")
        learner.learn(odd)
        learner.learn(even)
    assert learner.state.score(SPAM, "cy@example.org").voices[ACCOUNT] < -0.1
    assert learner.state.score(SPAM, "bo@example.org").voices[ACCOUNT] > 0
    assert learner.state.score(SPAM, "cy@example.org").z < learner.state.score(SPAM, "bo@example.org").z - 0.2
    assert ACCOUNT not in learner.state.score(SPAM).voices


def test_who_contradicts_a_confident_model_is_counted(learner: Learner) -> None:
    teach(learner, range(300))
    for seed in range(1001, 1041, 2):
        learner.learn(entry(seed, is_spam=False, person="cy"))
    told = {person.name: person for person in learner.people()}
    assert told["bo"].against < told["bo"].labels / 20
    assert told["cy"].against > 0
    assert told["cy"].labels == 20


def test_a_label_against_a_confident_model_is_doubted_and_no_other(learner: Learner) -> None:
    teach(learner, range(2 * ENOUGH + 100))
    score = learner.state.score(SPAM)
    assert doubts(score, False)
    assert not doubts(score, True)
    unsure = Score(0.6, 1.9, {}, score.labels)
    assert not doubts(unsure, False)


def test_a_model_that_learnt_little_doubts_nobody(learner: Learner) -> None:
    teach(learner, range(2 * ENOUGH - 2))
    assert not doubts(Score(1.0, 3.0, {}, learner.state.labels), False)


def test_after_a_quarter_the_past_weighs_half(learner: Learner) -> None:
    learner.learn(entry(1))
    before = float(learner.state.arrays.squares["raw"].sum())
    learner.state.fade(NOW + FORGET_EVERY - timedelta(days=1))
    assert float(learner.state.arrays.squares["raw"].sum()) == before
    learner.state.fade(NOW + FORGET_EVERY * 2 + timedelta(days=1))
    assert float(learner.state.arrays.squares["raw"].sum()) == pytest.approx(before / 4)


def test_all_arrays_take_no_more_than_forty_megabytes(learner: Learner) -> None:
    arrays = learner.state.arrays.named(all_of_them=True)
    assert sum(one.nbytes for one in arrays.values()) <= 40 * 2**20


def test_the_header_says_what_the_file_is_of(learner: Learner) -> None:
    teach(learner, range(3))
    learner.publish()
    octets = (learner.folder / FILE).read_bytes()[len(MAGIC) :]
    head = json.loads(octets[4 : 4 + int.from_bytes(octets[:4], "little")])
    assert head["labels"] == {"spam": 1, "ham": 2}
    assert {"features", "bits", "hash", "sha256", "origin", "position"} <= set(head)


def test_mail_that_nobody_labelled_moves_nothing(learner: Learner) -> None:
    """However much of it an attacker sends: judging is no learning."""
    teach(learner, range(60))
    learner.publish()
    model = Model.open(learner.folder)
    before = (learner.state.score(SPAM), model.score(SPAM), (learner.folder / FILE).read_bytes()[:ALIGNED])
    for seed in range(2001, 2101):
        model.score(Features.of(mail(seed, is_spam=True)), "cy@example.org")
        learner.state.score(Features.of(mail(seed, is_spam=True)))
    assert (learner.state.score(SPAM), model.score(SPAM), (learner.folder / FILE).read_bytes()[:ALIGNED]) == before


def test_an_undone_label_that_stood_before_a_power_failure_stays_undone(tmp_path: Path, monkeypatch) -> None:
    """The checkpoints that know it are gone before the journal says that it counts no more."""
    monkeypatch.setattr(module, "EVERY", 5)
    first = Learner.open(tmp_path, cold=True)
    teach(first, range(12))
    monkeypatch.setattr(first, "rebuild", lambda: None)  # the power fails here
    first.strike(entry(3).id)
    first.close()
    again, without = Learner.open(tmp_path, cold=True), Learner.open(tmp_path / "b", cold=True)
    for seed in range(12):
        if seed != 3:
            without.learn(entry(seed))
    assert again.state.score(SPAM).z == pytest.approx(without.state.score(SPAM).z, abs=1e-6)
    again.close()
    without.close()


def test_what_another_version_wrote_stays_and_does_not_count(tmp_path: Path) -> None:
    learner = Learner.open(tmp_path, cold=True)
    teach(learner, range(40))
    learner.publish()
    learner.close()
    with sqlite3.connect(learner.folder / "journal.db") as book:  # as if features were of version 2 now, these of 1
        book.execute("update entry set features = cast(x'63000000' || substr(features, 5) as blob)")
    for checkpoint in learner.folder.glob("checkpoint-*"):
        checkpoint.unlink()
    newer = Learner.open(learner.folder, cold=True)
    assert newer.state.labels.fewer == 0
    assert newer.learn(entry(1)) is not None, "the same mail, taught anew"
    newer.close()
    with sqlite3.connect(learner.folder / "journal.db") as book:
        version = Features.of(mail(1, is_spam=True)).to_bytes()[:4].hex()
        book.execute(f"update entry set features = cast(x'{version}' || substr(features, 5) as blob)")
        assert book.execute("select count(*) from entry").fetchone() == (40,)
    older = Learner.open(learner.folder, cold=True)
    assert older.state.labels.spam == older.state.labels.ham == 20
    assert older.state.score(SPAM).z > 1
    older.close()
