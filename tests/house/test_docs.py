"""The docs say what is there: commands, settings, events, links."""

import ast
import re
from collections.abc import Iterator

import click
import pytest

from gateway.cli import main
from gateway.model import CopyState, DeliveryState, Level, Switch
from tests.house.source import ROOT, modules, tree

PAGES = sorted((ROOT / "docs").rglob("*.md"))
READMES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("*/README.md")), *ROOT.glob("*/*/README.md")]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in {*PAGES, *READMES}}
GENERATED = "docs/settings.md"
WANTED = (
    "docs/content.md",
    "docs/first-evening.md",
    "docs/flow.md",
    "docs/glossary.md",
    "docs/howto/backup-mx.md",
    "docs/howto/behind-a-proxy.md",
    "docs/howto/behind-postfix.md",
    "docs/howto/disaster.md",
    "docs/howto/expecting.md",
    "docs/howto/observe.md",
    "docs/howto/replay.md",
    "docs/howto/reports.md",
    "docs/howto/outbound.md",
    "docs/howto/shared.md",
    "docs/howto/sign-in.md",
    "docs/howto/systemd.md",
    "docs/howto/mariadb.md",
    "docs/log.md",
    "docs/metrics.md",
    "docs/reasons.md",
    "docs/settings.md",
    "docs/smtp.md",
)
RUN_BY_THE_SUPERVISOR = {"smtpd", "courier", "pupil", "sweep", "metrics"}


def prose(name: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", TEXTS[name], flags=re.MULTILINE | re.DOTALL)


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 90


@pytest.mark.parametrize("name", WANTED)
def test_the_page_exists_and_the_readme_or_another_page_leads_to_it(name):
    assert name in TEXTS
    assert any(name in targets(other) for other in TEXTS if other != name), f"nothing links to {name}"


# ---- links ---------------------------------------------------------------------------------------------------------

LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")


def links(name: str) -> Iterator[tuple[str, str]]:
    """The relative links of a page, as files from the root and anchors."""
    for target in LINK.findall(prose(name)):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            path = (ROOT / name).parent / file if file else ROOT / name
            yield path.resolve().relative_to(ROOT).as_posix(), anchor


def targets(name: str) -> set[str]:
    return {file for file, _ in links(name)}


def anchors(name: str) -> set[str]:
    """Headings as the web shows them in links."""
    headings = re.findall(r"^#+ (.+)$", prose(name), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_relative_link_leads_somewhere(name):
    for file, anchor in links(name):
        assert (ROOT / file).exists(), f"{name} links to {file}"
        assert not anchor or anchor in anchors(file), f"{name} links to #{anchor} of {file}"


# ---- commands ------------------------------------------------------------------------------------------------------


def commands(group: click.Group = main, before: str = "greygate") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        elif name not in RUN_BY_THE_SUPERVISOR:
            yield f"{before} {name}"


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_in_the_docs(command):
    everything = "\n".join(TEXTS.values())
    assert re.search(rf"{re.escape(command)}(?![\w-])", everything), f"no page shows `{command}`"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_command_in_the_docs_exists(name):
    shown = re.findall(r"(?:^|[`$ /])greygate ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?", code(name), flags=re.MULTILINE)
    for first, second in shown:
        command = main.get_command(click.Context(main), first)
        assert command is not None, f"{name} shows greygate {first}"
        if isinstance(command, click.Group):
            assert second in {"", *command.commands}, f"{name} shows greygate {first} {second}"


def code(name: str) -> str:
    """What a page shows to be typed: blocks of sh, lines of console behind the prompt, and inline code."""
    blocks = re.findall(r"^```(sh|console)\n(.*?)^```", TEXTS[name], flags=re.MULTILINE | re.DOTALL)
    lines = [line for kind, block in blocks for line in block.splitlines() if kind == "sh" or line.startswith("$ ")]
    return "\n".join([*lines, *re.findall(r"`([^`\n]+)`", prose(name))])


# ---- settings ------------------------------------------------------------------------------------------------------


def settings() -> set[tuple[str, str]]:
    """(section, key) of the generated page."""
    found, section = set(), ""
    for line in TEXTS[GENERATED].splitlines():
        if heading := re.fullmatch(r"## `\[+([a-z]+)\]+`", line):
            section = heading[1]
        elif row := re.match(r"\| `([a-z_]+)` \|", line):
            found.add((section, row[1]))
    return found


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {GENERATED}))
def test_every_setting_in_the_docs_exists(name):
    named = re.findall(r"`\[+([a-z]+)\]+ ([a-z_]+)", TEXTS[name])
    assert set(named) <= settings(), f"{name} names settings that do not exist"


# ---- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [*Level, *CopyState, *DeliveryState, *Switch])
def test_every_level_state_and_switch_is_in_the_glossary_or_the_flow(word):
    told = TEXTS["docs/glossary.md"] + TEXTS["docs/flow.md"]
    assert f"`{word}`" in told or f"`{word.replace('_', ' ')}`" in told


# ---- the log -------------------------------------------------------------------------------------------------------

LOGGING = {"debug", "info", "warning", "error", "exception"}


def events() -> set[tuple[str, frozenset[str]]]:
    """Every event that is logged with structlog, and its keys."""
    found = set()
    for name in modules("gateway"):
        module = tree(name)
        if "structlog" not in {alias.name for node in ast.walk(module) if isinstance(node, ast.Import)
                               for alias in node.names}:  # fmt: skip
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and is_log(node.func) and isinstance(node.args[0], ast.Constant):
                keys = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                found.add((str(node.args[0].value), keys))
    return found


def is_log(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in LOGGING:
        return False
    return isinstance(called.value, ast.Name) and called.value.id == "log"


@pytest.mark.parametrize(("event", "keys"), sorted(events(), key=lambda one: (one[0], sorted(one[1]))))
def test_every_event_of_the_log_is_on_its_page_with_its_keys(event, keys):
    lines = [line for line in TEXTS["docs/log.md"].splitlines() if f"`{event}`" in line]
    assert lines, f"docs/log.md lacks `{event}`"
    told = {word for line in lines for word in re.findall(r"`([a-z_]+)`", line)}
    assert keys <= told, f"docs/log.md does not name {sorted(keys - told)} of `{event}`"


# ---- folders -------------------------------------------------------------------------------------------------------

FOLDERS = sorted(path.parent for path in ROOT.glob("gateway/*/__init__.py"))


@pytest.mark.parametrize("folder", [*FOLDERS, ROOT / "sql", ROOT / "tests"], ids=lambda path: path.name)
def test_every_folder_tells_its_rule(folder):
    readme = folder / "README.md"
    assert readme.exists()
    assert len(readme.read_text(encoding="utf-8").split()) >= 25
