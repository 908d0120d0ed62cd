"""The document of the API (OpenAPI 3.1), made from the calls themselves: what is not a call is not in it.

Its schemas are JSON Schema 2020-12, which is what pydantic writes and OpenAPI 3.1 takes, and the very ones that calls
are read and answered by.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.model import Scope
from webui.api.calls import CALLS, Call
from webui.api.nouns import BO, LARGEST, MAIL
from webui.api.problems import KINDS, MIME, PLACE, Kind
from webui.api.told import HookTold, webhooks
from webui.api.wanted import MAIL_ID

BASE = "/api/v1"
REF = "#/components/schemas/{model}"
SCOPES: Mapping[Scope, str] = {
    Scope.READ: "Look: at mail, senders, levels, and what is expected",
    Scope.DECIDE: "Release and refuse mail, and take that back",
    Scope.KNOWN: "Let senders in and keep them out",
    Scope.PROTECTION: "Choose levels, and expect mail",
    Scope.PEOPLE: "See and change who may sign in",
    Scope.HEALTH: "See how the house is",
}
PARTS: Mapping[str, dict[str, Any]] = {
    "number": {"schema": {"type": "string", "pattern": MAIL_ID}, "example": MAIL, "description": "The id of a mail."},
    "entry": {"schema": {"type": "integer", "minimum": 0, "maximum": LARGEST}, "example": 7},
    "window": {"schema": {"type": "integer", "minimum": 0, "maximum": LARGEST}, "example": 3},
    "account": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 512},
        "example": BO,
        "description": "An address or a domain of ours.",
    },
    "name": {"schema": {"type": "string", "minLength": 1, "maxLength": 255}, "example": "bo"},
}
GROUPS = ("Mail", "Senders", "Protection", "People", "House")
TOO_LONG = "too-long"
ALWAYS = ("malformed", "no-token", "bad-token", "not-encrypted", "scope", "second-factor", "too-large", "invalid",
          "too-many", "broken", "unavailable")  # fmt: skip
ABOUT = """\
Everything that the pages do with mail, senders, people and protection, for programs. Who calls is a person: the owner
of the token, who may do through it what they may do on the pages and no more. Whatever is done is in the audit, with
the name of the token.

