"""What the pages release reaches the backend as it came: byte for byte, with its envelope, and its signature holds."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import dkim
import pytest

from tests.evidence.signing import rsa_signer
from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import Talk
from tests.webui.browser import PASSWORD, invitation, web
from tests.webui.test_desk_in_browser import served

SENDER, BO, CY = "Ann.O'Neil+bills=7@Elsewhere.example", "bo@example.com", "Cy@example.com"
MAIL = (
    b"From: =?utf-8?q?Ann_=C3=96?= <ann@elsewhere.example>\r\nTo: bo@example.com\r\nsubject:   Two  blanks \r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <one@elsewhere.example>\r\nX-Folded: a\r\n\t b\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b".a dot\r\n..two\r\n.\r\nFrom the beginning \xc3\x96 \xff\x80\r\nblanks at the end   \t\r\n"
    + b"x" * 990
    + b"\r\n\r\n\r\n"
)


@dataclass
class Visitor:
    """Somebody with a browser without JavaScript."""

    base: str
    opener: OpenerDirector = field(default_factory=lambda: build_opener(HTTPCookieProcessor(CookieJar())))
    page: str = ""

    def go(self, path: str, **form: str) -> str:
        """Ask for a page, or send a form of the one that is shown."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.page)
        data = urlencode({"csrf": token[1] if token else "", **form}).encode() if form else None
        asked = Request(self.base + path, data, {"Origin": self.base, "Sec-Fetch-Site": "same-origin"})
        with self.opener.open(asked, timeout=60) as answer:
            self.page = answer.read().decode()
        return self.page


def admin_of(gate: Gate) -> Visitor:
    made = Visitor(f"http://{gate.settings['web']['listen']}")
    path = invitation(gate).removeprefix(made.base)
    made.go(path)
    made.go(path, password=PASSWORD, again=PASSWORD)
    return made


def signed(mail: bytes) -> tuple[bytes, Callable[..., bytes]]:
    """The mail with a signature on top that covers every byte as it is, and what DNS says of the key."""
    key = rsa_signer()
    made = dkim.sign(mail, b"sel", b"elsewhere.example", key.private, canonicalize=(b"simple", b"simple"))
    return made + mail, lambda name, timeout=5: key.record().encode()


@pytest.mark.parametrize("held", [True, False], ids=["ours", "its sender's"])
def test_a_release_is_what_came_with_its_envelope_and_its_signature(
    start: Callable[..., Gate], sink: Sink, database_url: str, held: bool
) -> None:
    level = {"protection": {"level": "review-before" if held else "greylist"}, "hold": {"reviewed": True}}
    gate = served(start({**level, "greylist": {"wait": "1h"}, "database": {"url": database_url}, **web(undo="0s")}))
    mail, dns = signed(MAIL)
    assert dkim.verify(mail, dnsfunc=dns)
    with Talk(gate.port) as talk:
        talk.say("EHLO mx.elsewhere.example")
        assert talk.say(f"MAIL FROM:<{SENDER}> BODY=8BITMIME RET=HDRS ENVID=QQ314").code == 250
        assert talk.say(f"RCPT TO:<{BO}> NOTIFY=FAILURE ORCPT=rfc822;robert@example.com").code == 250
        assert talk.say(f"RCPT TO:<{CY}>").code == 250
        assert talk.data(mail).code == (250 if held else 451)
    until(gate.queue)
    number = gate.queue()[0]["message"]
    admin = admin_of(gate)
    admin.go(f"/mail/{number}")
    assert "Released" in admin.go(f"/mail/{number}/decide", verb="release")
    until(lambda: sorted(to for one in sink.mails for to in one.rcpts) == [CY, BO])
    for one in sink.mails:
        assert one.below() == mail, "byte for byte, below our trace"
        assert dkim.verify(one.content, dnsfunc=dns), "with our trace on top its signature still holds"
        assert one.sender.startswith(f"FROM:<{SENDER}>")
        assert "BODY=8BITMIME" in one.sender
        assert {"RET=HDRS", "ENVID=QQ314"} <= set(one.sender.split())
    (to_bo,) = [to for one in sink.mails for to in one.recipients if BO in to]
    assert {"NOTIFY=FAILURE", "ORCPT=rfc822;robert@example.com"} <= set(to_bo.split())
