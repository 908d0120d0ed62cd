"""The files that browsers keep: small on the way, and never asked for twice.

Their addresses hold a digest of them, so whoever has one has the right one for as long as it likes. They are packed
once in the life of a process. Pages are not packed: they show what others wrote, repeat what was typed and hold the
word that makes a form ours, and how small all that gets together would tell of it (BREACH). They are small enough
without.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, request, url_for
from werkzeug.security import safe_join

FOLDER = Path(__file__).parent / "static"
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"  # the address does not tell which one it is: modules that a module names
LEAST_PACKED = 500  # bytes; below, the envelope weighs more than what it saves


@dataclass(frozen=True, slots=True)
class Asset:
    digest: str
    kind: str
    plain: bytes
    packed: bytes | None


@cache
def load(name: str) -> Asset | None:
    """A file as it is sent; None where there is none."""
    path = safe_join(str(FOLDER), name)
    if path is None or not Path(path).is_file():
        return None
    plain = Path(path).read_bytes()
    kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "application/octet-stream"
    worth = len(plain) >= LEAST_PACKED and (kind.startswith("text/") or kind.endswith(("xml", "json")))
    packed = gzip.compress(plain, 9, mtime=0) if worth else None
    return Asset(sha256(plain).hexdigest()[:10], kind, plain, packed)


def asset(name: str) -> str:
    """The address of a file of ours, another one whenever the file is: browsers may keep it for long."""
    found = load(name)
    if found is None:
        raise FileNotFoundError(name)
    return url_for("static", filename=name, v=found.digest)


def serve(filename: str) -> Response:
    found = load(filename) if filename.isprintable() else None
    if found is None:
        abort(404)
    packed = found.packed is not None and request.accept_encodings["gzip"] > 0
    made = Response(found.packed if packed else found.plain, content_type=content_type(found.kind))
    if packed:
        made.headers["Content-Encoding"] = "gzip"
    if found.packed is not None:
        made.headers["Vary"] = "Accept-Encoding"
    made.headers["Cache-Control"] = FOR_GOOD if request.args.get("v") == found.digest else ASK_AGAIN
    made.set_etag(found.digest, weak=True)  # packed or not, it is the same
    made.make_conditional(request)
    return made


def content_type(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def shelve(app: Flask) -> None:
    app.add_url_rule("/static/<path:filename>", "static", serve)
