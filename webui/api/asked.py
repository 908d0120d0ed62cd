"""What a call was asked, read strictly: whatever is not named in the document is refused, not passed over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request
from pydantic import BaseModel, ValidationError

from webui.api.answers import tag_of
from webui.api.problems import Problem, invalid

if TYPE_CHECKING:
    from webui.api.calls import Call

MOST = 64 * 1024  # bytes of a body
LONGEST_KEY = 255  # characters


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters, the body and the conditions of a call, as far as it has any."""

    query: Any = None
    body: Any = None
    octets: bytes = b""
    key: str | None = None
    if_match: str | None = None

    def must_be(self, now: BaseModel) -> None:
        """Raises Problem where the call is about something that has changed since (RFC 9110, section 13.1.1)."""
        if self.if_match is None or self.if_match.strip() == "*":
            return
        if tag_of(now) not in [one.strip() for one in self.if_match.split(",")]:
            raise Problem("changed")


def read(call: "Call", parts: Mapping[str, Any]) -> Asked:
    """Raises Problem."""
    request.max_content_length = MOST
    query, octets = query_of(call), request.get_data(cache=False)
    body = body_of(call, octets)
    if call.is_safe:
        return Asked(query, body)
    if_match = request.headers.get("If-Match") if call.matched else None
    return Asked(query, body, octets, key_of(request.headers.get("Idempotency-Key")), if_match)


def query_of(call: "Call") -> BaseModel | None:
    there = request.args
    known = [one.alias or name for name, one in call.query.model_fields.items()] if call.query else []
    errors = [{"parameter": one[:100], "detail": "There is no such parameter."} for one in there if one not in known]
    errors += [
        {"parameter": one, "detail": "It is there more than once."} for one in known if len(there.getlist(one)) > 1
    ]
    if errors:
        raise invalid(errors[:20])
    if call.query is None:
        return None
    try:
        return call.query.model_validate(there.to_dict())
    except ValidationError as error:
        raise invalid([{"parameter": str(one["loc"][0]), "detail": said(one)} for one in told(error)]) from None


def body_of(call: "Call", octets: bytes) -> BaseModel | None:
    if call.body is None:
        if octets:
            raise Problem("malformed", "This call has no body.")
        return None
    kind, packed = request.mimetype, request.headers.get("Content-Encoding", "identity")
    charset = request.mimetype_params.get("charset", "utf-8")
    if kind != "application/json" or packed != "identity" or charset.lower() not in ("utf-8", "us-ascii"):
        raise Problem("wrong-type", headers={"Accept": "application/json"})
    try:
        found = call.body.model_validate_json(octets, strict=True)
        json.loads(octets, object_pairs_hook=once_each)
    except ValidationError as error:
        rows = told(error)
        if rows[0]["type"] == "json_invalid":
            raise Problem("malformed") from None
        raise invalid([{"pointer": pointer(one["loc"]), "detail": said(one)} for one in rows]) from None
    except ValueError:
        raise Problem("malformed", "A member is there more than once.") from None
    return found


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two counts is not for us to guess. Raises ValueError."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def told(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)[:20]


def said(one: Mapping[str, Any]) -> str:
    return str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def pointer(place: tuple[int | str, ...]) -> str:
    """RFC 6901, as a fragment."""
    return "#" + "".join("/" + str(one).replace("~", "~0").replace("/", "~1")[:100] for one in place)


def key_of(said: str | None) -> str | None:
    """An Idempotency-Key, which the draft writes in quotes and many programs do not. Raises Problem."""
    if said is None:
        return None
    key = said[1:-1] if len(said) > 1 and said[0] == said[-1] == '"' else said
    if not (1 <= len(key) <= LONGEST_KEY and all("!" <= letter <= "~" for letter in key)):
        raise Problem("bad-key")
    return key
