"""Debian's Chromium at the pages of a running Greygate: what it says, what it asks for, and what axe finds."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.gate import Gate, free_port, until

CHROMIUM = shutil.which("chromium") or ""
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PASSWORD = "correct horse battery"
PATIENCE = 60_000  # milliseconds that whatever is awaited may take: a slow machine is not what is tested


def web(**more: Any) -> dict[str, dict[str, Any]]:
    """Settings of a gate with pages."""
    return {"web": {"enabled": True, "listen": f"127.0.0.1:{free_port()}", **more}}


@dataclass
class Desk:
    """One browser window at the pages. `said` is what the console had to complain of, `asked` where requests went."""

    base: str
    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda told: self.said.append(told.text) if told.type == "error" else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", self.close)

    def close(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def go(self, path: str) -> int:
        answer = self.page.goto(self.base + path)
        return int(answer.status)

    def accept(self, link: str) -> None:
        """Take an invitation, and be signed in."""
        self.page.goto(link)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.fill("input[name=again]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/security")

    def sign_in(self, name: str) -> None:
        self.go("/sign-in")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button[type=submit]")

    def violations(self) -> list[str]:
        """What axe finds on the page as it is now."""
        self.page.evaluate(AXE.read_text())
        options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}, "iframes": False})
        found = self.page.evaluate(f"axe.run(document, {options}).then(result => result.violations)")
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]

    @property
    def foreign(self) -> list[str]:
        """Requests that went anywhere but to the pages."""
        return [one for one in self.asked if not one.startswith((self.base, "data:"))]


def invitation(gate: Gate) -> str:
    """The link that `greygate up` printed."""
    written = re.compile(r"(http://\S+/invitation/\S+)\s")
    until(lambda: written.search(gate.log))
    return written.findall(gate.log)[-1]


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        made = tools.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=PATIENCE
        )
        yield made
        made.close()


def desk(chromium: Any, gate: Gate, **context: Any) -> Desk:
    """A window of its own, with nobody signed in."""
    made = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
    made.set_default_timeout(PATIENCE)
    made.set_default_navigation_timeout(PATIENCE)
    return Desk(f"http://{gate.settings['web']['listen']}", made.new_page())


def obstacles(window: Desk, paths: Iterable[str]) -> list[str]:
    """What axe finds, and what is wider than the window."""
    found = []
    for scheme in ("light", "dark"):
        window.page.emulate_media(color_scheme=scheme)
        for width in (1280, 390, 320):
            window.page.set_viewport_size({"width": width, "height": 800})
            for path in paths:
                assert window.go(path) == 200, path
                found += [f"{path} {scheme} {width}: {one}" for one in window.violations()]
                wide = window.page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                found += [f"{path} {width}: {wide} px wider than the window"] if wide > 0 else []
    window.page.set_viewport_size({"width": 1280, "height": 800})
    return found
