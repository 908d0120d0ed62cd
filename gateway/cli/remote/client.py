"""The way to a gateway elsewhere: its API, with a token from a file that nobody else can read."""

import http.client
import json
import os
import re
import ssl
import stat
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

FILE_OF_TOKEN = "GREYGATE_TOKEN_FILE"  # noqa: S105  (the name of a variable)
USUAL_PLACE = Path("~/.config/greygate/token")
SHAPE = re.compile(r"gg_[A-Za-z0-9_-]{43}", re.ASCII)
WITHIN = 60  # seconds
TRIES = 3  # a call that changes something has a key, so that it may be made again
MOST_WAITED = 10  # seconds
A_PAGE = 200


@dataclass(eq=False)
class Refused(Exception):
    """The gateway said no: `kind` as its docs call it, `told` the whole problem."""

    status: int
    kind: str
    told: Mapping[str, Any]

    @property
    def words(self) -> str:
        wrong = [
            f"{one.get('parameter') or one.get('pointer', '')}: {one['detail']}" for one in self.told.get("errors", ())
        ]
        said = [str(self.told.get("detail") or self.told.get("title") or f"it answered {self.status}"), *wrong]
        return "\n".join(said).rstrip(".")


@dataclass(frozen=True)
class Place:
    """Where a gateway is."""

    host: str
    port: int | None
    path: str
    is_safe: bool


def place_of(url: str) -> Place:
    """Raises click.UsageError: nothing is sent where others could read it on the way."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise click.UsageError(f"--api {url}: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise click.UsageError(f"--api takes an address such as https://gate.example.com, not {url}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise click.UsageError(f"--api {url}: a token goes over https only, or over http to this machine itself")
    return Place(parts.hostname, port, parts.path.rstrip("/"), parts.scheme == "https")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def token() -> str:
    """Raises click.ClickException."""
    named = os.environ.get(FILE_OF_TOKEN)
    path = Path(named) if named else USUAL_PLACE.expanduser()
    try:
        with open(path, encoding="ascii") as file:
            told = os.fstat(file.fileno())
            said = file.read(200).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise click.ClickException(
            f"the token cannot be read from {path}: {why}. Make one on the page “How you sign in”"
        ) from error
    if not stat.S_ISREG(told.st_mode) or told.st_mode & 0o077:
        raise click.ClickException(f"others can read {path}: chmod 600 {path}")
    if not SHAPE.fullmatch(said):
        raise click.ClickException(f"there is no token in {path}: it begins with gg_ and has 46 characters")
    return said


class Api:
    """One gateway. Raises click.ClickException where it cannot be reached, and Refused where it says no."""

    def __init__(self, url: str) -> None:
        self.place, self.url, self.token = place_of(url), url, token()

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.ask("GET", path, query))

    def raw(self, path: str, **query: Any) -> bytes:
        return self.ask("GET", path, query)

    def rows(self, path: str, most: int, **query: Any) -> Iterator[dict[str, Any]]:
        """Of a list, page after page."""
        after: str | None = None
        while most > 0:
            page = self.get(path, limit=min(most, A_PAGE), after=after, **query)
            yield from page["items"][:most]
            most -= len(page["items"])
            after = page["next"]
            if after is None:
                return

    def change(self, method: str, path: str, body: Any = None) -> Any:
        octets = self.ask(method, path, {}, body, str(uuid.uuid4()))
        return json.loads(octets) if octets else None

    def ask(self, method: str, path: str, query: Mapping[str, Any], body: Any = None, key: str = "") -> bytes:
        """A call that breaks on the way is made again, once or twice: it happens once."""
        for left in reversed(range(TRIES)):
            try:
                status, kind, wait, octets = self.call(method, path, query, body, key)
            except ssl.SSLCertVerificationError as error:
                raise click.ClickException(f"{self.url} does not prove who it is: {error.verify_message}") from error
            except (OSError, http.client.HTTPException) as error:
                if left:
                    continue
                raise click.ClickException(f"{self.url} cannot be reached: {error}") from error
            if status < 300:
                return octets
            refused = refusal(status, kind, octets)
            if refused.kind != "still-running" or not left:
                raise refused
            time.sleep(min(wait, MOST_WAITED))
        raise AssertionError("the last try returns or raises")

    def call(
        self, method: str, path: str, query: Mapping[str, Any], body: Any, key: str
    ) -> tuple[int, str, int, bytes]:
        said = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        target = f"{self.place.path}/api/v1{path}" + (f"?{said}" if said else "")
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", "User-Agent": "greygate"}
        octets = None
        if body is not None:
            octets, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if key:
            headers["Idempotency-Key"] = f'"{key}"'
        line = self.connection()
        try:
            line.request(method, target, octets, headers)
            answer = line.getresponse()
            wait = answer.headers.get("Retry-After", "1")
            kind = answer.headers.get_content_type()
            return answer.status, kind, int(wait) if wait.isdecimal() else 1, answer.read()
        finally:
            line.close()

    def connection(self) -> http.client.HTTPConnection:
        """Redirects are not followed: what they lead to is not what was named."""
        where, port = self.place, self.place.port
        if where.is_safe:
            return http.client.HTTPSConnection(where.host, port, timeout=WITHIN, context=ssl.create_default_context())
        return http.client.HTTPConnection(where.host, port, timeout=WITHIN)


def refusal(status: int, kind: str, octets: bytes) -> Refused:
    try:
        told = json.loads(octets) if kind == "application/problem+json" else {}
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    return Refused(status, str(told.get("type", "")).rpartition("#")[2], told)


def in_path(part: object) -> str:
    return quote(str(part), safe="@")
