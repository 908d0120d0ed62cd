"""What is in a mail, so that it can be looked at safely: three layers, any one of which is enough.

Nothing but what an allow-list names comes out of the cleaner; its own route forbids the browser everything; and the
frame that it is shown in forbids it once more.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from markupsafe import escape

from gateway.i18n import _
from gateway.marked import N_
from gateway.visible import visible
from webui.spare import Spare

log = structlog.get_logger()

WITHIN = 2.0  # seconds
MOST_READ = 4 * 1024 * 1024  # bytes of a mail that are looked at
MOST_SOURCE = 256 * 1024
CLEANER = (sys.executable, "-m", "webui.cleaner")

FRAME = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}
TOO_LONG = N_("It is built so that looking into it takes too long. Its source can be seen.")
SHEET = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:1rem;overflow-wrap:anywhere;color-scheme:light dark}"
    "table{border-collapse:collapse;max-width:100%}td,th{vertical-align:top;padding:.1rem .3rem}"
    "u{text-decoration:underline dotted}small{opacity:.75}pre{white-space:pre-wrap}"
)


@dataclass(frozen=True, slots=True)
class File:
    """Something attached: `place` among the parts, `kind` as its sender calls it, `size` in bytes.

    `real`: what it is by how it begins; `warnings`: what is dangerous in it; `inside`: names in an archive. Both words
    are English, and said in a language where they are shown.
    """

    place: int
    name: str
    kind: str
    size: int
    sha256: str
    real: str = ""
    warnings: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """`html` is cleaned, "" where there is none; `blocked` counts what was taken out of it."""

    text: str = ""
    html: str = ""
    blocked: dict[str, int] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    is_cut: bool = False


def of(chunks: Iterable[bytes]) -> Preview:
    """Read a mail in a process that is killed when it takes long. Never raises for what others wrote."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) > MOST_READ:
            break
    try:
        told = json.loads(run(bytes(taken[:MOST_READ])))
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        log.warning("a mail could not be previewed", error=type(error).__name__)
        return Preview(problem=TOO_LONG)
    return made_of(told, is_cut=len(taken) > MOST_READ)


def run(data: bytes, *arguments: str) -> bytes:
    """What the cleaner says. Raises SubprocessError or OSError."""
    if not arguments:
        return READER.run(data, WITHIN)
    program = [*CLEANER, *arguments]
    done = subprocess.run(  # noqa: S603  (our own program)
        program, input=data, capture_output=True, timeout=WITHIN, env=environment(), check=True
    )
    return done.stdout


def made_of(told: dict[str, Any], *, is_cut: bool) -> Preview:
    return Preview(
        text=told["text"],
        html=told["html"],
        blocked=told["blocked"],
        files=tuple(
            File(**one | {"warnings": tuple(one["warnings"]), "inside": tuple(one["inside"])}) for one in told["files"]
        ),
        fields=tuple((name, value) for name, value in told["fields"]),
        problem=told.get("problem", ""),
        is_cut=is_cut,
    )


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", ""))))
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


READER = Spare(CLEANER, environment)


def framed(shown: Preview) -> str:
    """A page of its own around the cleaned HTML."""
    title = f"<title>{escape(_('Mail'))}</title>"
    head = f'<meta charset="utf-8"><meta name="referrer" content="no-referrer">{title}<style>{SHEET}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{shown.html}</body></html>"


def source(data: bytes) -> str:
    """The beginning of its bytes as text."""
    return visible(data[:MOST_SOURCE].decode("utf-8", "replace"))


# ---- files ---------------------------------------------------------------------------------------------------------


def attachment(data: bytes, place: int) -> tuple[str, bytes] | None:
    """Name and bytes of what is attached at a place; None where nothing can be had."""
    try:
        name, line, octets = run(data, str(place)).partition(b"\n")
    except (subprocess.SubprocessError, OSError):
        return None
    return (str(json.loads(name)), octets) if line else None


def download(name: str) -> dict[str, str]:
    """Headers of what a browser saves and never shows. The name is ours: letters, digits and a few marks."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:100] or "file"
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(plain)}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
