"""Envelope commands as bytes; an address leaves exactly as it was validated (RFC 5321 4.1.2, RFC 3461, RFC 6531)."""

import re
from collections.abc import Mapping

from gateway.model import Address, MailParameters, Recipient
from gateway.relay.nexthop import Outgoing

PLAIN = rb'[^\x00-\x20\x7f<>"\\]'
PATH = re.compile(rb'(?:"(?:[^\x00-\x1f\x7f"\\]|\\[ -~])*"(?:@' + PLAIN + rb"+)?|" + PLAIN + rb"+)")
VALUE = re.compile(rb"[^\x00-\x20\x7f]+")

Offers = Mapping[str, str]  # EHLO keyword in capitals → its parameters


def path_bytes(address: Address | None, utf8: bool = False) -> bytes:
    """`<raw>`, or `<>` for None. Raises ValueError where a reader could see the path end elsewhere than it does.

    Blanks and angle brackets are only let through inside a quoted local part, quotes and backslashes only where they
    make one, controls nowhere. Without `utf8` only ASCII is (RFC 6531 3.2).
    """
    if address is None:
        return b"<>"
    raw = address.raw.encode("utf-8" if utf8 else "ascii")
    if not PATH.fullmatch(raw):
        raise ValueError("the address cannot be written as a path")
    return b"<" + raw + b">"


def _parameter(keyword: bytes, value: str, utf8: bool = False) -> bytes:
    raw = value.encode("utf-8" if utf8 else "ascii")
    if not VALUE.fullmatch(raw):
        raise ValueError(f"{keyword.decode()} cannot be written as a parameter")
    return b" " + keyword + b"=" + raw


def _dsn_parameters(parameters: MailParameters) -> bytes:
    ret = _parameter(b"RET", parameters.ret) if parameters.ret else b""
    return ret + (_parameter(b"ENVID", parameters.envid) if parameters.envid else b"")


def mail_command(mail: Outgoing, offers: Offers) -> bytes:
    """MAIL FROM with the parameters that the hop offers to understand. Raises ValueError as path_bytes does."""
    parameters = mail.envelope.parameters
    line = b"MAIL FROM:" + path_bytes(mail.envelope.sender, parameters.smtputf8)
    if "SIZE" in offers:
        line += b" SIZE=%d" % mail.size
    if parameters.body_8bit and "8BITMIME" in offers:
        line += b" BODY=8BITMIME"
    if parameters.smtputf8:
        line += b" SMTPUTF8"
    if "DSN" in offers:
        line += _dsn_parameters(parameters)
    return line + b"\r\n"


def rcpt_command(recipient: Recipient, offers: Offers, utf8: bool = False) -> bytes:
    """RCPT TO, with NOTIFY and ORCPT where the hop offers DSN. Raises ValueError as path_bytes does."""
    line = b"RCPT TO:" + path_bytes(recipient.address, utf8)
    if "DSN" in offers and recipient.notify:
        line += _parameter(b"NOTIFY", recipient.notify)
    if "DSN" in offers and recipient.orcpt:
        line += _parameter(b"ORCPT", recipient.orcpt, utf8)
    return line + b"\r\n"


def callout_commands(address: Address, offers: Offers) -> list[bytes]:
    """MAIL and RCPT that ask whether an address exists. Raises ValueError where the hop cannot be asked that."""
    utf8 = "SMTPUTF8" in offers and not address.raw.isascii()
    mail = b"MAIL FROM:<>" + (b" SMTPUTF8" if utf8 else b"")
    return [mail + b"\r\n", b"RCPT TO:" + path_bytes(address, utf8) + b"\r\n"]
