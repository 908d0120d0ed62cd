"""Plays tests/dialogues/*.smtp: what a peer says, line by line, and how our answers begin.

# a comment                      settings: section.key = value (none: the usual house, where grey.example waits)
C: a line we send                S: how the next reply begins; of "250-X" any line of the reply
> a line that goes out with its neighbours, without waiting
wait: seconds                    closed: the gate has closed the connection
not offered: a word that the reply before does not have
extensions: what the backend offers     answer: COMMAND = what the backend answers
backend: the subject of a mail that arrived (empty: none did)      heard: what the backend was told
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import gate
from tests.smtpd.house import Houses, Settings, Witness, is_closed, usual
from tests.talk import Answer, Talk

FOLDER = Path(__file__).parent.parent / "dialogues"
DIALOGUES = sorted(FOLDER.glob("*.smtp"))
ABOUT = ("settings", "extensions", "answer", "backend", "heard")
STEPS = ("C", "S", ">", "wait", "closed", "not offered")


@dataclass
class Dialogue:
    steps: list[tuple[int, str, str]] = field(default_factory=list)
    about: dict[str, list[str]] = field(default_factory=lambda: {key: [] for key in ABOUT})

    @property
    def settings(self) -> Settings:
        made: Settings = {}
        for line in self.about["settings"]:
            name, _, value = line.partition("=")
            section, _, key = name.strip().partition(".")
            made.setdefault(section, {})[key] = tomllib.loads(f"value = {value}")["value"]
        return made


def read(file: Path) -> Dialogue:
    dialogue = Dialogue()
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        key, _, rest = (">", "", line[1:]) if line.startswith(">") else line.partition(":")
        rest = rest.removeprefix(" ")
        if key in ABOUT:
            dialogue.about[key].append(rest)
        else:
            assert key in STEPS, f"{file.name}:{number}: {line}"
            dialogue.steps.append((number, key, rest))
    return dialogue


def play(name: str, steps: list[tuple[int, str, str]], talk: Talk) -> None:
    """Raises AssertionError with the line that did not come true."""
    last = Answer(0, "")
    for number, key, rest in gathered(steps):
        where = f"{name}:{number}: {key}: {rest}"
        match key:
            case "C" | ">":
                talk.send(rest.encode() + b"\r\n")
            case "wait":
                gate.rest(float(rest))
            case "closed":
                assert is_closed(talk), where
            case "not offered":
                assert rest not in last.text.upper().split(), f"{where}\n{last}"
            case "S":
                last = talk.answer()
                assert begins(last, rest), f"{where}\n{last}"


def gathered(steps: list[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
    """Neighbours that go out together, as one."""
    held: tuple[int, str, str] | None = None
    for step in steps:
        if step[1] == ">" and held:
            held = (held[0], ">", f"{held[2]}\r\n{step[2]}")
        elif step[1] == ">":
            held = step
        else:
            if held:
                yield held
            held = None
            yield step
    if held:
        yield held


def begins(answer: Answer, wanted: str) -> bool:
    code, text = wanted[:3], wanted[4:]
    if str(answer.code) != code:
        return False
    lines = answer.text.split("\n")
    if wanted[3:4] == "-":
        return text in lines
    return lines[-1].startswith(text) if len(lines) > 1 else answer.text.startswith(text)


def answers(lines: list[str]) -> dict[str, Any]:
    return {command.strip(): said.strip().encode() for command, _, said in (line.partition("=") for line in lines)}


@pytest.mark.parametrize("file", DIALOGUES, ids=lambda file: file.stem)
def test_the_dialogue_goes_as_written(houses: Houses, file: Path) -> None:
    dialogue = read(file)
    offered = dialogue.about["extensions"]
    sink = Witness(extensions=tuple(offered[0].split(", "))) if offered else None
    house = houses.get(dialogue.settings, sink=sink) if dialogue.settings else usual(houses)
    house.sink.on.update(answers(dialogue.about["answer"]))
    with house.talk() as talk:
        talk.held = f"{talk.greeting.code} {talk.greeting.text}\r\n".encode() + talk.held
        play(file.name, dialogue.steps, talk)
    assert house.sink.subjects() == [subject for subject in dialogue.about["backend"] if subject]
    for wanted in dialogue.about["heard"]:
        assert any(wanted in line for line in house.sink.heard), f"{wanted!r} not in {house.sink.heard}"


def test_there_are_dialogues() -> None:
    assert len(DIALOGUES) >= 18