Lists are paged: while `next` is not null there may be more, even on a page that is short or empty. Whatever others
wrote is told as it came, so escape it where you show it. Unknown parameters and members are refused. To leave a mail
for later, do nothing: it waits."""


@cache
def document() -> dict[str, Any]:
    """All of it; the same on every node of this version."""
    schemas = schemas_of(CALLS)
    paths: dict[str, dict[str, Any]] = {}
    for one in in_order():
        paths.setdefault(path_of(one), {})[one.method.lower()] = operation(one, schemas)
    told = schemas["refs"][HookTold, "serialization"]
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Greygate",
            "version": version("greygate"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [{"name": name} for name in GROUPS],
        "paths": paths,
        "webhooks": webhooks(told, example_of(told, schemas["$defs"])),
        "components": {
            "schemas": {**schemas["$defs"], "Problem": problem_schema()},
            "responses": {
                **{name_of(found): trouble(found) for one in CALLS for found in by_status(one).values()},
                TOO_LONG: {
                    "description": "The address is too long; the web server says so by itself, in its own form."
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "gg_ and 43 letters",
                    "description": "Made on the page “How you sign in”, or by greygate token new. It may: "
                    + "; ".join(f"{scope}: {says}" for scope, says in SCOPES.items()),
                }
            },
        },
    }


def in_order() -> list[Call]:
    """As people look for them."""
    return sorted(CALLS, key=lambda one: GROUPS.index(one.group))


def schemas_of(calls: Sequence[Call]) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], Any]] = [(HookTold, "serialization")]
    for one in calls:
        wanted += [(one.body, "validation")] if one.body else []
        wanted += [(one.answer, "serialization")] if one.answer else []
    found, whole = models_json_schema(list(dict.fromkeys(wanted)), ref_template=REF)
    return {"refs": {key: found[key] for key in found}, "$defs": whole["$defs"]}


def path_of(one: Call) -> str:
    return BASE + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one.path)


def parts_of(one: Call) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", one.path)


def operation(one: Call, schemas: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.group],
        "summary": one.summary,
        "security": [{"token": [str(one.scope)] if one.scope else []}],
        "parameters": list(parameters(one)),
        "responses": {**success(one, schemas), **troubles(one)},
    }
    if one.says:
        made["description"] = one.says
    if one.body is not None:
        schema = schemas["refs"][one.body, "validation"]
        content = {"schema": schema, "example": example_of(schema, schemas["$defs"])}
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    return made


# ---- what goes in --------------------------------------------------------------------------------------------------


def parameters(one: Call) -> Iterator[dict[str, Any]]:
    for part in parts_of(one):
        yield {"name": part, "in": "path", "required": True, **PARTS[part]}
    yield from query_parameters(one)
    if not one.is_safe:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
            "description": "The same call with the same key happens once: within 24 hours it is answered as before.",
        }
    if one.matched:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "example": '"2a7d0f9a5d0f4a2f8d3c1f6e7b9a0c4d"',
            "description": "The ETag of what was seen: it is changed only if it still is that.",
        }


def query_parameters(one: Call) -> Iterator[dict[str, Any]]:
    if one.query is None:
        return
    told = one.query.model_json_schema(ref_template=REF)
    for name, schema in told.get("properties", {}).items():
        bare = without_null(
            {key: value for key, value in schema.items() if key not in ("title", "default", "examples")}
        )
        says = bare.pop("description", None) or schema.get("description")
        made = {"name": name, "in": "query", "required": name in told.get("required", ()), "schema": bare}
        if schema.get("default") not in (None, ""):
            bare["default"] = schema["default"]
        if says:
            made["description"] = says
        if schema.get("examples"):
            made["example"] = schema["examples"][0]
        yield made


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is never null: a query knows no null."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0]} if kinds else schema


# ---- what comes out ------------------------------------------------------------------------------------------------


def success(one: Call, schemas: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": "Done." if not one.is_safe else "What was asked for."}
    if one.answer is not None:
        schema = schemas["refs"][one.answer, "serialization"]
        made["content"] = {one.mime: {"schema": schema, "example": example_of(schema, schemas["$defs"])}}
    elif one.status != 204:
        made["content"] = {one.mime: {"schema": {"type": "string", "format": "binary"}}}
    headers = {name: {"description": says, "schema": {"type": "string"}} for name, says in one.headers.items()}
    if one.tagged:
        headers["ETag"] = {"description": "Of what is answered, for `If-Match`.", "schema": {"type": "string"}}
    if headers:
        made["headers"] = headers
    return {str(one.status): made}


def kinds_of(one: Call) -> list[Kind]:
    names = [*ALWAYS, *one.also]
    names += ["not-found"] if parts_of(one) else []
    names += ["not-yours"] if one.act or parts_of(one) or not one.is_safe else []
    names += ["wrong-type"] if one.body else []
    names += [] if one.is_safe else ["bad-key", "still-running", "key-used"]
    names += ["impossible"] if not one.is_safe else []
    names += ["changed"] if one.matched else []
    return [kind for name, kind in KINDS.items() if name in names]


def by_status(one: Call) -> dict[int, list[Kind]]:
    found: dict[int, list[Kind]] = {}
    for kind in kinds_of(one):
        found.setdefault(kind.status, []).append(kind)
    return dict(sorted(found.items()))


def troubles(one: Call) -> dict[str, Any]:
    """Most calls end in the same ones: each is told once."""
    names = {status: name_of(found) for status, found in by_status(one).items()} | {414: TOO_LONG}
    return {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in sorted(names.items())}


def name_of(found: Sequence[Kind]) -> str:
    return ".".join(kind.name for kind in found)


def trouble(found: Sequence[Kind]) -> dict[str, Any]:
    examples = {
        kind.name: {"value": {"type": f"{PLACE}{kind.name}", "title": kind.title, "status": kind.status}}
        for kind in found
    }
    made: dict[str, Any] = {
        "description": " · ".join(f"{kind.title} ({kind.name})" for kind in found),
        "content": {MIME: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }
    headers = {401: "WWW-Authenticate", 429: "Retry-After"}
    if name := headers.get(found[0].status):
        made["headers"] = {name: {"schema": {"type": "string"}}}
    return made


def problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    wrong = {
        "type": "object",
        "required": ["detail"],
        "properties": {"detail": text, "pointer": text, "parameter": text},
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "Problem details (RFC 9457). More members may come.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "enum": [f"{PLACE}{name}" for name in KINDS]},
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text,
            "errors": {"type": "array", "items": wrong},
            "needed": {"type": "string", "enum": sorted(Scope)},
            "spam": {"type": "number", "minimum": 0, "maximum": 1},
            "recipients": {"type": "array", "items": {"$ref": "#/components/schemas/Outcome"}},
        },
    }


def example_of(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """A whole one, from the examples of its parts."""
    if "$ref" in schema:
        return example_of(known[schema["$ref"].rpartition("/")[2]], known)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], known)]
    if "properties" in schema:
        return {name: example_of(one, known) for name, one in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][0]
    return schema.get("default")


def members_of(one: Call) -> dict[str, dict[str, Any]]:
    """Those of its body, and what they say; `needed` are those that have to be there."""
    told = one.body.model_json_schema() if one.body is not None else {}
    return {
        name: without_null(schema) | {"needed": name in told.get("required", ())}
        for name, schema in told.get("properties", {}).items()
    }
