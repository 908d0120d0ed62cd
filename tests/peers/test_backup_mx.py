"""Postfix as a backup MX, with the settings that the page shows."""

import re
from pathlib import Path

import pytest

from tests.gate import Gate, free_port, running
from tests.house.source import ROOT
from tests.peers.conftest import need_postfix
from tests.peers.postfix import Postfix
from tests.sink import Sink
from tests.talk import Talk, message

PAGE = ROOT / "docs/howto/backup-mx.md"
HERE, EVIL = "127.0.6.1", "192.0.2.66"
LOCAL = {"domains": {"local": ["example.com", "example.org"]}, "hold": {"reviewed": True}}


def shown(number: int) -> dict[str, str]:
    """The settings of a block of main.cf on the page."""
    blocks = [text for text in re.findall(r"^```text\n(.*?)^```", PAGE.read_text(), flags=re.M | re.S) if " = " in text]
    return dict(line.split(" = ", 1) for line in blocks[number].replace(" =\n", " = \n").splitlines())


def backup_mx(folder: Path, gate_port: int, **more: str) -> Postfix:
    names = folder / "recipients"
    names.write_text("bo@example.com x\n")
    asked = {
        key: value.replace("/etc/postfix/recipients", str(names)).replace(
            "[mx.example.com]", f"[127.0.0.1]:{gate_port}"
        )
        for key, value in (shown(0) | more).items()
    }
    off = {"virtual_mailbox_domains": "", "virtual_mailbox_maps": "", "smtp_bind_address": HERE}
    return Postfix({**asked, **off, "myhostname": "mx2.example.com"})


def bring(server: Postfix, address: str, to: str) -> list[int]:
    """A mail that Postfix takes from that address; the codes of RCPT and of the data."""
    with Talk(server.port) as talk:
        talk.say("EHLO peer.example.net")
        assert talk.say(f"XCLIENT ADDR={address} NAME=[UNAVAILABLE]").code == 220
        answer = talk.envelope("ann@elsewhere.example", [to])[-1]
        return [answer.code, *([talk.data(message(to=to)).code] if answer.code == 250 else [])]


@pytest.mark.parametrize("asks", [False, True], ids=["a list of recipients", "asking"])
def test_a_backup_mx_brings_mail_at_once_and_its_hop_is_judged(tmp_path, asks):
    need_postfix()
    sink, port = Sink(), free_port()
    known = {"verify": "list", "list": ["bo@example.com"]}
    settings = {**LOCAL, "recipients": known, "smtp": {"relays": [HERE]}, "greylist": {"wait": "1h"}}
    server = backup_mx(tmp_path, port, **(shown(1) if asks else {}))
    with running(Gate(tmp_path, sink.url, settings, port=port)) as gate:
        gate.cli("known", "block", EVIL)
        try:
            server.start()
            assert bring(server, "192.0.2.7", "cy@example.com") == [550]
            assert bring(server, "192.0.2.7", "bo@example.com") == [250, 250]
            assert server.log_lines(r"to=<bo@example.com>.*status=sent"), server.log
            assert bring(server, EVIL, "bo@example.com") == [250, 250]
            assert server.log_lines(r"to=<bo@example.com>.*status=sent.*250 2.0.0 Accepted"), server.log
            assert not server.log_lines(r"status=(bounced|deferred)", within=0.1), server.log
        finally:
            server.remove()
        assert len(sink.mails) == 1
        (held,) = gate.queue()
        assert held["state"] == "held"
        why = gate.cli("queue", "why", "bo@example.com")
        assert "relay.spared" in why
        assert f"hop {EVIL}" in why
        assert "hop 192.0.2.7" in why
    sink.close()
