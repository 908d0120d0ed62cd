"""A backend that can be told how to behave, keeps every byte it got, and is deliberately lenient about line ends."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LENIENT_END = re.compile(rb"(?:\r\n|\n|\r)\.(?:\r\n|\n|\r)")


@dataclass(frozen=True)
class Mail:
    """A message as it came in: envelope commands as sent, data unstuffed is not done: raw wire bytes."""

    sender: str  # the whole argument of MAIL
    recipients: tuple[str, ...]  # the whole arguments of RCPT that were accepted
    data: bytes  # wire bytes between DATA and the end, still dot-stuffed
    commands: tuple[str, ...] = ()  # all commands of the connection so far

    @property
    def content(self) -> bytes:
        """The message, dots unstuffed."""
        return re.sub(rb"^\.(?=.)", b"", self.data, flags=re.MULTILINE)

    @property
    def rcpts(self) -> list[str]:
        return [one.partition("<")[2].partition(">")[0] for one in self.recipients]

    def below(self, marker: bytes = b"Received:") -> bytes:
        """The bytes below the trace fields that the gateway put on top."""
        lines = self.content.split(b"\r\n")
        index = 0
        ours = (b"greygate-verdict:", b"authentication-results:", b"received:", b"x-spam-flag:", b"return-path:")
        seen_received = False
        while index < len(lines):
            low = lines[index].lower()
            if low[:1] in (b" ", b"\t"):
                index += 1
                continue
            if not low.startswith(ours) or (low.startswith(b"received:") and seen_received):
                break
            seen_received = seen_received or low.startswith(b"received:")
            index += 1
        return b"\r\n".join(lines[index:])


Reply = bytes | None  # None: close without a word


@dataclass
class Sink:
    """`on` maps a command (EHLO, MAIL, RCPT:<address>, RCPT, DATA, .) to a reply or a function of the argument.

    `slow` sleeps before the reply to the final dot. `lmtp` answers once per recipient after the dot.
    """

    lmtp: bool = False
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 104857600", "DSN", "ENHANCEDSTATUSCODES")
    on: dict[str, Reply | Callable[[str], Reply]] = field(default_factory=dict)
    slow: float = 0.0
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.open: list[socket.socket] = []
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'lmtp' if self.lmtp else 'smtp'}://127.0.0.1:{self.port}"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut the open ones: the backend is down."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # closing alone lets a waiting accept take one more
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def subjects(self) -> list[str]:
        found = [re.search(rb"^Subject: (.*)\r$", mail.content, re.MULTILINE) for mail in self.mails]
        return [one[1].decode() if one else "" for one in found]

    def wait_for(self, count: int, within: float = 60.0) -> list[Mail]:
        deadline = time.monotonic() + within
        while len(self.mails) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return list(self.mails)

    def reply(self, command: str, argument: str, usual: bytes) -> Reply:
        address = argument.partition("<")[2].partition(">")[0]
        for key in (f"{command}:{address}", command):
            if key in self.on:
                told = self.on[key]
                return told(argument) if callable(told) else told
        return usual

    def serve(self, connection: socket.socket) -> None:
        try:
            Conversation(self, connection).run()
        except (OSError, ConnectionError):
            pass
        finally:
            connection.close()


class Conversation:
    def __init__(self, sink: Sink, connection: socket.socket) -> None:
        self.sink, self.connection, self.held = sink, connection, b""
        self.sender, self.recipients, self.commands = "", list[str](), list[str]()

    def say(self, reply: Reply) -> None:
        if reply is None:
            raise ConnectionError
        self.connection.sendall(reply + b"\r\n")

    def more(self) -> None:
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError
        self.held += data

    def line(self) -> str:
        while b"\n" not in self.held:
            self.more()
        line, _, self.held = self.held.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    def run(self) -> None:
        self.say(self.sink.reply("CONNECT", "", b"220 sink.example ESMTP"))
        while True:
            line = self.line()
            self.commands.append(line)
            verb, _, argument = line.partition(" ")
            self.obey(verb.upper(), argument)
            if verb.upper() == "QUIT":
                return

    def obey(self, verb: str, argument: str) -> None:
        sink = self.sink
        if verb in ("EHLO", "LHLO"):
            lines = ["sink.example", *sink.extensions]
            usual = "\r\n".join(f"250{'-' if one is not lines[-1] else ' '}{one}" for one in lines).encode()
            self.say(sink.reply(verb, argument, usual))
        elif verb == "MAIL":
            self.sender, self.recipients = argument, []
            self.say(sink.reply(verb, argument, b"250 2.1.0 ok"))
        elif verb == "RCPT":
            reply = sink.reply(verb, argument, b"250 2.1.5 ok")
            if reply and reply.startswith(b"2"):
                self.recipients.append(argument)
            self.say(reply)
        elif verb == "DATA":
            reply = sink.reply(verb, argument, b"354 go ahead")
            self.say(reply)
            if reply and reply.startswith(b"354"):
                self.receive()
        elif verb == "RSET":
            self.sender, self.recipients = "", []
            self.say(sink.reply(verb, argument, b"250 2.0.0 ok"))
        elif verb == "QUIT":
            self.say(b"221 2.0.0 bye")
        else:
            self.say(sink.reply(verb, argument, b"250 2.0.0 ok"))

    def receive(self) -> None:
        """Take anything for the end that a careless server would take."""
        self.held = b"\r\n" + self.held
        while not (end := LENIENT_END.search(self.held)):
            self.more()
        data, self.held = self.held[2 : end.start()], self.held[end.end() :]
        data = data + b"\r\n" if data else b""
        mail = Mail(self.sender, tuple(self.recipients), data, tuple(self.commands))
        time.sleep(self.sink.slow)
        replies = []
        for recipient in self.recipients if self.sink.lmtp else self.recipients[:1]:
            replies.append(self.sink.reply(".", recipient, b"250 2.0.0 taken"))
        if any(reply and reply.startswith(b"2") for reply in replies):
            with self.sink.lock:
                self.sink.mails.append(mail)
        for reply in replies:
            self.say(reply)
        self.sender, self.recipients = "", []
