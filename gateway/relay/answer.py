"""Reads what a next hop answers, and distrusts it (RFC 5321 4.2.1, RFC 3463)."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.model import Reply
from gateway.relay.wire import Broken

MAX_LINES = 128
MAX_BYTES = 65536  # of all lines together
MAX_TEXT = 450  # characters that are passed on: with code and id it is a line again (RFC 5321 4.5.3.1.5)

LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)")
NOT_TEXT = re.compile(rb"[^ -~]")


@dataclass(frozen=True, slots=True)
class Answer:
    """All lines of one reply, in printable ASCII, without the code."""

    code: int
    lines: tuple[str, ...]

    def as_reply(self) -> Reply:
        """As one line; the enhanced status code of the first line is split off, its repetitions are dropped."""
        found = ENHANCED.match(self.lines[0])
        enhanced = found[1] if found and found[1][0] == str(self.code)[0] else ""
        texts = (_without(enhanced, line) for line in self.lines)
        return Reply(self.code, enhanced, " ".join(filter(None, texts))[:MAX_TEXT].rstrip())


def _without(enhanced: str, line: str) -> str:
    found = ENHANCED.match(line)
    return line[found.end() :] if found and found[1] == enhanced else line


def parse_line(line: bytes) -> tuple[int, bool, str]:
    """Code, whether more lines follow, text. Raises Broken for anything that is no reply line."""
    found = LINE.fullmatch(line)
    if not found:
        raise Broken(f"no SMTP reply: {line[:40]!r}")
    code, mark, text = found.groups()
    return int(code), mark == b"-", NOT_TEXT.sub(b"?", text or b"").decode("ascii")


async def read_answer(next_line: Callable[[], Awaitable[bytes]]) -> Answer:
    """One reply of any number of lines. Raises Broken beyond the limits or when the lines contradict each other."""
    codes: set[int] = set()
    lines: list[str] = []
    more, total = True, 0
    while more:
        raw = await next_line()
        code, more, text = parse_line(raw)
        codes.add(code)
        lines.append(text)
        total += len(raw)
        if len(codes) > 1 or len(lines) > MAX_LINES or total > MAX_BYTES:
            raise Broken("reply too long or in two minds")
    return Answer(code, tuple(lines))
