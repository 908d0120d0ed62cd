"""Final delivery into Maildirs."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.relay.maildir import MaildirHop, file_name
from gateway.relay.nexthop import AttemptEnd, Capabilities
from tests.relay.scripted import address, outgoing

DATA = b"Received: by us\r\nSubject: x\r\n\r\n.dot\r\n\xff\x00\r\n"
ANNA, BOB = "Anna@Here.Example", "bob@here.example"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_the_bytes_are_the_senders(tmp_path: Path) -> None:
    attempts = await MaildirHop(tmp_path).deliver(outgoing(ANNA, BOB, data=DATA, key="m1"))
    assert [(a.reply.code, a.end) for a in attempts] == [(250, AttemptEnd.ANSWERED)] * 2
    name = file_name("m1")
    assert files(tmp_path) == [f"anna@here.example/new/{name}", f"bob@here.example/new/{name}"]
    for file in files(tmp_path):
        assert (tmp_path / file).read_bytes() == b"Return-Path: <anna@there.example>\r\n" + DATA
        assert (tmp_path / file).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (tmp_path / "bob@here.example").iterdir()} == {"cur", "new", "tmp"}


async def test_the_null_sender(tmp_path: Path) -> None:
    await MaildirHop(tmp_path).deliver(outgoing(sender=None))
    assert (tmp_path / files(tmp_path)[0]).read_bytes().startswith(b"Return-Path: <>\r\nSubject")


async def test_a_sender_cannot_write_header_fields(tmp_path: Path) -> None:
    attempts = await MaildirHop(tmp_path).deliver(outgoing(sender="a\r\nX-Trust: yes\r\n@x"))
    assert str(attempts[0].reply)[:9] == "550 5.1.7"
    assert files(tmp_path) == []


@pytest.mark.parametrize("place", ["new", "cur", "cur:2,", "cur:2,S"])
async def test_one_key_is_one_file_wherever_a_reader_moved_it(tmp_path: Path, place: str) -> None:
    hop = MaildirHop(tmp_path)
    await hop.deliver(outgoing(BOB, key="m1"))
    folder, _, flags = place.partition(":")
    moved = tmp_path / BOB / folder / (file_name("m1") + (f":{flags}" if flags else ""))
    (tmp_path / BOB / "new" / file_name("m1")).rename(moved)
    assert (await hop.deliver(outgoing(BOB, key="m1", data=b"again\r\n")))[0].reply.code == 250
    assert files(tmp_path) == [str(moved.relative_to(tmp_path))]
    assert b"again" not in moved.read_bytes()


async def test_other_keys_and_no_keys_are_other_files(tmp_path: Path) -> None:
    hop = MaildirHop(tmp_path)
    for key in ("m1", "m2", None, None):
        await hop.deliver(outgoing(BOB, key=key))
    assert len(files(tmp_path)) == 4


@pytest.mark.parametrize(
    "raw",
    ["../../etc/passwd@x", "..@..", ".hidden@x", "a/b@x", "a\0b@x", "/etc/cron.d/x@x", "é\u2028@x", "x" * 300 + "@x"],
)
async def test_hostile_recipients_stay_below_the_root(tmp_path: Path, raw: str) -> None:
    root = tmp_path / "mail"
    attempts = await MaildirHop(root).deliver(outgoing(raw))
    assert attempts[0].reply.code == 250
    (found,) = files(tmp_path)
    assert found.count("/") == 3
    assert found.startswith("mail/")
    assert not found.startswith("mail/.")


@pytest.mark.parametrize(("number", "reply"), [(errno.ENOSPC, "452 4.3.1 "), (errno.EACCES, "451 4.3.0 ")])
@pytest.mark.parametrize("call", ["fsync", "mkdir", "rename"])
async def test_a_fault_of_the_disk_is_temporary_and_names_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, reply: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "fsync" else Path, call, fail)
        attempts = await MaildirHop(tmp_path).deliver(outgoing(BOB, key="m1"))
    assert str(attempts[0].reply).startswith(reply)
    assert attempts[0].end is AttemptEnd.ANSWERED
    assert str(tmp_path) not in attempts[0].reply.text
    assert files(tmp_path) == []
    assert (await MaildirHop(tmp_path).deliver(outgoing(BOB, key="m1")))[0].reply.code == 250


async def test_250_comes_after_file_and_folder_are_on_stable_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await MaildirHop(tmp_path).deliver(outgoing(BOB, key="m0"))
    new, steps = tmp_path / BOB / "new", []
    fsync, rename = os.fsync, Path.rename

    def noting_fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append("folder" if path == new else f"file of {path.stat().st_size}")
        fsync(descriptor)

    def noting_rename(path: Path, target: Path) -> None:
        steps.append("rename")
        rename(path, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    await MaildirHop(tmp_path).deliver(outgoing(BOB, key="m1", data=b"12345\r\n"))
    assert steps == ["file of 42", "rename", "folder"]
    steps.clear()
    await MaildirHop(tmp_path).deliver(outgoing(BOB, key="m1"))
    assert steps == ["folder"]  # it may have been a crash that came between


async def test_a_body_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.EIO, "body")

    mail = outgoing(BOB)
    attempts = await MaildirHop(tmp_path).deliver(type(mail)(mail.envelope, breaking, 4))
    assert attempts[0].reply.code == 451
    assert files(tmp_path) == []


async def test_it_takes_everybody_and_everything_but_dsn(tmp_path: Path) -> None:
    hop = MaildirHop(tmp_path)
    assert await hop.recipient_exists(address(BOB)) is True
    assert await hop.capabilities() == Capabilities(None, True, True, False)
    await hop.close()
