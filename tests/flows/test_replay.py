"""Other settings about mail that was decided: the same settings change nothing, others change what they should."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway.store.engine import sync_engine
from gateway.tried import kept
from sql.tables import decision
from tests.gate import Gate, merged, rest, until, write_settings
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO, CY, BOSS = "ann@elsewhere.example", "bo@example.com", "cy@example.com", "boss@example.com"
PLAIN = {
    "recipients": {"verify": "list", "list": [BO, CY, BOSS]},
    "protection": {"overrides": {BOSS: "review-before"}},
    "greylist": {"wait": "1s"},
}


def draft_beside(gate: Gate, **differs: dict[str, Any]) -> Path:
    """The gate's settings with differences, as another file."""
    path = gate.folder / "draft.toml"
    base = {
        "smtp": {"listen": [f"127.0.0.1:{gate.port}"], "hostname": "gate.example.com"},
        "domains": {"local": ["example.com"]},
        "backend": {"url": gate.backend},
        "database": {"url": f"sqlite://{gate.folder}/gate.db"},
        "storage": {"path": f"{gate.folder}/storage"},
    }
    write_settings(path, merged(merged(base, PLAIN), differs))
    return path


def replay(gate: Gate, draft: Path, *more: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(gate.cli("replay", "--settings", str(draft), "--json", *more))
    return told


def written(gate: Gate) -> int:
    """How many decisions are kept: that is a moment after they were logged, with the answer."""
    with sqlite3.connect(gate.folder / "gate.db", timeout=60) as conn:
        return int(conn.execute("SELECT count(*) FROM decision").fetchone()[0])


def a_morning(gate: Gate, sink: Sink) -> None:
    """A bit of everything."""
    mail = message("First")
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    rest(1.5)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    rest(0.5)  # it is remembered
    assert deliver(gate.port, ANN, [BO], message("Second")).code == 250
    assert deliver(gate.port, "x@other.example", [BO], message("Early")).code == 451
    assert deliver(gate.port, "x@other.example", [BOSS], message("For the boss")).code == 250
    assert deliver(gate.port, ANN, ["nobody@example.com"], message()).code == 550
    assert deliver(gate.port, ANN, ["x@elsewhere.example"], message()).code == 550
    assert deliver(gate.port, "", [CY], message("Bounce")).code == 451
    with Talk(gate.port) as talk:  # another class in one transaction
        assert [one.code for one in talk.envelope("y@other.example", [CY, BOSS])] == [250, 250, 452]
        assert talk.data(message("To both")).code == 451
    until(lambda: gate.log.count("event=decision") >= 10)
    until(lambda: written(gate) == gate.log.count("event=decision"))


def test_the_same_settings_change_nothing(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(PLAIN)
    a_morning(gate, sink)
    told = replay(gate, draft_beside(gate))
    assert told["changes"] == []
    summary = told["summary"]
    assert (summary["changed"], summary["other_reason"]) == ({}, 0)
    assert summary["read"] >= 10
    assert sum(summary["not_replayed"].values()) == 1, "the one that came with another class"
    assert summary["same"] == summary["read"] - 1


def test_what_other_settings_change_is_told_mail_by_mail(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(PLAIN)
    a_morning(gate, sink)
    open_for_bo = draft_beside(gate, protection={"overrides": {BO: "off", BOSS: "review-before"}})
    told = replay(gate, open_for_bo)
    assert told["summary"]["changed"] == {"defer → accept": 2}
    assert {(one["sender"], one["was"], one["would"]) for one in told["changes"] if one["was"][:5] == "defer"} == {
        (ANN, "defer greylist.new", "accept level.off"),
        ("x@other.example", "defer greylist.new", "accept level.off"),
    }
    assert told["summary"]["other_reason"] == 2, "Ann's later mails pass for another reason"
    shown = gate.cli("replay", "--settings", str(open_for_bo))
    last = kept(gate.folder / "storage")
    assert last is not None
    assert (last.settings, last.counts) == (str(open_for_bo), told["summary"]["changed"])
    assert "2 of" in shown
    assert "level.off" in shown
    assert "defer → accept" in shown
    longer = draft_beside(gate, greylist={"wait": "1h"})
    assert replay(gate, longer)["summary"]["changed"] == {"accept → defer": 1}
    assert replay(gate, longer, "--to", "1h")["summary"]["read"] == 0


def test_records_from_before_are_counted_and_not_guessed_about(start: Callable[..., Gate]) -> None:
    gate = start(PLAIN)
    assert deliver(gate.port, ANN, [BO], message()).code == 451
    until(lambda: written(gate) == 1)
    engine = sync_engine(f"sqlite:///{gate.folder}/gate.db")
    with engine.begin() as conn:
        row = dict(conn.execute(select(decision)).mappings().one())
        old = row["facts"] | {"v": 1, "facts": {"level": "greylist"}}
        conn.execute(insert(decision).values({**row, "id": None, "facts": old}))
        conn.execute(insert(decision).values({**row, "id": None, "facts": {**row["facts"], "facts": {"rcpt": {}}}}))
    engine.dispose()
    summary = replay(gate, draft_beside(gate))["summary"]
    assert (summary["read"], summary["same"]) == (3, 1)
    assert sorted(summary["not_replayed"].values()) == [1, 1]
    assert any("earlier version" in why for why in summary["not_replayed"])


def test_more_than_a_page_is_read_once_each(start: Callable[..., Gate]) -> None:
    gate = start(PLAIN)
    assert deliver(gate.port, ANN, [BO], message()).code == 451
    until(lambda: written(gate) == 1)
    engine = sync_engine(f"sqlite:///{gate.folder}/gate.db")
    with engine.begin() as conn:
        row = dict(conn.execute(select(decision)).mappings().one())
        conn.execute(insert(decision), [{**row, "id": None} for _ in range(1200)])
        conn.execute(update(decision).values(at=row["at"]))
    engine.dispose()
    assert replay(gate, draft_beside(gate))["summary"]["same"] == 1201


@pytest.mark.parametrize("text", ["[greylist]\nwait = 'soon'\n", "no toml"])
def test_settings_with_errors_are_told(start: Callable[..., Gate], text: str) -> None:
    gate = start(PLAIN)
    path = gate.folder / "draft.toml"
    path.write_text(text)
    assert "these settings have errors" in gate.cli("replay", "--settings", str(path), check=False)


# ---- beside the settings in force ----------------------------------------------------------------------------------


def shadowed(start: Callable[..., Gate], folder: Path, draft: str) -> Gate:
    path = folder / "draft.toml"
    path.write_text(draft)
    protection = {**PLAIN["protection"], "mode": "shadow"}
    return start({**PLAIN, "protection": protection, "shadow": {"settings": str(path)}})


DRAFT = """
[domains]
local = ["example.com"]
[backend]
url = "smtp://127.0.0.1:25"
[protection]
level = "off"
"""


def test_a_draft_is_noted_beside_the_verdict_and_changes_nothing(
    start: Callable[..., Gate], sink: Sink, tmp_path: Path
) -> None:
    gate = shadowed(start, tmp_path, DRAFT)
    answer = deliver(gate.port, ANN, [BO], message())
    assert answer.code == 451
    assert deliver(gate.port, ANN, ["x@elsewhere.example"], message()).code == 550
    until(lambda: gate.log.count("event=decision") == 2)
    (line,) = (line for line in gate.log.splitlines() if answer.id in line and "event=decision" in line)
    assert 'shadow="accept level.off"' in line
    assert gate.log.count("shadow=") == 1, "where both say the same there is nothing to note"
    until(lambda: len(gate.why(answer.id)) == 1)
    assert gate.why(answer.id)[0]["facts"]["shadow"] == ["accept", "level.off"]
    told = json.loads(gate.cli("shadow", "report", "--json"))
    assert told["summary"]["changed"] == {"defer → accept": 1}
    assert [(one["id"], one["was"]) for one in told["changes"]] == [(answer.id, "defer greylist.new")]
    assert "defer → accept" in gate.cli("shadow", "report")
    assert sink.mails == []
    assert "in force" in gate.cli("check", str(gate.config))


def test_a_draft_with_errors_stops_no_mail_and_check_names_them(start: Callable[..., Gate], tmp_path: Path) -> None:
    gate = shadowed(start, tmp_path, DRAFT)
    (tmp_path / "draft.toml").write_text(DRAFT.replace('"off"', '"lukewarm"'))
    gate.kill("smtpd")
    until(lambda: gate.log.count("worker ready") == 2)
    assert deliver(gate.port, ANN, [BO], message()).code == 451
    assert "the draft of the settings cannot be used" in gate.log
    assert "shadow=" not in gate.log
    said = gate.cli("check", str(gate.config), check=False)
    assert "[shadow] settings" in said
    assert "lukewarm" in said
