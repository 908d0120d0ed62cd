"""Sizes and habits: what runs away in projects of this kind is stopped while it is small."""

import ast
from collections import Counter
from collections.abc import Iterator
from statistics import median

import pytest

from tests.house.source import PACKAGES, ROOT, modules, tree

LONGEST_FUNCTION = 50
LONGEST_MODULE = 350
# Modules that may be longer, how long, and why.
LONGER = {
    "gateway/smtpd/server.py": (600, "the SMTP dialogue: one verb after the other, and the shields around aiosmtpd"),
    "sql/tables.py": (600, "the schema in one place: it is looked things up in, not read through"),
}
# Where whatever went wrong ends: how often, and what it protects.
EDGES = {
    "gateway/alerts/job.py": (1, "whoever watches must not be the first to fall"),
    "gateway/hooks/job.py": (1, "a task is an edge: what is wrong with one place is not the next one's"),
    "gateway/courier.py": (1, "one mail's trouble is not the next one's"),
    "gateway/digest/job.py": (1, "one person's digest is not the next one's"),
    "gateway/evidence/reader.py": (1, "a mail that breaks the reading of it is a fact, and no other mail's trouble"),
    "gateway/reports/job.py": (1, "reports to others never end the jobs that run beside them"),
    "gateway/simulate/loop.py": (1, "an executor hands over whatever its work raised"),
    "gateway/smtpd/door.py": (1, "a worker goes on following changes"),
    "gateway/smtpd/server.py": (2, "neither the peer nor the loop learns of our faults"),
    "gateway/store/engine.py": (1, "the writer outlives whatever a work raises"),
    "gateway/store/lookup.py": (1, "one odd question spoils nobody's answer"),
}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
NAMELESS_ENDS = ("Manager", "Helper", "Utils", "Base")
ALL = modules(*PACKAGES)


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(name)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("name", ALL)
def test_no_function_is_too_long(name):
    assert {node.name: length(node) for node in functions(name) if length(node) > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("name", ALL)
def test_no_module_is_too_long(name):
    lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
    assert lines <= LONGER.get(name, (LONGEST_MODULE, ""))[0]


def test_functions_are_short_on_the_whole():
    lengths = sorted(length(node) for name in ALL for node in functions(name))
    assert median(lengths) <= 12
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_the_exceptions_are_still_needed():
    for name in LONGER:
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE, f"{name} is short again"
    for name in EDGES:
        assert swallowed(tree(name)), f"{name} catches no Exception any more"


def swallowed(module: ast.Module) -> list[int]:
    """Lines of handlers that catch everything and do not raise it again."""
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and catches_all(node.type) and not raises_again(node)
    ]


def catches_all(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = {node.id for node in ast.walk(caught) if isinstance(node, ast.Name)}
    return bool(names & {"Exception", "BaseException"})


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("name", ALL)
def test_only_the_edges_catch_everything(name):
    assert len(swallowed(tree(name))) <= EDGES.get(name, (0, ""))[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("try:\n    f()\nexcept Exception:\n    pass", 1),
        ("try:\n    f()\nexcept:\n    pass", 1),
        ("try:\n    f()\nexcept (OSError, BaseException):\n    pass", 1),
        ("try:\n    f()\nexcept BaseException:\n    g()\n    raise", 0),
        ("try:\n    f()\nexcept OSError:\n    pass", 0),
    ],
)
def test_the_check_sees_what_it_forbids(text, count):
    assert len(swallowed(ast.parse(text))) == count


@pytest.mark.parametrize("name", ALL)
def test_modules_and_classes_are_named_after_what_they_are(name):
    stem = name.rpartition("/")[2].removesuffix(".py")
    assert stem not in NAMELESS
    classes = [node.name for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef)]
    assert [one for one in classes if one.endswith(NAMELESS_ENDS)] == []


def test_no_two_tests_in_a_module_share_a_name():
    for name in modules("tests"):
        counts = Counter(node.name for node in tree(name).body if isinstance(node, ast.FunctionDef))
        assert [one for one, count in counts.items() if count > 1 and one.startswith("test_")] == [], name


@pytest.mark.parametrize("name", ALL)
def test_no_constant_is_given_twice(name):
    """The second one would silently take the place of the first, as two merged changes once did."""
    named = [
        target.id
        for node in tree(name).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert [one for one, times in Counter(named).items() if times > 1] == []
