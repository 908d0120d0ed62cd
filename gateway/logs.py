"""How the log is written: one event a line on standard output, as text or as JSON, with stable keys (docs/log.md)."""

import logging
import sys
from typing import Any

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str, form: str, process: str) -> None:
    """Set up structlog for a process; `process` names it in every line."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer())
    else:
        order = ["timestamp", "level", "process", "event"]
        processors.append(structlog.processors.KeyValueRenderer(key_order=order, repr_native_str=False))
        processors.insert(-1, escape_controls)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def escape_controls(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """What senders wrote must neither break a line nor colour a terminal; values with spaces are quoted."""
    return {key: escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def escaped(value: str) -> str:
    if value.isascii() and value.isprintable() and not set(value) & {" ", '"', "="}:
        return value
    inner = "".join(
        letter
        if letter.isprintable() and letter not in '"\\'
        else letter.encode("unicode_escape").decode()
        if letter not in '"\\'
        else "\\" + letter
        for letter in value
    )
    return f'"{inner}"' if "\n" not in inner else inner
