"""What a place is told: which mail, for whom, and what became of it. Never what is in it, its subject or its sender."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

TEST = "test"


def told(row: Mapping[str, Any], pages: str) -> bytes:
    """The body; the same whenever it is sent. `pages`: their address, "" where they have none."""
    data = {
        "mail": row["message"],
        "recipient": row["recipient"],
        "reason": row["reason"] or None,
        "by": row["who"] or None,
        "page": f"{pages}/mail/{row['message']}" if pages else None,
    }
    return written(row["kind"], row["at"], data)


def test(at: datetime, hostname: str) -> bytes:
    return written(TEST, at, {"host": hostname, "text": "This is a test: nothing happened."})


def written(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}).encode()


def number_of(row: Mapping[str, Any]) -> str:
    """The same for the same news, whoever sends it and however often."""
    what = (row["hook"], row["source"], row["number"], row["at"].isoformat())
    return f"msg_{sha256(repr(what).encode()).hexdigest()[:24]}"
