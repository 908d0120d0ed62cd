"""Metrics: on their page by their names, used by their names, and all their series have room from the start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import metrics
from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
CONTRIB = sorted((ROOT / "contrib" / "prometheus").glob("greygate.*"))
SUFFIX = re.compile(r"_(bucket|count|sum)$")


def test_every_metric_is_on_the_page_and_the_page_has_no_other():
    assert set(re.findall(r"`(greygate_\w+)`", PAGE)) == metrics.names()


@pytest.mark.parametrize("path", CONTRIB, ids=lambda path: path.name)
def test_rules_and_dashboard_use_metrics_that_exist(path):
    used = {SUFFIX.sub("", name) for name in re.findall(r"\bgreygate_\w+", path.read_text(encoding="utf-8"))}
    assert used
    assert used <= metrics.names()


FILL = """
import os, sys
from datetime import timedelta
from pathlib import Path
from gateway import metrics
from gateway.model import Action, ReasonCode
from gateway.store.vitals import STATES
folder = Path(sys.argv[1])
metrics.begin(folder, "smtpd")
before = {path: path.stat().st_size for path in folder.iterdir()}
for reason in ReasonCode:
    for action in Action:
        for stage in ("rcpt", "data"):
            metrics.decided(stage, action, reason)
for number in range(20):
    backend = f"smtp://backend-{number}.a-rather-long-name.example.com:2525"
    metrics.backend_is(backend, True)
    for by in ("smtpd", "courier"):
        metrics.attempted(by, backend, ("delivered", "deferred", "refused", "unreachable", "lost"), 1.0)
metrics.house_has(dict.fromkeys(map(str, STATES), 1), dict.fromkeys(map(str, STATES), timedelta(1)), 1, 1)
metrics.database_answered(1.0)
metrics.worker_has(1, 1, 1, 1, True)
assert len(before) == len(metrics.ROOM)
assert before == {path: path.stat().st_size for path in folder.iterdir()}, "a file grew, or another came"
assert all(path.stat().st_blocks * 512 >= path.stat().st_size for path in before), "room was not taken"
"""


def test_every_series_that_can_be_has_its_room_from_the_start(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
