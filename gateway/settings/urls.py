"""The URLs of settings: where mail goes, and which database. Nothing is opened here, and no password is ever shown."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from gateway.settings.addresses import is_host, port_number
from gateway.settings.quantities import quoted

BACKEND_FORMS = "write smtp://host:port, lmtp://host:port, lmtp:///path/of/socket or maildir:///path"
DATABASE_FORMS = "write sqlite:///path/of/file or mysql://user:password@host:port/name"
HIDDEN = "the URL (not shown: it may hold a password)"
_SMTP_PORT = 25
_MYSQL_PORT = 3306


@dataclass(frozen=True, slots=True)
class BackendUrl:
    """Where mail is delivered: a host and port, or, without a host, the path of a socket or maildir."""

    scheme: Literal["smtp", "lmtp", "maildir"]
    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"{self.scheme}://{quote(str(self.path))}"
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Which database; str() masks the password, which is decoded here."""

    kind: Literal["sqlite", "mysql"]
    path: Path | None = None  # sqlite only; absolute
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = ""

    def __str__(self) -> str:
        if self.path is not None:
            return f"sqlite://{quote(str(self.path))}"
        mask = ":***" if self.password else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{quote(self.user)}{mask}@{host}:{self.port}/{quote(self.name)}"


def backend_url(value: object) -> BackendUrl:
    """The backend that a URL says; raises ValueError for other schemes and for parts that have no meaning here."""
    if isinstance(value, BackendUrl):
        return value
    text = _Text(value, HIDDEN if isinstance(value, str) and "@" in value else quoted(value), BACKEND_FORMS)
    parts = _split(text)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise text.wrong("says more than a host and a port or a path")
    match parts.scheme:
        case "smtp":
            return BackendUrl("smtp", *_place(text, parts, _SMTP_PORT))
        case "lmtp" if parts.netloc:
            return BackendUrl("lmtp", *_place(text, parts, None))
        case "lmtp":
            return BackendUrl("lmtp", path=_absolute(text, parts))
        case "maildir":
            return BackendUrl("maildir", path=_absolute(text, parts))
    raise text.wrong("is not where mail can go")


def database_url(value: object) -> DatabaseUrl:
    """The database that a URL says; raises ValueError, without the URL's password, for any other form."""
    if isinstance(value, DatabaseUrl):
        return value
    hidden = isinstance(value, str) and not value.startswith("sqlite:")
    text = _Text(value, HIDDEN if hidden else quoted(value), DATABASE_FORMS)
    parts = _split(text)
    if parts.query or parts.fragment:
        raise ValueError(f'{text.shown} holds a bare "?" or "#"; write %3F or %23 within a password')
    match parts.scheme:
        case "sqlite":
            return DatabaseUrl("sqlite", path=_absolute(text, parts))
        case "mysql":
            return _mysql(text, parts)
    raise text.wrong("is not a database of ours")


@dataclass(frozen=True, slots=True)
class _Text:
    """A URL as it was written, how problems show it, and what they propose."""

    value: object
    shown: str
    forms: str

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{self.shown} {what}; {self.forms}")


def _mysql(text: _Text, parts: SplitResult) -> DatabaseUrl:
    account, at, place = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    name = unquote(parts.path.removeprefix("/"))
    if not at or not user or not name or "/" in name:
        raise text.wrong("lacks a user, a host or a name")
    host, port = _host_and_port(text, place, _MYSQL_PORT)
    return DatabaseUrl("mysql", None, host, port, unquote(user), unquote(password), name)


def _split(text: _Text) -> SplitResult:
    value = text.value
    if not isinstance(value, str) or "://" not in value or not value.isprintable() or " " in value:
        raise text.wrong("is not a URL")
    try:
        return urlsplit(value)
    except ValueError:
        raise text.wrong("is not a URL") from None


def _place(text: _Text, parts: SplitResult, port: int | None) -> tuple[str, int]:
    if parts.path not in ("", "/"):
        raise text.wrong("has a path behind the host")
    return _host_and_port(text, parts.netloc, port)


def _host_and_port(text: _Text, netloc: str, default: int | None) -> tuple[str, int]:
    bare = netloc.endswith("]") or ":" not in netloc
    host, _, port = (netloc, "", "") if bare else netloc.rpartition(":")
    if not is_host(host):
        raise text.wrong("names no host")
    if bare and default is None:
        raise text.wrong("names no port")
    try:
        return host.strip("[]").lower(), default or 0 if bare else port_number(port)
    except ValueError:
        raise text.wrong("names no port from 1 to 65535") from None


def _absolute(text: _Text, parts: SplitResult) -> Path:
    """The absolute path of a URL; any number of leading slashes means the root."""
    path = unquote(parts.path)
    if parts.netloc or not path.strip("/") or "\0" in path or path.strip("/") == ":memory:":
        raise text.wrong("holds no absolute path of a file")
    return Path("/" + path.lstrip("/"))
