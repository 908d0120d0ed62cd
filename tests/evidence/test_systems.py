"""The admin's file of autonomous systems: what is read, and that every wrong line is named."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.evidence import systems
from gateway.evidence.systems import MOST_PROBLEMS, BadSystems


def written(folder: Path, text: str) -> Path:
    path = folder / "asn.tsv"
    path.write_text(text)
    return path


def test_networks_and_their_systems_are_read(tmp_path: Path) -> None:
    lines = "# made here\n\n192.0.2.0/24\t64500\tA hoster\n198.51.100.0/24\tAS64501\n2001:db8::/32\tas64502 # six\n"
    found = systems.read(written(tmp_path, lines))
    told = [found.of(ip_address(text)) for text in ("192.0.2.7", "198.51.100.7", "2001:db8::7", "203.0.113.7")]
    assert told == [64500, 64501, 64502, None]


def test_without_a_file_nothing_is_known() -> None:
    assert systems.read(None).of(ip_address("192.0.2.7")) is None


def test_every_wrong_line_is_named_with_its_number(tmp_path: Path) -> None:
    lines = ["192.0.2.0/24\t64500", "192.0.2.0/24 64500", "300.0.2.0/24\t1", "192.0.2.0/24\tX", "::/0\t0",
             "192.0.2.0/24\t99999999999"]  # fmt: skip
    path = written(tmp_path, "\n".join(lines))
    with pytest.raises(BadSystems) as caught:
        systems.read(path)
    told = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in told] == [f"{path}, line {number}" for number in range(2, 7)]
    assert "192.0.2.0/24" in told[1]


def test_a_file_that_is_something_else_is_told_in_a_few_lines(tmp_path: Path) -> None:
    with pytest.raises(BadSystems) as caught:
        systems.read(written(tmp_path, "x\n" * 1000))
    assert len(str(caught.value).splitlines()) == MOST_PROBLEMS


def test_a_file_that_is_not_there_is_told_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        systems.read(tmp_path / "missing")
