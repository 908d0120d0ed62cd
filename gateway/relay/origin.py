"""Tells a next hop whom the mail came from, in Postfix' XCLIENT and XFORWARD (xtext: RFC 3461 4)."""

from functools import lru_cache

from gateway.model import Peer

UNAVAILABLE = "[UNAVAILABLE]"
LONGEST = 255  # characters of a value that Postfix reads
CONNECTIONS = 512  # that have brought mail lately, perhaps more than one


def xtext(value: str) -> str:
    """Printable ASCII stays, `+`, `=` and all else become +HH."""
    plain = (chr(b) if 33 <= b <= 126 and b not in b"+=" else f"+{b:02X}" for b in value.encode("utf-8", "replace"))
    return "".join(plain)


def sayable_name(peer: Peer) -> str | None:
    """What the peer called itself, where we can say it again."""
    return peer.helo if peer.helo.isascii() and peer.helo.isprintable() and " " not in peer.helo else None


def _attributes(peer: Peer) -> dict[str, str]:
    address = f"IPV6:{peer.address}" if peer.address.version == 6 else str(peer.address)
    return {
        "NAME": xtext((peer.name or UNAVAILABLE)[:LONGEST]),
        "ADDR": xtext(address),
        "HELO": xtext((peer.helo or UNAVAILABLE)[:LONGEST]),
        "PROTO": "ESMTP" if peer.esmtp else "SMTP",
    }


def _command(verb: str, values: dict[str, str], offered: str) -> bytes | None:
    wanted = offered.upper().split()
    words = [f"{name}={value}" for name, value in values.items() if name in wanted]
    return " ".join([verb, *words]).encode("ascii") + b"\r\n" if words else None


@lru_cache(CONNECTIONS)
def xclient_command(peer: Peer, offered: str) -> bytes | None:
    """The attributes among `offered` that we know; None when there are none."""
    return _command("XCLIENT", _attributes(peer), offered)


@lru_cache(CONNECTIONS)
def xforward_command(peer: Peer, offered: str) -> bytes | None:
    """As xclient_command(), and that the mail came from outside."""
    return _command("XFORWARD", _attributes(peer) | {"SOURCE": "REMOTE"}, offered)
