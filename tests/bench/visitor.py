"""Somebody at the pages: a real connection, a cookie, and how long the first byte takes."""

import http.client
import re
import time
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
NEEDED = re.compile(r"""<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)="([^"]+)\"""")
FROM_MODULES = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")
WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Answered:
    """What came: `seconds` to the first byte, `octets` as they travelled, and the text."""

    status: int
    seconds: float
    octets: int
    text: str
    where: str  # it leads to


@dataclass
class Visitor:
    address: str  # host:port
    name: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    line: http.client.HTTPConnection | None = None

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answered:
        """One request on a connection that stays, as a browser's."""
        said = {
            "Accept-Encoding": "gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        said |= headers
        body = None
        if form is not None:
            body = urlencode({"csrf": self.token, **form})
            said |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.address}"}
        for attempt in range(2):
            self.line = self.line or http.client.HTTPConnection(self.address, timeout=WITHIN)
            try:
                began = time.perf_counter()
                self.line.request("GET" if form is None else "POST", path, body, said)
                answer = self.line.getresponse()
                seconds = time.perf_counter() - began
                break
            except TimeoutError:
                self.close()
                return Answered(0, WITHIN, 0, "", "")
            except (http.client.RemoteDisconnected, ConnectionError):  # it was idle for too long
                self.close()
                if attempt:
                    raise
        octets = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        plain = zlib.decompress(octets, 31) if answer.headers.get("Content-Encoding") == "gzip" else octets
        text = plain.decode("utf-8", "replace")
        found = TOKEN.search(text)
        self.token = found[1] if found else self.token
        return Answered(answer.status, seconds, len(octets), text, answer.headers.get("Location", ""))

    def sign_in(self, name: str, password: str) -> None:
        told = self.ask("/sign-in", {"name": name, "password": password})
        assert told.status == 302, f"{name} may not sign in: {told.text}"
        self.name = name
        assert self.ask("/").status == 200

    def weight(self, path: str) -> dict[str, int]:
        """Octets of a page and of all that a browser fetches for it, by address."""
        found: dict[str, int] = {}
        left = [path]
        while left:
            here = left.pop()
            if here in found or here.startswith("data:"):
                continue
            told = self.ask(here)
            assert told.status == 200, f"{here}: {told.status}"
            found[here] = told.octets
            if here == path:
                left += [urljoin(path, one.replace("&amp;", "&")) for one in NEEDED.findall(told.text)]
            elif ".js" in here:
                left += [urljoin(here, one) for one in FROM_MODULES.findall(told.text)]
        return found

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None
