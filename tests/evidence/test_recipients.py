"""Who exists here: by list, by file, by asking the backend."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from gateway.evidence.recipients import CallOut, Listed
from gateway.model import Address
from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Talk, deliver, message

BO = Address("bo@example.com", "bo", "example.com")
CY = Address("Cy@example.com", "Cy", "example.com")


async def test_a_list_has_addresses_and_whole_domains(tmp_path: Path) -> None:
    file = tmp_path / "recipients"
    file.write_text("# ours\nbo@example.com\n\nnot an address\n")
    listed = Listed(["@example.org"], file)
    assert await listed.exists(BO) is True
    assert await listed.exists(CY) is False
    assert await listed.exists(Address("x@example.org", "x", "example.org")) is True


async def test_a_changed_file_is_read_again_and_a_missing_one_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "recipients"
    file.write_text("bo@example.com\n")
    listed = Listed([], file)
    assert await listed.exists(CY) is False
    file.write_text("bo@example.com\nCy@Example.com # new\n")
    assert await listed.exists(CY) is True
    file.unlink()
    assert await listed.exists(BO) is None


async def test_call_outs_are_remembered_and_shared() -> None:
    asked: list[str] = []

    async def ask(address: Address) -> bool | None:
        asked.append(address.key)
        await asyncio.sleep(0.05)
        return {"bo@example.com": True, "cy@example.com": False}.get(address.key)

    directory = CallOut(ask, timedelta(hours=1), timedelta(hours=1))
    assert await asyncio.gather(*(directory.exists(BO) for _ in range(10))) == [True] * 10
    assert await directory.exists(CY) is False
    assert await directory.exists(CY) is False
    assert asked == ["bo@example.com", "cy@example.com"]
    unknown = Address("who@example.com", "who", "example.com")
    assert await directory.exists(unknown) is None
    assert await directory.exists(unknown) is None
    assert asked.count("who@example.com") == 2, "not knowing is not remembered"


def test_the_backend_is_asked_before_anybody_is_greylisted(start: Callable[..., Gate], sink: Sink) -> None:
    sink.on["RCPT:nobody@example.com"] = b"550 5.1.1 no such user"
    sink.on["RCPT:busy@example.com"] = b"450 4.2.0 ask again"
    gate = start({"recipients": {"verify": "backend"}})
    with Talk(gate.port) as talk:
        answers = talk.envelope(
            "ann@elsewhere.example", ["nobody@example.com", "busy@example.com", "bo@example.com", "x@elsewhere.example"]
        )
    assert [answer.code for answer in answers] == [250, 550, 450, 250, 550]
    assert [answer.text[:5] for answer in answers[1:3]] == ["5.1.1", "4.1.1"]
    assert not any("elsewhere.example" in one for mail in sink.mails for one in mail.recipients)
    sink.close()
    with Talk(gate.port) as talk:
        answers = talk.envelope("ann@elsewhere.example", ["nobody@example.com", "new@example.com"])
    assert [answer.code for answer in answers] == [250, 550, 450], "a remembered no, and a directory that is down"


def test_a_listed_recipient_is_greylisted_and_delivered(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"recipients": {"verify": "list", "list": ["bo@example.com"]}})
    mail = message()
    assert deliver(gate.port, "ann@elsewhere.example", ["bo@example.com"], mail).code == 451
    assert deliver(gate.port, "ann@elsewhere.example", ["cy@example.com"], mail).code == 550
    rest(1.1)
    assert deliver(gate.port, "ann@elsewhere.example", ["BO@example.com"], mail).code == 250
    assert sink.mails[0].rcpts == ["BO@example.com"], "the address goes on as it was given"
