"""docs/settings.md is what the settings say of themselves, and each of them is asked for somewhere."""

import re
from pathlib import Path

import pytest

from gateway.settings import Settings, defaults_markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"
PROGRAM = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("gateway", "webui")
    for path in (ROOT / folder).rglob("*.py")
    if path.parent.name != "settings" or path.name in ("schema.py", "listening.py")  # where one is read through another
)
NAMES = sorted(
    f"{section}.{key}"
    for section, field in Settings.model_fields.items()
    for key in getattr(field.annotation, "model_fields", ())
)


def test_the_page_of_settings_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == defaults_markdown(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_an_effect(name: str) -> None:
    """A key that nothing reads would be a promise that nobody keeps; looked for by its last word."""
    assert re.search(rf"\.{name.rpartition('.')[2]}\b", PROGRAM), f"nothing reads [{name.replace('.', '] ')}"
