"""What a call answers, as it goes over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import Response
from pydantic import BaseModel

if TYPE_CHECKING:
    from webui.api.calls import Call


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered where more is to be said than its body."""

    body: BaseModel | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def made_of(call: "Call", told: Any) -> Response:
    """The response of a call; `told` is a noun of `webui.api.nouns`, an Answer, or a response that is made already."""
    if isinstance(told, Response):
        return told
    answer = told if isinstance(told, Answer) else Answer(told)
    if answer.body is None:
        return Response(b"", 204, dict(answer.headers), mimetype=None)
    octets = answer.body if isinstance(answer.body, bytes) else answer.body.model_dump_json().encode()
    made = Response(octets, call.status, dict(answer.headers), content_type=call.mime)
    if call.tagged:
        made.headers["ETag"] = tag(octets)
    return made


def tag(octets: bytes) -> str:
    """A strong validator (RFC 9110, section 8.8.3): equal where every byte is."""
    return f'"{sha256(octets).hexdigest()[:32]}"'


def tag_of(noun: BaseModel) -> str:
    return tag(noun.model_dump_json().encode())
