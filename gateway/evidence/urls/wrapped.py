"""Links behind links: what safe-link services, click counters and open redirects lead to, told from the link alone."""

import re
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from gateway.evidence.urls.canonical import LONGEST, Url, canonical
from gateway.evidence.urls.hosts import is_plain_name

DEEPEST = 5  # wrappers around one link
MOST_IN_ONE = 5  # links in the parameters of one
# Their links say nothing of the sender: whoever receives or forwards mail through them gets them all.
WRAPPERS = frozenset({
    "awstrack.me", "cudasvc.com", "clicktime.symantec.com", "cdn.ampproject.org", "duckduckgo.com", "fireeye.com",
    "l.facebook.com", "l.instagram.com", "linkprotect.cudasvc.com", "lm.facebook.com", "mimecast.com",
    "mimecastprotect.com", "out.reddit.com", "protect2.fireeye.com", "protection.sophos.com",
    "safelinks.protection.outlook.com", "safelinks.protection.office365.us", "secure-web.cisco.com",
    "slack-redir.net", "steamcommunity.com", "t.umblr.com", "translate.goog", "trendmicro.com", "urldefense.com",
    "urldefense.proofpoint.com", "urldefense.us", "vk.com", "web.archive.org",
})  # fmt: skip
# (end of the host, beginning of the path) of pages that only lead elsewhere, on hosts that do other things as well.
REDIRECTING = (
    ("bing.com", "/ck/"), ("google.com", "/url"), ("google.com", "/amp/"), ("linkedin.com", "/redir/"),
    ("linkedin.com", "/safety/"), ("yahoo.com", "/"), ("youtube.com", "/redirect"),
    ("medium.com", "/r/"), ("pinterest.com", "/offsite/"),
)  # fmt: skip
# Parameters that lead somewhere even when their value begins with a name.
LEADING = frozenset({"a", "d", "dest", "destination", "domain", "goto", "link", "redirect", "redirect_uri",
                     "redirect_url", "target", "to", "u", "url", "z"})  # fmt: skip
ABSOLUTE = re.compile(r"(?:https?:|ftp:)?[/\\]{2}[^/\\]", re.IGNORECASE)
INSIDE = re.compile(r"https?:[/\\]{1,2}[^/\\]", re.IGNORECASE)
ENCODED = re.compile(r"(?:a1)?(aHR0c[\w+/=-]{8,4000})")
HEX = re.compile(r"(?:68747470)(?:[0-9a-f]{2}){4,2000}", re.IGNORECASE)
OLD_PROOFPOINT = "urldefense.proofpoint.com"


def leads_to(url: Url) -> list[Url]:
    """The links that a link leads to, as far as itself says; with those there may be others that lead further."""
    found: list[Url] = []
    for written in written_in(url):
        target = canonical(written)
        if target is not None and target != url and target not in found:
            found.append(target)
    return found[:MOST_IN_ONE]


def is_wrapper(url: Url) -> bool:
    """True when a link stands for what it leads to, and for nothing else."""
    if is_below(url.host, WRAPPERS):
        return True
    return any(is_below(url.host, {host}) and url.path.startswith(path) for host, path in REDIRECTING)


def is_below(host: str, names: frozenset[str] | set[str]) -> bool:
    while host:
        if host in names:
            return True
        host = host.partition(".")[2]
    return False


def written_in(url: Url) -> Iterator[str]:
    for by_host in BY_HOST:
        yield from by_host(url)
    for name, value in url.query:
        yield from written_in_value(name.lower(), value)
    yield from written_in_path(url)
    yield from written_in_value("", unquote(url.fragment))


def written_in_value(name: str, value: str) -> Iterator[str]:
    """A value that is a link, perhaps encoded once more than it had to be."""
    value = value.strip()
    for _ in range(2):
        if ABSOLUTE.match(value):
            yield value if ":" in value[:6] else f"http:{value}"
            return
        if "%" not in value:
            break
        value = unquote(value)
    if decoded := readable_form(value):
        yield decoded
    elif name in LEADING and is_plain_name(re.split("[/?#:]", value, maxsplit=1)[0]):
        yield f"http://{value}"


def readable_form(value: str) -> str | None:
    """A link that was written in base64 or in hexadecimal digits."""
    if coded := ENCODED.match(value):
        text = coded[1].rstrip("=")
        text = text.replace("+", "-").replace("/", "_")
        text = text[: len(text) - 1] if len(text) % 4 == 1 else text
        try:
            return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
        except (Error, ValueError):
            return None
    if digits := HEX.match(value):
        return bytes.fromhex(digits[0]).decode("utf-8", "replace")
    return None


def written_in_path(url: Url) -> Iterator[str]:
    """What stands in the path as a whole link, as archives and some counters write it, or as a coded segment."""
    path = unquote(url.path)
    if inside := INSIDE.search(path, 1):
        rest = path[inside.start() :]
        query = "&".join(f"{name}={value}" for name, value in url.query)
        yield rest + (f"?{query}" if query and "?" not in rest else "")
    if "aHR0c" in path:
        for segment in path.split("/"):
            if coded := readable_form(segment):
                yield coded


# ---- services that write links in a way of their own ---------------------------------------------------------------


def proofpoint(url: Url) -> Iterator[str]:
    """Version 2 writes % as - and / as _; version 3 puts the link between two pairs of underscores."""
    if url.host == OLD_PROOFPOINT and url.path.startswith("/v2/"):
        for name, value in url.query:
            if name == "u":
                yield unquote(value.replace("-", "%").replace("_", "/"))
    elif url.path.startswith("/v3/__"):
        yield url.path[len("/v3/__") :].partition("__;")[0]


def accelerated(url: Url) -> Iterator[str]:
    """Pages that a search engine keeps: the host is a segment of the path."""
    kept = re.match(r"/(?:amp|c|v|i)(?:/s)?/([^/]{4,253})(/.*)?", url.path[:LONGEST], re.DOTALL)
    if kept and is_below(url.host, {"google.com", "cdn.ampproject.org"}) and is_plain_name(kept[1]):
        yield f"https://{kept[1]}{kept[2] or '/'}"


def translated(url: Url) -> Iterator[str]:
    """A page in another language: the dots of its name are hyphens, its hyphens two of them."""
    name, _, service = url.host.partition(".")
    if service == "translate.goog":
        yield f"https://{name.replace('--', chr(0)).replace('-', '.').replace(chr(0), '-')}{url.path}"


BY_HOST: tuple[Callable[[Url], Iterator[str]], ...] = (proofpoint, accelerated, translated)
