"""A slow machine takes its time to start a reader."""

import pytest

from gateway.evidence import content


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "READY_WITHIN", 60.0)
