"""Every file in bad/ gives exactly the lines beside it."""

import tomllib
from pathlib import Path

import pytest

from gateway.settings import BadSettings, from_table, read

BAD = sorted((Path(__file__).parent / "bad").glob("*.toml"))
GOOD = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}


def problems(path: Path) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        read(path)
    return caught.value.problems


def test_there_are_enough_bad_files():
    assert len(BAD) >= 20


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_problems_are_the_expected_ones(path):
    assert [line.replace(str(path), "FILE") for line in problems(path)] == path.with_suffix(
        ".expected"
    ).read_text().splitlines()


def test_every_expectation_has_its_file():
    assert {path.stem for path in BAD} == {path.stem for path in (Path(__file__).parent / "bad").glob("*.expected")}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_no_password_is_shown(path):
    assert not any(secret in line for line in problems(path) for secret in ("hunter2", "secret", "er2@"))


def test_a_missing_file_is_one_line(tmp_path):
    path = tmp_path / "none.toml"
    assert problems(path) == [f"{path}: cannot be read: No such file or directory"]


def test_a_folder_is_one_line(tmp_path):
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_other_encodings_are_one_line(tmp_path):
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# \xe4\n")
    assert problems(path) == [f"{path}: is not UTF-8 text (at byte 3)"]


def test_a_byte_order_mark_is_no_problem(tmp_path):
    path = tmp_path / "bom.toml"
    path.write_text(
        '[domains]\nlocal = ["example.com"]\n[backend]\nurl = "smtp://a.example:25"\n', encoding="utf-8-sig"
    )
    assert read(path).domains.local == ("example.com",)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, "", "x", [], [[]], {}, {"x": 1}, [{}], [1], tomllib])
@pytest.mark.parametrize(
    "place", [("smtp",), ("route",), ("smtp", "listen"), ("protection", "overrides"), ("nothing",)]
)
def test_values_of_any_type_give_problems_or_settings(place, value):
    table = dict(GOOD) | {place[0]: value if len(place) == 1 else {place[1]: value}}
    lines = []
    try:
        from_table(table)
    except BadSettings as bad:
        lines = bad.problems
    assert all(line.startswith("settings: ") and line.isprintable() for line in lines)


def test_no_exception_is_chained_that_could_show_a_password():
    with pytest.raises(BadSettings) as caught:
        from_table(GOOD | {"database": {"url": "mysql://me:hunter2@db:x/name"}})
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000, '"' + "x" * 5000, "9" * 400, "1" + "0" * 30])
def test_absurd_files_are_one_line(tmp_path, value):
    path = tmp_path / "absurd.toml"
    path.write_text(f'domains.local = ["example.com"]\nbackend.url = "smtp://a:25"\nsmtp.size = {value}')
    (line,) = problems(path)
    assert "\n" not in line
