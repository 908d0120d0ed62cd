"""Who may import whom: facts flow one way, and what decides touches nothing outside."""

import ast
from collections.abc import Iterable
from importlib import import_module

import pytest

from gateway import compose
from tests.house.source import PACKAGES, imports, modules, tree

OURS = ("gateway", "sql", "classifier", "webui")
CORE = {"gateway.marked", "gateway.model", "gateway.policy"}
EDGES = CORE | {"gateway.bodies", "gateway.store", "sql.tables"}
NOUNS = {"gateway.clock", "gateway.ids", "gateway.i18n"}

# What of ours each part may import; the longest prefix counts. Only the roots put parts together.
MAY_IMPORT: dict[str, set[str] | None] = {
    "gateway/__init__.py": set(),
    "gateway/clock.py": set(),
    "gateway/deadline.py": set(),
    "gateway/i18n/": {"gateway.i18n", "gateway.marked"},
    "gateway/ids.py": set(),
    "gateway/marked.py": set(),
    "gateway/visible.py": set(),
    "gateway/logs.py": {"gateway.clock"},
    "gateway/metrics.py": {"gateway.clock"},
    "gateway/exporter.py": {"gateway.channel", "gateway.logs", "gateway.metrics", "gateway.settings"},
    "gateway/measured.py": {"gateway.metrics", "gateway.model", "gateway.relay.nexthop"},
    "gateway/gauges.py": EDGES | NOUNS | {"gateway.metrics", "gateway.smtpd.door"},
    "gateway/model/": {"gateway.model"},
    "gateway/policy/": CORE,
    "gateway/settings/": {"gateway.i18n", "gateway.model", "gateway.settings"},
    "gateway/evidence/": CORE | {"classifier", "gateway.evidence"},
    "gateway/relay/": {"gateway.deadline", "gateway.model", "gateway.relay"},
    "gateway/bodies/": CORE | NOUNS | {"gateway.bodies", "sql.tables"},
    "gateway/store/": EDGES | {"gateway.metrics", "sql.routine"},
    "gateway/alive.py": NOUNS,
    "gateway/spool.py": CORE,
    "gateway/approvals.py": EDGES,
    "gateway/teaching.py": EDGES | {"classifier"},
    "gateway/pupil.py": EDGES | NOUNS | {"classifier", "gateway.courier"},
    "gateway/desk/": EDGES | {"gateway.approvals", "gateway.desk", "gateway.i18n", "gateway.siblings"},
    "gateway/bulk/": EDGES | {"gateway.approvals", "gateway.bulk", "gateway.desk", "gateway.i18n", "gateway.undoing"},
    "gateway/notice.py": {"gateway.i18n"},
    "gateway/ourmail.py": EDGES,
    "gateway/alerts/": EDGES
    | NOUNS
    | {"gateway.alerts", "gateway.courier", "gateway.posting", "gateway.relay.nexthop", "gateway.vitals.trouble"},
    "gateway/posting.py": set(),
    "gateway/hooks/": EDGES | NOUNS | {"gateway.courier", "gateway.hooks", "gateway.posting"},
    "gateway/digest/": EDGES
    | NOUNS
    | {"gateway.courier", "gateway.desk", "gateway.digest", "gateway.ourmail", "gateway.peek", "gateway.visible"},
    "gateway/reports/": EDGES
    | NOUNS
    | {
        "gateway.courier",
        "gateway.digest.written",
        "gateway.evidence.dmarc",
        "gateway.evidence.resolver",
        "gateway.relay.nexthop",
        "gateway.reports",
    },
    "gateway/clerk.py": EDGES | NOUNS | {"gateway.bulk", "gateway.courier"},
    "gateway/impact.py": EDGES | {"gateway.i18n"},
    "gateway/siblings.py": EDGES,
    "gateway/campaigns.py": EDGES,
    "gateway/campaign_words.py": CORE | {"gateway.i18n"},
    "gateway/together.py": EDGES | {"gateway.campaigns", "gateway.desk", "gateway.siblings"},
    "gateway/undoing.py": EDGES | {"gateway.approvals", "gateway.desk", "gateway.i18n", "gateway.siblings"},
    "gateway/reviewing.py": EDGES | {"gateway.desk", "gateway.i18n", "gateway.undoing"},
    "gateway/expecting.py": EDGES | {"gateway.desk", "gateway.evidence.domain", "gateway.i18n"},
    "gateway/peek.py": EDGES | {"classifier.charset", "classifier.markup", "gateway.desk", "gateway.visible"},
    "gateway/people.py": EDGES | {"gateway.desk", "gateway.i18n"},
    "gateway/signin/": EDGES | NOUNS | {"gateway.desk", "gateway.people", "gateway.settings", "gateway.signin"},
    "gateway/tokens.py": EDGES | {"gateway.desk", "gateway.i18n", "gateway.people"},
    "gateway/switching.py": EDGES | {"gateway.desk"},
    "gateway/roster.py": EDGES | {"gateway.desk", "gateway.i18n", "gateway.listfile", "gateway.people"},
    "gateway/privacy.py": EDGES,
    "gateway/observed.py": EDGES,
    "gateway/replayed.py": CORE,
    "gateway/tried.py": CORE | {"gateway.replayed"},
    "gateway/entries.py": EDGES | {"gateway.approvals", "gateway.desk"},
    "gateway/listfile.py": EDGES | {"gateway.i18n"},
    "gateway/previewed.py": EDGES | {"gateway.replayed"},
    "gateway/suggest.py": EDGES | {"gateway.evidence.domain"},
    "gateway/archive.py": EDGES | {"gateway.settings", "sql.columns", "sql.schema"},
    "gateway/vitals/": EDGES
    | NOUNS
    | {
        "classifier.stored",
        "gateway.evidence.resolver",
        "gateway.gauges",
        "gateway.metrics",
        "gateway.observed",
        "gateway.relay.factory",
        "gateway.replayed",
        "gateway.settings",
        "gateway.statistics.sudden",
        "gateway.vitals",
        "sql.schema",
    },
    "gateway/smtpd/": EDGES
    | NOUNS
    | {
        "gateway.deadline",
        "gateway.metrics",
        "gateway.smtpd",
        "gateway.spool",
        "gateway.evidence",
        "gateway.relay.nexthop",
        "gateway.settings.listening",
    },
    "gateway/smtpd/worker.py": {"gateway.channel", "gateway.smtpd"},
    "gateway/submission/": EDGES
    | NOUNS
    | {
        "gateway.relay.connection",
        "gateway.relay.live",
        "gateway.relay.wire",
        "gateway.settings.sending",
        "gateway.smtpd",
        "gateway.spool",
        "gateway.submission",
    },
    "gateway/maillog/": {"gateway.maillog"},
    "gateway/courier.py": EDGES | NOUNS | {"gateway.relay.nexthop", "gateway.spool"},
    "gateway/sweep.py": EDGES | NOUNS | {"gateway.alive", "gateway.courier", "gateway.notice", "gateway.ourmail"},
    "gateway/statistics/": EDGES | {"gateway.evidence.domain", "gateway.i18n", "gateway.statistics"},
    "gateway/census.py": EDGES | NOUNS | {"gateway.courier", "gateway.statistics"},
    "gateway/systemd.py": set(),
    "gateway/channel.py": {"gateway.systemd"},
    "gateway/listeners.py": {"gateway.settings", "gateway.smtpd.backlog", "gateway.systemd"},
    "gateway/supervisor.py": {"gateway.channel"},
    "gateway/compose/": None,
    "gateway/processes.py": {
        "gateway.channel",
        "gateway.compose",
        "gateway.gauges",
        "gateway.logs",
        "gateway.metrics",
        "gateway.settings",
        "gateway.pupil",
        "gateway.smtpd.worker",
        "gateway.submission.arrival",
        "webui.serve",
    },
    "gateway/simulate/": EDGES
    | NOUNS
    | {
        "gateway.courier",
        "gateway.desk",
        "gateway.evidence",
        "gateway.relay.nexthop",
        "gateway.settings",
        "gateway.simulate",
        "gateway.smtpd",
        "gateway.spool",
        "gateway.sweep",
    },
    "gateway/demo/": EDGES | NOUNS | {"gateway.demo", "gateway.settings"},
    "gateway/cli/": None,
    "gateway/__main__.py": {"gateway.cli"},
    "sql/": {"sql"},
    "classifier/": {"classifier"},
    "webui/": EDGES
    | NOUNS
    | {
        "classifier.charset",
        "classifier.markup",
        "gateway.alerts.amiss",
        "gateway.approvals",
        "gateway.bulk",
        "gateway.campaign_words",
        "gateway.campaigns",
        "gateway.channel",
        "gateway.desk",
        "gateway.digest.links",
        "gateway.entries",
        "gateway.evidence.archive",
        "gateway.evidence.files",
        "gateway.expecting",
        "gateway.impact",
        "gateway.listfile",
        "gateway.people",
        "gateway.peek",
        "gateway.posting",
        "gateway.reviewing",
        "gateway.roster",
        "gateway.previewed",
        "gateway.settings",
        "gateway.siblings",
        "gateway.signin",
        "gateway.statistics",
        "gateway.together",
        "gateway.switching",
        "gateway.tokens",
        "gateway.tried",
        "gateway.undoing",
        "gateway.visible",
        "gateway.vitals",
        "webui",
    },
}

