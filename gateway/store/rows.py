"""How nouns become columns and come back."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from gateway.model import Fingerprint, MailIdentity, Rung, RungKind


def as_json(value: Any) -> str:
    """Facts are most of what is written with a decision, and the standard library takes four times as long."""
    try:
        return to_json(value).decode()
    except PydanticSerializationError:  # bytes of a sender that are no Unicode
        return json.dumps(value)


def rungs_to_json(rungs: Iterable[Rung]) -> list[list[Any]]:
    return sorted([int(rung.kind), rung.value] for rung in rungs)


def rungs_from_json(stored: Iterable[Iterable[Any]]) -> frozenset[Rung]:
    return frozenset(Rung(RungKind(kind), value) for kind, value in stored)


def fingerprint_columns(fingerprint: Fingerprint) -> dict[str, str | None]:
    """The four columns of a fingerprint. `message_id` must be a digest already (see policy.fingerprint)."""
    return {
        "whole": fingerprint.whole,
        "body": fingerprint.body,
        "headers": fingerprint.headers,
        "message_id": fingerprint.message_id,
    }


def fingerprint_of(row: Mapping[str, Any]) -> Fingerprint:
    return Fingerprint(row["whole"], row["body"], row["headers"], row["message_id"])


def mail_of(row: Mapping[str, Any], sender: str) -> MailIdentity:
    return MailIdentity(sender, row["recipient"], rungs_from_json(row["rungs"]), fingerprint_of(row))
