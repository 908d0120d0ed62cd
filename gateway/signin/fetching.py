"""All that is asked of an issuer: JSON, in a bounded time and size, encrypted, and nowhere that an answer sends us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext, create_default_context
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from gateway.signin.nouns import NoAnswer

LARGEST = 256 * 1024  # bytes of an answer
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass
class Fetcher:
    """Asks by HTTP. `who` is what people call the other side; `within` seconds for a whole answer."""

    who: str
    within: float
    ca_file: Path | None = None
    context: SSLContext | None = field(default=None, init=False)

    def get(self, url: str, token: str = "") -> Any:
        """What an address says, as JSON. Raises NoAnswer."""
        return self.asked("GET", url, headers={"Authorization": f"Bearer {token}"} if token else {})[1]

    def post(self, url: str, form: Mapping[str, str], auth: tuple[str, str] | None) -> tuple[int, Any]:
        """The status and what it says, as JSON. Raises NoAnswer."""
        return self.asked("POST", url, data=dict(form), auth=auth)

    def asked(self, method: str, url: str, **more: Any) -> tuple[int, Any]:
        if not is_safe(url):
            raise NoAnswer(self.who, f"{url} is not encrypted")
        headers = {"Accept": "application/json", **more.pop("headers", {})}
        until = monotonic() + self.within
        try:
            with (
                httpx.Client(verify=self.certificates(), timeout=self.within, trust_env=False) as client,
                client.stream(method, url, headers=headers, **more) as said,
            ):
                return said.status_code, self.read(said, method, url, until)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NoAnswer(self.who, f"{url}: {type(error).__name__}: {error}") from error

    def read(self, said: httpx.Response, method: str, url: str, until: float) -> Any:
        """Raises NoAnswer for what is no answer to this question, and ValueError for what is no JSON."""
        if said.status_code >= 500 or said.is_redirect or (method == "GET" and said.status_code != 200):
            raise NoAnswer(self.who, f"{url} says {said.status_code}")
        body = bytearray()
        for piece in said.iter_bytes():
            body += piece
            if len(body) > LARGEST or monotonic() > until:
                raise NoAnswer(self.who, f"{url} says too much, or too slowly")
        return httpx.Response(200, content=bytes(body)).json()

    def certificates(self) -> SSLContext:
        if self.context is None:
            self.context = create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        return self.context


def is_safe(url: str) -> bool:
    """Whether nobody on the way reads along."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    except ValueError:
        return False
