"""Many connections that do nothing, from a process of its own: `python -m tests.bench.crowd PORT COUNT KIND`.

KIND is where they stop: after "mail", after EHLO over "tls", or in the "tarpit": strangers whose RCPT is not answered.
Says "ready" once all are open (and how many have no reply to read), and ends when its input ends.
"""

import asyncio
import contextlib
import ssl
import sys

import uvloop

AT_ONCE = 50  # connections being opened at a time
REPLY_WITHIN = 60.0

BALANCERS = "127.128.0.0/9"  # where connections with a PROXY header come from
SETTLE = 3.0  # seconds in which a reply that is not held back would come


class Crowd:
    """The connections; they stay open for as long as this object lives."""

    def __init__(self, port: int, kind: str) -> None:
        self.port, self.kind = port, kind
        self.places = asyncio.Semaphore(AT_ONCE)
        self.open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    async def join(self, number: int) -> None:
        far = self.kind == "tarpit"
        place = f"{number // 250}.{number % 250}.1"  # each from a network of its own
        source = (f"127.{(128 if far else 1) + number // 250}.{number % 250}.1", 0)
        async with self.places, asyncio.timeout(REPLY_WITHIN):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=source, limit=4096)
            self.open.append((reader, writer))
            if far:
                writer.write(f"PROXY TCP4 11.{place} 127.0.0.1 4321 25\r\n".encode())
            await replied(reader)
            await say(reader, writer, "EHLO idle.example")
            if self.kind == "tls":
                await say(reader, writer, "STARTTLS")
                await writer.start_tls(self.context)
                await say(reader, writer, "EHLO idle.example")
                return
            await say(reader, writer, f"MAIL FROM:<idle{number}@elsewhere.example>")
            if far:
                writer.write(b"RCPT TO:<bo@example.com>\r\n")

    async def still_waiting(self) -> int:
        """How many are open and have no whole line to read: neither the reply they wait for nor a last word."""
        return sum([await is_waiting(reader) for reader, _ in self.open])


async def is_waiting(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0):
            await reader.readline()
    except TimeoutError:
        return True
    return False


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await replied(reader)


async def replied(reader: asyncio.StreamReader) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(b"2"):
            raise ConnectionError(f"not taken: {line!r}")
        if line[3:4] != b"-":
            return


async def main(port: int, count: int, kind: str) -> None:
    crowd = Crowd(port, kind)
    await asyncio.gather(*(crowd.join(number) for number in range(count)))
    await asyncio.sleep(SETTLE)
    print(f"ready {await crowd.still_waiting()}", flush=True)
    with contextlib.suppress(EOFError):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
