"""/healthz and /readyz: what a machine may know that watches this one."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from gateway import metrics
from gateway.vitals import ready
from gateway.vitals.ready import Ready
from sql import schema
from tests.webui.conftest import Office


def running(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """These processes count."""
    processes = [ready.counted.Process(name, place, 1.0, 1) for place, name in enumerate(names)]
    monkeypatch.setattr(ready.counted, "processes", lambda told, now: processes)


def asked(office: Office) -> tuple[int, Any]:
    """Again where a busy machine did not answer in time: the answer is there at one of the next looks."""
    for _ in range(100):
        said = office.browser().get("/readyz")
        if "database" not in said.get_json()["missing"]:
            break
    return said.status_code, said.get_json()


def test_it_is_ready_when_everything_runs(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, *["smtpd"] * office.house.settings.smtp.workers, "courier", "pupil", "sweep")
    assert asked(office) == (200, {"ready": True, "missing": []})


def test_it_says_in_codes_what_is_missing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, *["smtpd"] * office.house.settings.smtp.workers, "pupil")
    assert asked(office) == (503, {"ready": False, "missing": ["courier", "sweep"]})


def test_a_database_that_is_away_or_old(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch, *["smtpd"] * office.house.settings.smtp.workers, "courier", "pupil", "sweep")
    away = create_engine(f"sqlite:///{tmp_path}/no/such.db")
    assert Ready(office.house.settings, away.connect).look() == ("database",)
    old = create_engine("sqlite://")
    assert Ready(office.house.settings, old.connect).look() == ("schema",)
    monkeypatch.setattr(schema, "newest", lambda: "9999")
    assert asked(office)[1]["missing"] == ["schema"]


def test_where_nothing_can_be_counted_it_says_that(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(folder: Path) -> Any:
        raise PermissionError

    monkeypatch.setattr(metrics, "registry", unreadable)
    metrics.folder_below(office.house.settings.storage.path).mkdir(parents=True, exist_ok=True)
    assert asked(office)[1]["missing"] == ["uncounted"]


def test_it_tells_nobody_where_anything_is(office: Office) -> None:
    said = office.browser().get("/readyz")
    assert "example" not in said.text
    assert str(office.house.settings.storage.path) not in said.text
    assert "Set-Cookie" not in said.headers
    assert office.browser().get("/healthz").text == "ok\n"
