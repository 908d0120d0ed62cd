"""The fields we put on top: Received (RFC 5321 4.4), Authentication-Results (RFC 8601), our verdict, the Junk tag."""

import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from gateway.model import Action, Authentication, AuthResult, Envelope, Peer, Spf, Verdict

VERDICT_FIELD = "Greygate-Verdict"
MAX_TEXT = 255
MOST_CODES = 30  # in one field; a line has 998 bytes
UNPRINTABLE = re.compile(r"[^\x21-\x7e]|[()\\<>;]")


def printable(text: str) -> str:
    """Sender-controlled text made safe for a trace field: printable ASCII without comment signs, at most 255."""
    return UNPRINTABLE.sub("?", text)[:MAX_TEXT] or "unknown"


def protocol(peer: Peer, *, smtputf8: bool) -> str:
    """The `with` clause: SMTP, ESMTP, ESMTPS, UTF8SMTP, UTF8SMTPS (RFC 3848, RFC 6531 3.7.3)."""
    if not peer.esmtp:
        return "SMTP"
    return ("UTF8SMTP" if smtputf8 else "ESMTP") + ("S" if peer.tls else "")


def literal(peer: Peer) -> str:
    return f"[IPv6:{peer.address}]" if peer.address.version == 6 else f"[{peer.address}]"


def received(peer: Peer, envelope: Envelope, hostname: str, message_id: str, now: datetime) -> str:
    """The Received field. It names the recipient only when there is one: a second one may be a blind copy."""
    named = ""
    if len(envelope.recipients) == 1:
        named = f"\r\n\tfor <{envelope.recipients[0].address.raw}>"
    if not named.isascii() and not envelope.parameters.smtputf8:
        named = ""
    name = printable(peer.name) if peer.name else "unknown"
    return (
        f"Received: from {printable(peer.helo)} ({name} {literal(peer)})\r\n"
        f"\tby {hostname} with {protocol(peer, smtputf8=envelope.parameters.smtputf8)} id {message_id}{named};\r\n"
        f"\t{written(now.replace(microsecond=0))}\r\n"
    )


@lru_cache(16)
def written(second: datetime) -> str:
    """A moment as mail has it: many mails share one."""
    return format_datetime(second)


def authentication_results(
    hostname: str, spf: Spf | None, authentication: Authentication, *, null_sender: bool, author_domain: str
) -> str:
    """What we found out about who it is from (RFC 8601 2.2); what was not looked at is not named."""
    found = [f"dkim={one.result} header.d={printable(one.domain)}" for one in authentication.signatures]
    if spf is not None:
        found.insert(0, f"spf={spf.result} smtp.{'helo' if null_sender else 'mailfrom'}={printable(spf.domain)}")
    if authentication.dmarc is not None:
        asked = f" (p={authentication.dmarc.policy})" if authentication.dmarc.result is not AuthResult.NONE else ""
        found.append(f"dmarc={authentication.dmarc.result}{asked} header.from={printable(author_domain)}")
    if authentication.arc is not None:
        found.append(f"arc={authentication.arc.result}")
    return f"Authentication-Results: {hostname};\r\n\t" + ";\r\n\t".join(found or ["none"]) + "\r\n"


def signed_verdict(verdict: Verdict, message_id: str, whole: str, now: datetime, key: bytes) -> str:
    """Our verdict for the backend: codes and no names, bound to this very message by HMAC-SHA256.

    `h` is the SHA-256 of the message without trace fields; a rule at the backend that trusts the field checks `s`
    over everything before it.
    """
    action = "junk" if verdict.junk else ("accept" if verdict.action is Action.ACCEPT else str(verdict.action))
    codes = ",".join([*dict.fromkeys(reason.code for reason in verdict.reasons)][:MOST_CODES])
    signed = f"v=1; i={message_id}; a={action}; r={codes}; t={int(now.timestamp())}; h={whole}"
    signature = hmac.digest(key, signed.encode("ascii"), "sha256").hex()
    folded = signed.replace("; h=", ";\r\n\th=")
    return f"{VERDICT_FIELD}: {folded};\r\n\ts={signature}\r\n"


def verify(field_value: str, key: bytes) -> bool:
    """True when a verdict field (without its name) was signed with `key`."""
    unfolded = " ".join(field_value.split())
    signed, _, signature = unfolded.rpartition("; s=")
    expected = hmac.digest(key, signed.encode("ascii", "replace"), "sha256").hex()
    return hmac.compare_digest(expected.encode(), signature.strip().encode("ascii", "replace"))


def delivery_fields(
    verdicts: Sequence[Verdict], message_id: str, whole: str, now: datetime, key: bytes, junk_header: str
) -> str:
    """What goes on top of the Received field: the verdict, and the Junk tag where somebody's verdict asks for it."""
    junk = next((verdict for verdict in verdicts if verdict.junk), None)
    fields = signed_verdict(junk or verdicts[0], message_id, whole, now, key)
    return f"{junk_header}\r\n{fields}" if junk else fields
