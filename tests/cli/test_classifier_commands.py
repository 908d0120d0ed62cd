"""greygate classifier: taught from wherever mail is kept, asked, and asked why."""

import json
from pathlib import Path

import pytest

from classifier.learner import Learner
from classifier.model import FILE
from tests.classifier.making import letter
from tests.cli.conftest import Office, Said, run


class Filter:
    """The commands on a folder of their own, without settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mail = folder / "mail"
        self.mail.mkdir()

    def run(self, *words: str, typed: str | None = None) -> Said:
        return run(["classifier", *words, "--folder", str(self.folder / "model")], typed)

    def good(self, *words: str, typed: str | None = None) -> str:
        said = self.run(*words, typed=typed)
        assert said.status == 0, said
        return said.out

    def write(self, seed: int) -> Path:
        path = self.mail / f"{seed}.eml"
        path.write_bytes(letter(seed, is_spam=seed % 2 == 1))
        return path

    def index(self, count: int) -> str:
        lines = [f"{'spam' if seed % 2 else 'ham'} mail/{self.write(seed).name}" for seed in range(count)]
        (self.folder / "index").write_text("\n".join(lines))
        return str(self.folder / "index")

    def chance(self, path: Path) -> float:
        return float(json.loads(self.good("score", "--json", str(path)))["p"])


@pytest.fixture
def ours(tmp_path: Path) -> Filter:
    return Filter(tmp_path)


def test_what_an_index_teaches_tells_mail_apart(ours: Filter) -> None:
    assert "Learnt from 60 mails" in ours.good("train", "--cold", ours.index(60))
    assert ours.chance(ours.write(1001)) > 0.9
    assert ours.chance(ours.write(1002)) < 0.1
    assert "Learnt from 0 mails" in ours.good("train", "--cold", ours.index(60))


def test_one_label_moves_the_score_and_undo_brings_it_back(ours: Filter) -> None:
    path = ours.write(1)
    before = ours.chance(path)
    assert "Learnt: 1" in ours.good("learn", "spam", str(path))
    assert ours.chance(path) > before + 0.05
    assert "Learnt: 0" in ours.good("learn", "spam", str(path))
    assert "Taken back: 1" in ours.good("learn", "spam", str(path), "--undo")
    assert ours.chance(path) == pytest.approx(before, abs=1e-6)
    assert "Learnt: 1" in ours.good("learn", "spam", str(path))  # told anew


def test_the_other_label_takes_the_place_of_the_first(ours: Filter) -> None:
    path = str(ours.write(1))
    ours.good("learn", "ham", path)
    ours.good("learn", "spam", path)
    labels = json.loads(ours.good("score", "--json", path))["labels"]
    assert labels == {"spam": 1, "ham": 0}


def test_a_label_in_doubt_is_not_learnt_unless_one_is_sure(ours: Filter) -> None:
    ours.good("train", "--cold", ours.index(300))
    path = str(ours.write(1001))
    assert "in doubt: 1" in ours.good("learn", "ham", path)
    assert "Learnt: 1" in ours.good("learn", "ham", path, "--sure")


def test_mail_is_read_from_wherever_it_is_kept(ours: Filter) -> None:
    box = ours.folder / "box"
    mails = [letter(seed, is_spam=True).replace(b"\r\n", b"\n") for seed in (1, 3, 5)]
    box.write_bytes(b"".join(b"From x@y.example Mon Mar  2 10:00:00 2026\n" + one + b"\n\n" for one in mails))
    maildir = ours.folder / "maildir"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
        (maildir / name / "7:2,S").write_bytes(letter({"cur": 7, "new": 9, "tmp": 11}[name], is_spam=True))
    for seed in (13, 15):
        ours.write(seed)
    (ours.mail / ".hidden").write_bytes(b"no mail")
    assert "Learnt: 3" in ours.good("learn", "spam", str(box))
    assert "Learnt: 2" in ours.good("learn", "spam", str(maildir))
    assert "Learnt: 2" in ours.good("learn", "spam", str(ours.mail))
    assert "Learnt: 1" in ours.good("learn", "spam", "-", typed="Subject: by hand\n\nbuy now\n")


def test_an_explanation_adds_up_and_says_where_it_comes_from(ours: Filter) -> None:
    path = str(ours.write(1001))
    said = ours.good("explain", path)
    assert "SpamAssassin" in said  # the prior
    ours.good("train", ours.index(60))
    said = ours.good("explain", path)
    assert "learnt from 30 spams and 30 hams" in said
    facts = json.loads(ours.good("explain", "--json", path))
    assert sum(facts["sources"].values()) == pytest.approx(facts["score"]["z"], abs=1e-6)


def test_what_others_wrote_is_shown_without_what_moves_the_cursor(ours: Filter) -> None:
    ours.good("train", "--cold", ours.index(20))
    assert "\x1b" not in ours.good(
        "explain", "-", typed="Subject: \x1b[2J winner \u202e prize\n\nclaim \x1b[31m casino"
    )


def test_what_is_exported_teaches_another_folder_the_same(ours: Filter, tmp_path: Path) -> None:
    ours.good("train", ours.index(40))
    file = ours.folder / "said.jsonl"
    ours.good("export", str(file))
    other = tmp_path / "other"
    assert run(["classifier", "train", str(file), "--folder", str(other)]).status == 0
    path = str(ours.write(1001))
    theirs = run(["classifier", "score", path, "--json", "--folder", str(other)])
    assert json.loads(theirs.out)["z"] == pytest.approx(json.loads(ours.good("score", path, "--json"))["z"], abs=1e-6)


@pytest.mark.parametrize("line", ["{", '{"id": "x"}', '{"id":"x","label":"odd"}'])
def test_a_line_that_cannot_be_read_is_named(ours: Filter, line: str) -> None:
    file = ours.folder / "said.jsonl"
    file.write_text(line)
    said = ours.run("train", str(file))
    assert said.status == 1
    assert "line 1" in said.all


def test_two_cannot_teach_at_once(ours: Filter) -> None:
    learner = Learner.open(ours.folder / "model")
    said = ours.run("learn", "spam", str(ours.write(1)))
    learner.close()
    assert said.status == 1
    assert "another process learns" in said.all


def test_a_model_that_is_none_is_refused_in_words(ours: Filter) -> None:
    (ours.folder / "model").mkdir()
    (ours.folder / "model" / FILE).write_bytes(b"nonsense")
    said = ours.run("score", str(ours.write(1)))
    assert said.status == 1
    assert "no model" in said.all


def test_an_evaluation_tells_the_figures_and_changes_nothing(ours: Filter) -> None:
    said = run(["classifier", "evaluate", ours.index(60), "--alone"])
    assert said.status == 0
    for word in ("1-ROCA%", "h=.1%", "lam%", "hm%", "sm%", "ECE", "Brier", "p50", "MiB", "people decided"):
        assert word in said.out
    assert not (ours.folder / "model").exists()


def test_an_evaluation_as_json_has_the_protocol_in_it(ours: Filter) -> None:
    said = run(
        ["classifier", "evaluate", ours.index(60), "--alone", "--json", "--noise", "20", "--prompt", "--delay", "3"]
    )
    facts = json.loads(said.out)
    assert facts["flipped"] > 0
    assert facts["quality"]["roca"]["low"] <= facts["quality"]["roca"]["high"]


def test_the_settings_say_where_it_learns(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(letter(1, is_spam=True))
    office.good("classifier", "learn", "spam", str(path))
    assert (office.folder / "storage" / "classifier" / FILE).exists()


def test_judging_loads_no_scikit_learn() -> None:
    import subprocess
    import sys

    said = "import sys, classifier.model, classifier.learner; print('sklearn' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "False\n"
