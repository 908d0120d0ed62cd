"""One form for all the ways in which one link can be written. Nothing is fetched, no name is looked up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.evidence.urls.hosts import host_of, readable

LONGEST = 4096  # characters that are looked at
MOST_PARAMETERS = 50
MOST_SEGMENTS = 40
SCHEME = re.compile(r"(https?|ftp):", re.IGNORECASE)
AUTHORITY = re.compile(r"[^/?#]*")
PORT = re.compile(r":([0-9]{0,5})$")
USUAL_PORTS = {"http": 80, "https": 443, "ftp": 21}
# What only tells one reader or one mailing from another.
TRACKERS = frozenset({"_ga", "_gl", "_hsenc", "_hsmi", "_openstat", "cmpid", "dclid", "elqtrackid", "fbclid", "gbraid",
                      "gclid", "igshid", "irclickid", "mkt_tok", "msclkid", "ref_src", "s_cid", "spm", "vero_id",
                      "wbraid", "wickedid", "yclid"})  # fmt: skip
TRACKING = ("mc_", "oly_", "trk", "utm_")


@dataclass(frozen=True, slots=True)
class Url:
    """A link. `host` is in small A-labels or an address; `path` is decoded; `port` only where it is unusual."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: tuple[tuple[str, str], ...]  # without trackers, decoded
    fragment: str = ""

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        query = "&".join(f"{name}={value}" if value else name for name, value in self.query)
        return f"{self.scheme}://{self.host}{port}{self.path}" + (f"?{query}" if query else "")


def canonical(written: str) -> Url | None:
    """The link in its one form; None when it is none that leads to a host (mailto:, javascript:, a bare path)."""
    text = re.sub(r"[\t\r\n]", "", readable(written[:LONGEST])).strip()
    found = SCHEME.match(text)
    if found is None:
        return None
    scheme = found[1].lower()
    rest = text[found.end() :].replace("\\", "/").lstrip("/")
    match = AUTHORITY.match(rest)
    authority = match[0] if match else ""
    named = authority.rpartition("@")[2]
    port = PORT.search(named)
    host = host_of(named[: port.start()] if port else named)
    if host is None or ("." not in host and not host.startswith("[")):
        return None
    path, query, fragment = parts(rest[len(authority) :])
    number = int(port[1]) if port and port[1] else None
    unusual = None if number == USUAL_PORTS[scheme] else number
    return Url(scheme, host, unusual, without_dots(unquote(path)), tuple(parameters(query)), fragment)


def parts(rest: str) -> tuple[str, str, str]:
    """What follows the authority, as path, query and fragment."""
    rest, _, fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    return path, query, fragment


def without_dots(path: str) -> str:
    """The path without "." and ".." (RFC 3986 5.2.4), always with its leading slash."""
    kept: list[str] = []
    for segment in path.split("/", MOST_SEGMENTS)[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def parameters(query: str) -> Iterator[tuple[str, str]]:
    for pair in re.split("[&;]", query, maxsplit=MOST_PARAMETERS)[:MOST_PARAMETERS]:
        name, _, value = pair.partition("=")
        if name and not is_tracker(name.lower()):
            yield unquote(name.replace("+", " ")), unquote(value.replace("+", " "))


def is_tracker(name: str) -> bool:
    return name in TRACKERS or name.startswith(TRACKING)
