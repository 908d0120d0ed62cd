"""What a program is told when something does not go: problem details (RFC 9457), never what went wrong inside."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

MIME = "application/problem+json"
PLACE = "/api/v1/docs#"  # a type is where it is explained


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble. `name` is public: never renamed, never reused."""

    name: str
    status: int
    title: str
    says: str  # for people who read the docs


def kinds(*made: Kind) -> dict[str, Kind]:
    return {one.name: one for one in made}


KINDS: Mapping[str, Kind] = kinds(
    Kind(
        "malformed",
        400,
        "That cannot be read",
        "The body is no JSON, names something twice, or there is one where none belongs.",
    ),
    Kind(
        "bad-key",
        400,
        "That is no Idempotency-Key",
        "It is 1 to 255 letters, digits and marks of ASCII without spaces, in quotes or not.",
    ),
    Kind("impossible", 400, "That did not work", "`detail` says why."),
    Kind("no-token", 401, "A token is needed", "Send `Authorization: Bearer gg_…`."),
    Kind(
        "bad-token",
        401,
        "That token is worth nothing",
        "It is unknown, over or revoked, or its owner is locked out. Which of these, nobody is told.",
    ),
    Kind(
        "not-encrypted", 403, "Not without TLS", "The token could have been read on the way. Revoke it, and use https."
    ),
    Kind("scope", 403, "The token is not for that", "`needed` names the scope that the call wants."),
    Kind(
        "second-factor",
        403,
        "A second factor comes first",
        "Its owner decides about the mail of others and has to set up a second factor on the pages.",
    ),
    Kind("not-yours", 403, "That is not yours to do", "The owner of the token may not do it either."),
    Kind(
        "say-why",
        403,
        "Say why first",
        "The mail is not the owner's: say in `because` why it is looked into. That is on record.",
    ),
    Kind(
        "for-approvers",
        403,
        "Only an approver releases that",
        "It may do harm, and here an approver of the domain decides about that. On the pages one can be asked.",
    ),
    Kind(
        "four-eyes",
        403,
        "A second person has to confirm that",
        "Here an entry for everybody is proposed on the pages, where another approver confirms it.",
    ),
    Kind("not-found", 404, "There is nothing here", "Or nothing that the owner of the token may know of."),
    Kind("wrong-method", 405, "That is not done here", "`Allow` names what is."),
    Kind(
        "somebody-first",
        409,
        "Somebody was first",
        "It is decided already, or over. `recipients` tells how it stands for each.",
    ),
    Kind(
        "contradicted",
        409,
        "Is that what you mean?",
        "The classifier is sure of the opposite: `spam` says how probable spam is to it. Say `sure` to go on.",
    ),
    Kind(
        "still-running",
        409,
        "The first one still runs",
        "A call with the same Idempotency-Key is being answered. Ask again in a moment.",
    ),
    Kind("changed", 412, "It was changed meanwhile", "It is not any more what `If-Match` names. Get it again."),
    Kind("too-large", 413, "That is too much at once", "A body has 64 KiB at most."),
    Kind("wrong-type", 415, "That is not JSON", "A body is `application/json`, in UTF-8 and not packed."),
    Kind(
        "invalid",
        422,
        "Something is wrong in that",
        "`errors` lists what, each with a JSON pointer into the body or the name of a parameter.",
    ),
    Kind(
        "key-used",
        422,
        "That Idempotency-Key was used for something else",
        "The same key goes with the same call only. Take a new one.",
    ),
    Kind(
        "too-many",
        429,
        "Please wait a moment",
        "Too many wrong tokens came from there. `Retry-After` says for how many seconds.",
    ),
    Kind("broken", 500, "Something went wrong here", "It is in the log under the number that `detail` names."),
    Kind("unavailable", 503, "The database does not answer", "Mail is not lost by that. Try again in a minute."),
)
BY_STATUS = {400: "impossible", 403: "not-yours", 404: "not-found", 405: "wrong-method", 409: "somebody-first",
             413: "too-large", 415: "wrong-type"}  # fmt: skip


@dataclass(eq=False)
class Problem(Exception):
    """A call ends with this. `more`: members beside those of RFC 9457."""

    kind: str
    detail: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return KINDS[self.kind].status

    @property
    def body(self) -> bytes:
        kind = KINDS[self.kind]
        told: dict[str, Any] = {"type": f"{PLACE}{kind.name}", "title": kind.title, "status": kind.status}
        if self.detail:
            told["detail"] = self.detail
        return json.dumps({**told, **self.more}, ensure_ascii=False).encode("utf-8", "replace")

    def response(self) -> Response:
        return Response(self.body, self.status, dict(self.headers), content_type=MIME)


def invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    """Each with `detail`, and a `pointer` into the body or the name of a `parameter`."""
    return Problem("invalid", more={"errors": list(errors)})


def of_http(error: HTTPException) -> Problem:
    """What Flask or a service shared with the pages refuses. Its own words are told where they are ours."""
    code = error.code or 500
    name = BY_STATUS.get(code, "impossible" if code < 500 else "broken")
    ours = code in (400, 403, 409) and error.description not in (None, type(error).description)
    headers = {}
    if allowed := getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(sorted(set(allowed)))
    return Problem(name, str(error.description) if ours else "", headers=headers)
