"""Prometheus' endpoint: what all processes of this machine have counted, at /metrics (text exposition format)."""

import asyncio
import socket
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import make_wsgi_app

from gateway import logs, metrics
from gateway.channel import Orders
from gateway.settings import Settings

log = structlog.get_logger()


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread for each scrape. The library's own asks DNS for our name before it listens, which may take minutes."""

    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # SIGHUP: the next listens, then this leaves
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class Server6(Server):
    address_family = socket.AF_INET6


class Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are nothing to tell of."""


def run(settings: Settings, channel: int | None = None) -> None:
    """Serve until told to stop, or until the supervisor is gone. Raises OSError when the address is taken."""
    listen = settings.metrics.listen
    assert listen is not None, "the caller has looked"
    logs.configure(settings.log.level, settings.log.format, "metrics")
    folder = metrics.folder_below(settings.storage.path)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def body() -> None:
        orders = Orders(None if channel is None else socket.socket(fileno=channel))
        kind = Server6 if ":" in listen.host else Server
        with make_server(listen.host, listen.port, make_wsgi_app(metrics.registry(folder)), kind, Handler) as server:
            threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
            log.info("metrics are served", at=str(listen))
            orders.ready()
            await orders.leave.wait()
            server.shutdown()

    asyncio.run(body())
