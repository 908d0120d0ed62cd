"""Where the data of a message ends, and whether it is fit to be passed on (RFC 5321 2.3.8, 4.1.1.4, 4.5.2)."""

import re
from enum import StrEnum

_END = b"\r\n.\r\n"
_IMPURITY = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LENIENT_END = re.compile(rb"[\r\n]\0?\.\0?[\r\n]")
_STUFFED = re.compile(rb"\n\.(?=[^\n])")


class Defect(StrEnum):
    """Why data is not taken; the value is what the reply says."""

    BARE_CR = "bare CR"
    BARE_LF = "bare LF"
    NUL = "NUL"
    LINE_TOO_LONG = "line too long"
    TOO_BIG = "message too big"


_IMPURE = {b"\r": Defect.BARE_CR, b"\n": Defect.BARE_LF, b"\0": Defect.NUL}
_CLOSES_SESSION = frozenset(_IMPURE.values())


class DataReader:
    """Reads what follows DATA, cut into pieces anywhere, and holds back at most a few bytes of it.

    Sizes are in bytes. `max_size` and `size` count the payload (dots unstuffed, the last CRLF included), `max_line`
    one line of it without its CRLF. The payload up to the first defect is returned, nothing after it, but reading
    goes on to the end so that the peer gets a reply:

    - too big, line too long: `done` at the strict CRLF.CRLF; the session may go on with `rest`.
    - bare CR, bare LF, NUL: peer and we may disagree about the end, so the session must be closed after the reply,
      which is due at `done` or `ended_plausibly`. `rest` must then not be read as commands.

    With `normalise` bare newlines become CRLF and NUL is dropped instead of being defects; the end stays strict.
    """

    def __init__(self, *, max_size: int, max_line: int = 65535, normalise: bool = False) -> None:
        self.done = False
        self.rest = b""
        self.defect: Defect | None = None
        self.size = 0
        self.ended_plausibly = False
        self._max_size = max_size
        self._max_line = max_line
        self._normalise = normalise
        # The CRLF of the DATA command opens the first line (4.1.1.4): seen here, but never part of the payload.
        self._held = b"\r\n"
        self._skip = 2
        self._undecided = b""
        self._column = 0

    def feed(self, data: bytes) -> bytes:
        """The payload that became certain with `data`."""
        if self.done:
            self.rest += data
            return b""
        raw = self._held + data
        end = raw.find(_END)
        if end >= 0:
            self.done, self.rest = True, raw[end + len(_END) :]
        payload = b"" if self.defect else self._take(raw, end)
        if self.defect:
            self._skim(raw)
        return payload

    def _take(self, raw: bytes, end: int) -> bytes:
        cut = end + 2 if self.done else len(raw) - _undecided_length(raw)
        self._held = raw[cut:]
        if self._normalise:
            return self._admit(self._normalised(raw[:cut]))
        pure, impurity = _split_at_impurity(raw[:cut])
        payload = self._admit(pure.replace(b"\r\n.", b"\r\n"))
        self.defect = self.defect or impurity
        return payload

    def _normalised(self, raw: bytes) -> bytes:
        """`raw` with CRLF as its only newline and leading dots unstuffed, but for lines that are but a dot."""
        text = self._undecided + raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
        cut = len(text)
        if not self.done:
            cut -= 2 if text.endswith(b"\n.") else text.endswith(b"\n")
        self._undecided = text[cut:]
        return _STUFFED.sub(b"\n", text[:cut]).replace(b"\n", b"\r\n")

    def _admit(self, payload: bytes) -> bytes:
        """The part of `payload` that is within the limits."""
        if payload:
            payload, self._skip = payload[self._skip :], 0
        room = self._max_size - self.size
        fitting = self._fitting(payload)
        if room < len(payload) and room <= fitting:
            self.defect = Defect.TOO_BIG
        elif fitting < len(payload):
            self.defect = Defect.LINE_TOO_LONG
        payload = payload[: min(room, fitting)]
        self.size += len(payload)
        return payload

    def _fitting(self, payload: bytes) -> int:
        """How many bytes come before the first that makes its line too long."""
        start = -self._column  # of the line
        while len(payload) - start > self._max_line:
            newline = payload.rfind(b"\r\n", max(start, 0), start + self._max_line + 2)
            if newline < 0:
                return start + self._max_line
            start = newline + 2
        last = payload.rfind(b"\r\n")
        self._column = len(payload) - (last + 2 if last >= 0 else start)
        return len(payload)

    def _skim(self, raw: bytes) -> None:
        """Look for the end only."""
        self._held = raw[1 - len(_END) :]
        if self.defect in _CLOSES_SESSION and not self.ended_plausibly:
            self.ended_plausibly = b"." in raw and _LENIENT_END.search(raw) is not None


def _undecided_length(raw: bytes) -> int:
    """How many bytes at the end of `raw` may be the beginning of the end of data."""
    return next((n for n in range(len(_END) - 1, 0, -1) if raw.endswith(_END[:n])), 0)


def _split_at_impurity(raw: bytes) -> tuple[bytes, Defect | None]:
    """`raw` up to its first bare CR, bare LF or NUL, and which of them it is."""
    newlines = raw.count(b"\r\n")
    if newlines == raw.count(b"\n") == raw.count(b"\r") and b"\0" not in raw:
        return raw, None
    found = _IMPURITY.search(raw)
    assert found
    return raw[: found.start()], _IMPURE[found[0]]
