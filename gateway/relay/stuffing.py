"""Dot-stuffing of message data (RFC 5321 4.5.2)."""

from collections.abc import Iterable, Iterator

PIECE = 65536  # bytes given to the network at a time


class DotStuffer:
    """Doubles each dot that opens a line, wherever the chunks happen to be cut."""

    def __init__(self) -> None:
        self._before = b"\r\n"  # the last two bytes; the message opens a line

    def feed(self, chunk: bytes) -> bytes:
        seen = self._before + chunk
        skip, self._before = len(self._before), seen[-2:]
        return seen.replace(b"\r\n.", b"\r\n..")[skip:]

    def finish(self) -> bytes:
        """The end of the data: the lone dot, on a line of its own."""
        return b".\r\n" if self._before == b"\r\n" else b"\r\n.\r\n"


def pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, no piece longer than PIECE."""
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]
