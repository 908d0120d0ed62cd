"""The pages with other ways to sign in than a password of the house."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.settings.read import from_table
from gateway.signin.doors import doors
from tests.webui.conftest import Office, app_of


def opened_by(office: Office, folder: Path, web: dict[str, Any] | None = None, **sections: Any) -> Office:
    """The same office, with these sections in its settings."""
    table = {
        "domains": {"local": ["example.com", "other.example"]},
        "backend": {"url": "smtp://127.0.0.1:25"},
        "database": {"url": f"sqlite://{folder}/gate.db"},
        "storage": {"path": f"{folder}/storage", "reserve": "1MiB"},
        "dns": {"servers": ["127.0.0.1:9"], "timeout": "50ms"},
        "web": {"url": "http://localhost", **(web or {})},
        **sections,
    }
    settings = from_table(table, folder)
    office.house = replace(office.house, settings=settings, doors=doors(settings))
    office.app = app_of(office.house)
    return office
