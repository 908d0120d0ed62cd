"""docs/settings.md is what the settings say of themselves."""

from pathlib import Path

from gateway.settings import defaults_markdown

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == defaults_markdown(), "run `make docs`"
