"""The pictures of docs/office.md, from the running program with made-up mail: `python -m tests.webui.screenshots`."""

import base64
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import deliver
from tests.webui.browser import Desk, browser, desk, web
from tests.webui.png import shrink
from tests.webui.test_desk_in_browser import served
from tests.webui.test_inside import PROGRAM, zipped

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
OLGA, EMIL = "olga@example.com", "emil@example.com"
LARGEST = 60 * 1024  # bytes of a picture
SETTINGS = {
    "protection": {"level": "greylist", "overrides": {OLGA: "review-before"}},
    "hold": {"reviewed": True},
    "greylist": {"wait": "5m"},
}


def mail(author: str, subject: str, html: str, files: dict[str, bytes] | None = None, to: str = OLGA) -> bytes:
    fields = (
        f"Received: from desk ([192.0.2.14]) by mail.{author.partition('@')[2].rstrip('>')} with ESMTPSA id 7h2;"
        f" {formatdate(time.time() - 31)}\r\n"
        f"From: {author}\r\nTo: Olga <{to}>\r\nSubject: {subject}\r\nDate: {formatdate(time.time() - 40)}\r\n"
        f"Message-ID: <{abs(hash(subject))}@elsewhere.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
    )
    parts = "".join(
        f'\r\n--x\r\nContent-Type: application/octet-stream; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{base64.encodebytes(data).decode()}'
        for name, data in (files or {}).items()
    )
    return (fields + html + parts.replace("\n", "\r\n").replace("\r\r", "\r") + "\r\n--x--\r\n").encode()


MAILS = (
    ("news@garden.example", "Garden Weekly <news@garden.example>", "Seeds for spring",
     "<p>Twelve seeds for a small balcony.</p>", None),
    ("billing@parcels.example", "Parcel Service <billing@parcels.example>", "Your parcel could not be delivered",
     "<p>Dear customer,</p><p>please open the attached form.</p>",
     {"form.zip": zipped("form.pdf.exe", "readme.txt"), "label.pdf": PROGRAM}),
    ("paul@joinery.example", "Paul Winter <paul@joinery.example>", "Offer for the new shelves",
     "<h3>Offer 1207</h3><p>Hello Olga,</p><p>as we said on the telephone: five shelves, oak, 1.80 m, for"
     " <b>1,140.00</b>. The drawing is at <a href='https://joinery.example/d/1207'>our page</a>.</p>"
     "<img src='https://joinery.example/pixel.png'><p>Kind regards<br>Paul Winter</p>", None),
)  # fmt: skip


def bring_mail(gate: Gate) -> None:
    for sender, author, subject, html, files in MAILS:
        assert deliver(gate.port, sender, [OLGA], mail(author, subject, html, files)).code == 250
    for sender, subject in (("info@museum.example", "Opening hours"), ("kim@choir.example", "Rehearsal on Monday")):
        text = mail(f"<{sender}>", subject, "<p>Hello</p>", to=EMIL)
        assert deliver(gate.port, sender, [EMIL], text).code == 451
    until(lambda: len(gate.queue()) == len(MAILS) + 2)


def signed_in(chromium: Any, gate: Gate, name: str, *invite: str, **context: Any) -> Desk:
    window = desk(chromium, gate, **context)
    window.accept(gate.cli("admin", "invite", name, *invite).strip().splitlines()[-1])
    return window


def shoot(window: Desk, name: str) -> None:
    window.page.wait_for_load_state("networkidle") if "held" not in window.page.url else window.page.wait_for_timeout(
        800
    )
    path = FOLDER / f"{name}.png"
    window.page.screenshot(path=path)
    shrink(path)
    print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size // 1024} KiB")
    assert path.stat().st_size <= LARGEST, f"{name} is too large for a page of text"


def take(chromium: Any, gate: Gate) -> None:
    bring_mail(gate)
    size = {"viewport": {"width": 1100, "height": 620}}
    olga = signed_in(chromium, gate, "olga", "--address", OLGA, "--address", EMIL, **size)
    emil = signed_in(chromium, gate, "emil", "--role", "approver:example.com")
    olga.go("/")
    shoot(olga, "today")
    emil.go("/held")
    olga.go("/held")
    olga.page.wait_for_selector("text=emil is looking at this")
    shoot(olga, "held")
    number = next(row["message"] for row in gate.queue() if row["sender"] == "billing@parcels.example")
    for name, path in (("files", f"/mail/{number}/files"), ("waiting", "/waiting"), ("protection", "/protection")):
        olga.go(path)
        shoot(olga, name)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    sink = Sink()
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        gate = Gate(Path(folder), sink.url, {**SETTINGS, **web()})
        try:
            take(chromium, served(gate.start()))
        finally:
            gate.stop()
            sink.close()


if __name__ == "__main__":
    sys.exit(main())
