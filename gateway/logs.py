"""How the log is written: one event a line on standard output, as text or as JSON, with stable keys (docs/log.md)."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from gateway import clock

PLAIN = re.compile(r"[!#-<>-\[\]-~]+")  # printable ASCII but blank, quote, equals sign and backslash
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str, form: str, process: str) -> None:
    """Set up structlog for a process; `process` names it in every line, whatever thread writes it."""

    def begin(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """What every line begins with, in this order."""
        moment = clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"timestamp": moment, "level": method, "process": process, "event": event.pop("event"), **event}

    last = plain_line if form == "text" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[begin, structlog.processors.format_exc_info, last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


def plain_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """What senders wrote must neither break a line nor colour a terminal; values with blanks stand in quotes."""
    return " ".join(
        [f"{key}={quoted(value if isinstance(value, str) else repr(value))}" for key, value in event.items()]
    )


def quoted(value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    return '"' + "".join(escaped(letter) for letter in value) + '"'


def escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
