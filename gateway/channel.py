"""What the supervisor and its processes tell each other: words of one byte over a socket pair.

The end of the pair is a word too: the other side is gone. A process that runs alone has no channel; it tells systemd.
"""

import asyncio
import contextlib
import signal
import socket
from dataclasses import dataclass, field

from gateway import systemd

# From a process to the supervisor.
READY = b"r"  # it does its work
REPLACE = b"a"  # somebody sent it SIGTERM: it goes on until there is another
# From the supervisor to a process.
LEAVE = b"l"  # there is another: take nothing new, end when nobody needs you
STAY = b"k"  # there is no other: it could not be started
STOP = b"s"  # everything stops: end soon


@dataclass
class Orders:
    """What a process has been told. `leave`: take nothing new and end; `hurry`: there is nobody to take over.

    Made inside the running loop; it listens to signals and to the supervisor until the loop ends.
    """

    channel: socket.socket | None
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: bool = False
    has_asked: bool = False

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.on_sigterm)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        if self.channel is not None:
            self.channel.setblocking(False)
            loop.add_reader(self.channel.fileno(), self.on_word)

    def ready(self) -> None:
        """Tell whoever waits for it that the work has begun."""
        self.is_ready = True
        if self.channel is not None:
            self.say(READY)
        else:
            systemd.tell("READY=1")
            if (interval := systemd.watchdog()) is not None:
                self.sign_of_life(asyncio.get_running_loop(), interval)

    def stop(self) -> None:
        if self.channel is None:
            systemd.tell("STOPPING=1")
        self.leave.set()
        self.hurry.set()

    def on_sigterm(self) -> None:
        """Ask to be replaced first; whoever says it twice, or has no supervisor to ask, means now."""
        if self.has_asked:
            self.on_word()  # that it was in vain may have arrived before this signal
        if self.channel is None or self.has_asked or not self.is_ready:
            return self.stop()
        self.has_asked = True
        return self.say(REPLACE)

    def on_word(self) -> None:
        assert self.channel is not None
        try:
            words = self.channel.recv(64)
        except BlockingIOError:
            return
        except OSError:  # reset: the supervisor died with a word of ours unread
            words = b""
        if not words:
            asyncio.get_running_loop().remove_reader(self.channel.fileno())
        if not words or STOP in words:
            self.stop()
        elif LEAVE in words:
            self.leave.set()
        elif STAY in words:
            self.has_asked = False

    def say(self, word: bytes) -> None:
        assert self.channel is not None
        with contextlib.suppress(OSError):  # then it is gone, and its end of the pair says so
            self.channel.send(word)

    def sign_of_life(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        systemd.tell("WATCHDOG=1")
        loop.call_later(interval, self.sign_of_life, loop, interval)
