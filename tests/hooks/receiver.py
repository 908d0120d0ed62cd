"""A place that is told: a web server on this machine that answers as the test says."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.body)["data"])

    @property
    def number(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`answer`: the status for what is told. While `holds` is cleared it answers nobody."""

    answer: Callable[[Told], int] = lambda _: 204
    told: list[Told] = field(default_factory=list)
    holds: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.holds.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                one = Told(self.path, {name.lower(): said for name, said in self.headers.items()}, body)
                outer.told.append(one)
                outer.holds.wait(60)
                self.send_response(outer.answer(one))
                self.send_header("Location", f"{outer.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *given: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.told]

    def close(self) -> None:
        self.holds.set()
        self.server.shutdown()
        self.server.server_close()
