"""Next hops from URLs: smtp://host:port, lmtp://host:port, lmtp:///path/socket, maildir:///path (RFC 3986)."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.relay.connection import Endpoint
from gateway.relay.failover import FailOver
from gateway.relay.maildir import MaildirHop
from gateway.relay.nexthop import NextHop
from gateway.relay.pool import PoolLimits, SmtpHop
from gateway.relay.wire import TimeLimits

PORTS = {"smtp": 25, "lmtp": 24}
TLS_MODES = ("may", "require", "off")


def make_route(
    urls: Sequence[str],
    *,
    hostname: str,
    tls: str = "may",
    parallel: int = 20,
    times: TimeLimits | None = None,
    around: Callable[[NextHop, str], NextHop] = lambda hop, url: hop,
) -> NextHop:
    """The hop of one URL, or several tried in their order; `around` may put something around each.

    Raises ValueError with a sentence for the admin.
    """
    if not urls:
        raise ValueError("A route needs at least one next hop.")
    hops = [around(make_hop(url, hostname=hostname, tls=tls, parallel=parallel, times=times), url) for url in urls]
    return hops[0] if len(hops) == 1 else FailOver(hops)


def make_hop(
    url: str, *, hostname: str, tls: str = "may", parallel: int = 20, times: TimeLimits | None = None
) -> NextHop:
    """The next hop that a URL names. `hostname` is what we call ourselves. Raises ValueError with a sentence."""
    if tls not in TLS_MODES:
        raise ValueError(f"TLS towards a next hop is one of {', '.join(TLS_MODES)}, not {tls!r}.")
    if parallel < 1:
        raise ValueError("A next hop needs at least one connection.")
    if not hostname or not hostname.isascii() or not hostname.isprintable() or " " in hostname:
        raise ValueError(f"{hostname!r} cannot be said in EHLO; use this machine's name in ASCII.")
    parts = _split(url)
    if parts.scheme == "maildir":
        return MaildirHop(Path(_path(url, parts)))
    return SmtpHop(_endpoint(url, parts, hostname, tls), PoolLimits(parallel=parallel), times)


def make_endpoints(urls: Sequence[str], *, hostname: str, tls: str = "may") -> list[Endpoint]:
    """Where the hops of smtp:// URLs listen, in their order. Raises ValueError with a sentence."""
    return [_endpoint(url, _split(url), hostname, tls) for url in urls]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}.") from None
    if parts.scheme not in ("smtp", "lmtp", "maildir"):
        raise ValueError(f"{url!r} does not begin with smtp://, lmtp:// or maildir:///.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{url!r} has more than a host, a port or a path.")
    return parts


def _path(url: str, parts: SplitResult) -> str:
    path = unquote(parts.path)
    if parts.netloc or not path.strip("/") or "\0" in path:
        raise ValueError(f"{url!r} needs an absolute path after three slashes.")
    return path


def _endpoint(url: str, parts: SplitResult, hostname: str, tls: str) -> Endpoint:
    """A unix socket never leaves this machine, so it goes without TLS."""
    lmtp = parts.scheme == "lmtp"
    if lmtp and not parts.netloc:
        return Endpoint(hostname, socket=_path(url, parts), lmtp=True)
    host, port = _host(url, parts), _port(url, parts) or PORTS[parts.scheme]
    if parts.path not in ("", "/"):
        raise ValueError(f"{url!r} has a path after its host.")
    return Endpoint(hostname, host, port, lmtp=lmtp, tls=_context(tls), tls_required=tls == "require")


def _host(url: str, parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        host.encode("idna")
    except UnicodeError:
        host = ""
    if not host or not host.isprintable() or " " in host:
        raise ValueError(f"{url!r} names no host.")
    return host


def _port(url: str, parts: SplitResult) -> int | None:
    """None without one; 0 is no port."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{url!r} has a port that is no number between 1 and 65535.")
    return port


def _context(tls: str) -> ssl.SSLContext | None:
    if tls == "off":
        return None
    context = ssl.create_default_context()
    if tls == "may":  # whoever would read along could as well take STARTTLS away; so any certificate will do
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