# All that a decision may be made with, besides the facts.
PURE = {
    "array",
    "binascii",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "email.message",
    "email.policy",
    "email.utils.format_datetime",
    "email.utils.parsedate_to_datetime",
    "enum",
    "functools.lru_cache",
    "hashlib",
    "hmac",
    "idna",
    "ipaddress",
    "itertools",
    "math",
    "re",
    "typing",
    "unicodedata",
}
IMPURE_CALLS = {"now", "utcnow", "today", "localtime", "formatdate", "make_msgid", "open", "print", "input", "uuid4"}
NOT_IN_PAGES = ("gateway.smtpd", "gateway.courier", "asyncio")


def is_within(name: str, allowed: Iterable[str]) -> bool:
    return any(name == one or name.startswith(one + ".") for one in allowed)


def part_of(name: str) -> str | None:
    """The key of MAY_IMPORT that a module falls under."""
    keys = [key for key in MAY_IMPORT if name == key or (key.endswith("/") and name.startswith(key))]
    return max(keys, key=len, default=None)


def ours(module: ast.Module) -> list[str]:
    return [name for name in imports(module) if name.partition(".")[0] in OURS]


def forbidden(name: str, module: ast.Module) -> list[str]:
    part = part_of(name)
    allowed = MAY_IMPORT[part] if part else set()
    return [] if allowed is None else [one for one in ours(module) if not is_within(one, allowed)]


