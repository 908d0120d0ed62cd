"""No regular expression of ours takes long, whatever it is given."""

import re
import time
from importlib import import_module
from pathlib import Path

import pytest

import classifier
from classifier import features, tokens
from classifier.mail import parse

SIZE = 100_000  # characters
FAST = 0.05  # seconds

MODULES = sorted(path.stem for path in Path(classifier.__file__).parent.glob("*.py") if path.stem != "__init__")


def compiled() -> "dict[str, re.Pattern[str] | re.Pattern[bytes]]":
    found: dict[str, re.Pattern[str] | re.Pattern[bytes]] = {}
    for module in MODULES:
        for name, value in vars(import_module(f"classifier.{module}")).items():
            for key, one in value.items() if isinstance(value, dict) else [("", value)]:
                if isinstance(one, re.Pattern):
                    found[f"{module}.{name}{key}"] = one
    return found


PATTERNS = compiled()
PIECES = (
    *("a", "1", " ", "\n", "-", ".", "=", "?", "<", "&#", "&#x", "@", "*", "%", ":", "/", "_", "!"),
    *("=?", "=?utf-8?q?", "a.", "a'", "a b", "a:\n", "a: b\n ", "http://", "http://a", "From a ", "From a 1"),
    *(
        "display:",
        "font-size:0 ",
        "color=",
        "opacity:0",
        "</",
        "</script",
        "a@",
        "a@b.",
        "*0*",
        "+000",
        "ABC",
        "x-spam",
    ),
)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_fast_on_what_is_made_to_slow_it_down(name: str) -> None:
    pattern = PATTERNS[name]
    for piece in PIECES:
        text = (piece * (SIZE // len(piece)))[: SIZE - 1] + "\0"
        given = text.encode() if isinstance(pattern.pattern, bytes) else text
        began = time.process_time()
        for _ in pattern.finditer(given):  # type: ignore[arg-type]
            pass
        assert time.process_time() - began < FAST, piece


def test_all_patterns_are_looked_at() -> None:
    """Who compiles one within a function hides it from this."""
    assert len(PATTERNS) >= 20
    for module in MODULES:
        source = Path(classifier.__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
        within = [line for line in source.splitlines() if "re.compile" in line and line.startswith(" ")]
        assert not within, f"{module}: {within}"
        assert not re.search(r"\bre\.(?:sub|search|match|findall|split|fullmatch|finditer)\(", source), module


@pytest.mark.parametrize("piece", PIECES[::3])
def test_features_of_such_text_are_found_quickly(piece: str) -> None:
    text = (piece * (3 * SIZE // len(piece))).encode()
    for data in (b"Content-Type: text/html\n\n" + text, b"Subject: " + text.replace(b"\n", b"") + b"\n\n" + text):
        began = time.process_time()
        found = features.Features.of(parse(data))
        assert time.process_time() - began < 0.3
        assert len(found.words) < 10_000
        assert len(list(tokens.groups(parse(data)))) < 200
