"""The mail server behind the gate: takes what it is given, and notes when and what."""

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from gateway.demo.company import DOMAIN


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mail as it arrived, for one recipient. `at` is in monotonic seconds."""

    at: float
    recipient: str
    data: bytes


class Backend:
    """A small SMTP server on a free port, in a thread of its own. `answer` is its reply to every mail."""

    def __init__(self, answer: str = "250 2.0.0 Thank you") -> None:
        self.said = answer
        self.receipts: list[Receipt] = []
        self.port = 0
        self.server: asyncio.Server | None = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(10)

    def stop(self) -> None:
        if self.thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.hang_up(), self.loop).result(10)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)
        self.loop.close()

    async def hang_up(self) -> None:
        """Close the door, and end the sessions that are still open."""
        if self.server is not None:
            self.server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def listen(self) -> None:
        self.server = await self.loop.create_server(self.session, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def session(self) -> SMTP:
        return SMTP(self, hostname=f"mailstore.{DOMAIN}", enable_SMTPUTF8=True, loop=self.loop)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.said.startswith("2"):
            data = bytes(envelope.original_content or b"")
            self.receipts += [Receipt(time.monotonic(), str(one), data) for one in envelope.rcpt_tos]
        return self.said