def impure(module: ast.Module) -> list[str]:
    """What a module of the core imports or calls that is neither ours nor pure."""
    found = [name for name in imports(module) if not is_within(name, PURE | CORE)]
    for node in ast.walk(module):
        called = node.func if isinstance(node, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if name in IMPURE_CALLS:
            found.append(f"{name}()")
    return found


@pytest.mark.parametrize("name", modules(*PACKAGES))
def test_every_module_imports_only_what_its_part_may(name):
    assert part_of(name) is not None, f"say in MAY_IMPORT what {name} may import"
    assert forbidden(name, tree(name)) == []


@pytest.mark.parametrize("name", [*modules("gateway/model"), *modules("gateway/policy")])
def test_decisions_touch_nothing_outside(name):
    assert impure(tree(name)) == []


@pytest.mark.parametrize("name", modules(*PACKAGES, "tests"))
def test_imports_are_absolute(name):
    assert [one for one in imports(tree(name)) if one.startswith(".")] == []


def test_pages_never_reach_into_the_gateway():
    found = {name: [one for one in imports(tree(name)) if is_within(one, NOT_IN_PAGES)] for name in modules("webui")}
    assert {name: reached for name, reached in found.items() if reached} == {}


def test_every_part_that_is_ruled_exists():
    there = {part_of(name) for name in modules(*PACKAGES)}
    missing = set(MAY_IMPORT) - there
    assert missing <= {"classifier/", "webui/"}, "rules for what is gone"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import socket", ["socket"]),
        ("def f():\n    from random import random", ["random.random"]),
        ("from datetime import datetime\nx = datetime.now()", ["now()"]),
        ("import logging", ["logging"]),
        ("from email.utils import make_msgid", ["email.utils.make_msgid"]),
        ("from gateway.store import copies", ["gateway.store.copies"]),
        ("open('x')", ["open()"]),
        ("from datetime import datetime\nfrom gateway.policy import hold", []),
    ],
)
def test_the_check_of_the_core_sees_what_it_forbids(text, found):
    assert impure(ast.parse(text)) == found


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("webui/x.py", "from gateway.smtpd import door", ["gateway.smtpd.door"]),
        ("gateway/relay/x.py", "from gateway.policy import retry", ["gateway.policy.retry"]),
        ("gateway/store/x.py", "from gateway import clock", ["gateway.clock"]),
        ("classifier/x.py", "import gateway.model", ["gateway.model"]),
        ("gateway/policy/x.py", "from gateway.model import Peer", []),
        ("gateway/cli/x.py", "from gateway import compose", []),
    ],
)
def test_the_check_of_the_parts_sees_what_it_forbids(name, text, found):
    assert forbidden(name, ast.parse(text)) == found


def test_each_part_that_is_put_together_is_found_in_its_room():
    for name, room in compose.WHERE.items():
        assert getattr(import_module(f"gateway.compose.{room}"), name) is getattr(compose, name)
    assert sorted(compose.WHERE) == sorted(compose.__all__)
