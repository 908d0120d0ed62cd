"""Whatever is told as evidence of a reason has a name in words."""

import ast

from gateway.policy.evidence_words import EVIDENCE
from tests.house.source import modules, tree

TOLD_BY = {"verdict", "admit", "Reason"}  # what gives a reason its evidence
TERMS = {"review"}  # said to them, and no evidence


def told(name):
    """The keys of dictionaries beside a code of a reason, and the names of arguments that become evidence."""
    for call in ast.walk(tree(name)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in TOLD_BY):
            continue
        if call.func.id != "Reason":
            yield from (one.arg for one in call.keywords if one.arg)
        for found in (one for part in call.args for one in ast.walk(part) if isinstance(one, ast.Dict)):
            yield from (key.value for key in found.keys if isinstance(key, ast.Constant))


def test_all_evidence_has_a_name():
    found = {key for name in modules("gateway") for key in told(name)} - TERMS
    assert len(found) > 20
    assert found <= set(EVIDENCE)
