"""The certificate that peers are shown, taken anew when its files change. Sessions keep the one they began with."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from ssl import SSLContext

import structlog

log = structlog.get_logger()

LOOK_EVERY = 0.5  # seconds

Look = tuple[tuple[int, int, int] | None, ...]


class Certificate:
    """One TLS context for each listener: sessions of one are never resumed at another.

    `make` makes a context from the files; None when there is no certificate. Raises OSError (ssl.SSLError is one)
    when the first one cannot be made.
    """

    def __init__(self, files: Sequence[Path], make: Callable[[], SSLContext | None], listeners: int) -> None:
        self.files = files
        self.make = make
        self.tried = self.seen = self.look()
        self.contexts = [make() for _ in range(listeners)]

    def look(self) -> Look:
        """What tells one state of the files from another."""
        found: list[tuple[int, int, int] | None] = []
        for path in self.files:
            try:
                state = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((state.st_mtime_ns, state.st_ino, state.st_size))
        return tuple(found)

    async def follow(self) -> None:
        """Look at the files, for as long as the worker runs."""
        while self.files:
            await asyncio.sleep(LOOK_EVERY)
            self.renew()

    def renew(self) -> None:
        """Take what is new once it rests for one look: certificate and key are two files, written one by one."""
        seen, self.seen = self.seen, self.look()
        if self.seen == self.tried or self.seen != seen:
            return
        self.tried = self.seen
        try:
            fresh = [self.make() for _ in self.contexts]
        except OSError as error:
            log.error(
                "the new certificate cannot be used: the old one stays", file=str(self.files[0]), error=str(error)
            )
            return
        self.contexts[:] = fresh
        log.info("new certificate", file=str(self.files[0]))
