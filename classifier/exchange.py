"""What people said, as lines of JSON: to look at, to keep, and to teach another node with."""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from classifier.features import Features
from classifier.journal import Placed
from classifier.state import Entry


class BadLine(ValueError):
    """A line that holds no entry; says which, and why."""


def lines(found: Iterable[Placed]) -> Iterator[str]:
    for placed in found:
        entry = placed.entry
        yield json.dumps(
            {
                "id": entry.id,
                "label": "spam" if entry.is_spam else "ham",
                "at": entry.at.isoformat(),
                "account": entry.account,
                "person": entry.person,
                "features": base64.b64encode(entry.features.to_bytes()).decode(),
            }
        )


def entries(found: Iterable[str]) -> Iterator[Entry]:
    """Raises BadLine."""
    for number, line in enumerate(found, 1):
        if line.strip():
            try:
                yield entry(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise BadLine(f"line {number}: {error}") from error


def entry(said: dict[str, str]) -> Entry:
    if said["label"] not in ("spam", "ham"):
        raise ValueError("neither spam nor ham")
    at = datetime.fromisoformat(said["at"])
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    features = Features.from_bytes(base64.b64decode(said["features"], validate=True))
    return Entry(str(said["id"]), said["label"] == "spam", features, at, str(said["account"]), str(said["person"]))
