"""greygate simulate: its tables, its page, its figures, and how it ends."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.simulate.figures import Figures, Line, minutes, quantile
from gateway.simulate.page import page
from gateway.simulate.plots import across

FEW = ["--days", "1", "--seeds", "1", "--models", "postfix,bot that sends once"]


def simulate(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["simulate", *words])
    return done.exit_code, done.output


def test_a_small_crowd_is_told_by_level_and_written_to_files(tmp_path: Path) -> None:
    html, figures = tmp_path / "report.html", tmp_path / "report.json"
    code, said = simulate(*FEW, "--html", str(html), "--json", str(figures))
    assert code == 0, said
    assert "lost 0, doubled 0" in said
    told = json.loads(figures.read_text())
    assert list(told["levels"]) == [
        "off", "watch", "greylist", "greylist, reviewed", "review-after", "review-after, reviewed", "review-before",
        "known-only",
    ]  # fmt: skip
    line, bot = told["levels"]["greylist"]
    assert (bot["model"], bot["let_in"], bot["delivered"]) == ("bot that sends once", 0, 0)
    assert (line["model"], line["lost"], line["doubled"]) == ("postfix", 0, 0)
    assert 3 < line["delay_minutes"]["max"] < 11
    assert html.read_text().count("<svg") == 3 * len(told["levels"])


def test_levels_can_be_chosen(tmp_path: Path) -> None:
    code, said = simulate("--days", "1", "--seeds", "1", "--models", "postfix", "--levels", "greylist")
    assert code == 0
    assert "review-before" not in said


def test_the_settings_of_a_file_count(tmp_path: Path) -> None:
    config, figures = tmp_path / "greygate.toml", tmp_path / "figures.json"
    config.write_text(
        '[domains]\nlocal = ["example.com"]\n[backend]\nurl = "smtp://127.0.0.1:25"\n[greylist]\nwait = "12m"\n'
    )
    words = ["--days", "1", "--seeds", "1", "--models", "zonemta", "--levels", "greylist"]
    code, said = simulate(*words, "--settings", str(config), "--json", str(figures))
    assert code == 0, said
    assert "wait 12 minutes" in said
    assert json.loads(figures.read_text())["levels"]["greylist"][0]["delay_minutes"]["max"] >= 12


@pytest.mark.parametrize(("words", "said"), [(("--models", "nobody"), "postfix"), (("--levels", "high"), "greylist")])
def test_an_unknown_name_is_told_with_those_that_there_are(words: tuple[str, ...], said: str) -> None:
    code, output = simulate(*words)
    assert code == 2
    assert said in output


def test_what_is_lost_or_doubled_is_not_good() -> None:
    for name in ("lost", "doubled", "altered"):
        figures = Figures(wait=None, models=())  # type: ignore[arg-type]
        figures.levels["greylist"] = {"postfix": Line("postfix", mails=3)}
        assert figures.is_good
        setattr(figures.levels["greylist"]["postfix"], name, 1)
        assert not figures.is_good


# ---- the page ------------------------------------------------------------------------------------------------------

NAME = '<script>alert("1")</script> & co'


@pytest.fixture
def written() -> str:
    figures = Figures(wait=None, models=())  # type: ignore[arg-type]
    line = Line(NAME, mails=4, undelayed=1, delays=[0.0, 5.0, 20.0, 4000.0], seen_after=[0.0, 0.1, 0.1, 0.1])
    figures.levels[NAME] = {NAME: line, "nothing": Line("nothing", mails=1)}
    figures.trouble = [NAME]
    return page(figures, NAME)


def test_nothing_that_is_shown_is_markup(written: str) -> None:
    assert "<script" not in written
    assert written.count("&lt;script&gt;") >= 6


def test_the_page_needs_nothing_from_elsewhere_and_follows_light_and_dark(written: str) -> None:
    assert not re.search(r"(src|href|url\()", written)
    assert "prefers-color-scheme: dark" in written


def test_every_plot_is_well_formed_and_has_its_table(written: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", written, flags=re.DOTALL)
    assert len(plots) == 3
    for plot in plots:
        ElementTree.fromstring(plot)
    assert written.count("<details>") == 3


def test_longer_delays_are_further_to_the_right() -> None:
    places = [across(delay) for delay in (0, 0.5, 1, 2, 3, 10, 29, 200, 1000, 4319, 99999)]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("delay", "said"),
    [(None, ""), (0.0, "0 s"), (0.5, "30 s"), (5.0, "5.0 min"), (90.0, "90 min"), (180.0, "3.0 h"), (4320.0, "3.0 d")],
)
def test_delays_are_written_for_people(delay: float | None, said: str) -> None:
    assert minutes(delay) == said


def test_quantiles_of_what_is_there() -> None:
    assert quantile([], 0.5) is None
    assert [quantile([3, 1, 2, 4], share) for share in (0.0, 0.5, 1.0)] == [1, 3, 4]
