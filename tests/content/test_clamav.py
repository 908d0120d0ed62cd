"""A virus scanner over its socket: what it says, and that it holds up nobody when it says nothing."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.evidence.clamav import Clamd, NoScanner
from tests.conftest import need

MAIL = [b"Subject: x\r\n\r\n", b"y" * 600_000]


class Scripted:
    """A peer that speaks the protocol, and answers what the test says."""

    def __init__(self, answer: bytes, *, late: float = 0, stops: bool = False) -> None:
        self.answer = answer
        self.late = late
        self.stops = stops
        self.got = b""
        self.command = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.command = await reader.readuntil(b"\0")
            while not self.stops and (size := int.from_bytes(await reader.readexactly(4))):
                self.got += await reader.readexactly(size)
            await asyncio.sleep(self.late)
            writer.write(self.answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(peer: Scripted, folder: Path) -> AsyncIterator[str]:
    path = str(folder / "clamd.ctl")
    async with await asyncio.start_unix_server(peer.serve, path):
        yield path


@pytest.mark.parametrize(
    ("answer", "virus"),
    [
        (b"stream: OK\0", None),
        (b"stream: Eicar-Signature FOUND\0", "Eicar-Signature"),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", "Win.Test.EICAR_HDB-1"),
        (b"stream: a\x1b[31mb FOUND\0", "a[31mb"),
        (b"INSTREAM size limit exceeded. ERROR\0", None),
        (b"stream: FOUND\0", None),
        (b"\0", None),
        (b"", None),
        (b"stream: " + b"x" * 5000 + b" FOUND\0", None),
        (b"no end", None),
    ],
)
async def test_what_it_answers(answer, virus, tmp_path):
    peer = Scripted(answer)
    async with listening(peer, tmp_path) as place:
        assert await Clamd(place, 60).virus_in(MAIL) == virus
    assert peer.command == b"zINSTREAM\0"
    assert peer.got == b"".join(MAIL)


async def test_it_may_be_elsewhere():
    peer = Scripted(b"stream: Eicar-Signature FOUND\0")
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await Clamd(f"127.0.0.1:{port}", 60).virus_in(MAIL) == "Eicar-Signature"


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(lambda: Scripted(b"stream: Eicar FOUND\0", late=3600), id="it is late"),
        pytest.param(lambda: Scripted(b"", stops=True), id="it hangs up"),
    ],
)
async def test_what_it_does_not_say_in_time_is_no_opinion(peer: Callable[[], Scripted], tmp_path):
    made = peer()
    async with listening(made, tmp_path) as place:
        began = time.monotonic()
        assert await Clamd(place, 0.3).virus_in(MAIL) is None
        assert time.monotonic() - began < 60
        made.late = 0


async def test_a_scanner_that_is_down_is_no_opinion(tmp_path):
    assert await Clamd(str(tmp_path / "nobody"), 60).virus_in(MAIL) is None
    assert await Clamd("127.0.0.1:1", 60).virus_in(MAIL) is None
    assert await NoScanner().virus_in(MAIL) is None


async def test_the_real_one_says_what_a_scripted_one_does(tmp_path):
    """With a signature of our own, so that no database has to be fetched."""
    need(shutil.which("clamd") is not None, "clamd (apt-get install clamav-daemon)")
    data = tmp_path / "db"
    data.mkdir()
    (data / "own.ndb").write_text("Own.Test:0:*:" + b"greygate test virus".hex() + "\n")
    config = tmp_path / "clamd.conf"
    config.write_text(f"LocalSocket {tmp_path}/real.ctl\nDatabaseDirectory {data}\nForeground yes\n")
    process = await asyncio.create_subprocess_exec("clamd", "-c", str(config))
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "real.ctl").exists():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        scanner = Clamd(f"{tmp_path}/real.ctl", 60)
        assert await scanner.virus_in([b"Subject: x\r\n\r\ngreygate test virus\r\n"]) == "Own.Test.UNOFFICIAL"
        assert await scanner.virus_in(MAIL) is None
    finally:
        process.kill()
        await process.wait()
