"""The document, for programs and for people: public, for it says nothing about this house."""

import json
from functools import cache
from typing import Any

from flask import Response, render_template

from webui.api.calls import api
from webui.api.document import ABOUT, SCOPES, document, in_order, kinds_of, members_of, path_of
from webui.api.problems import KINDS
from webui.guard import public


@cache
def octets() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


@api.get("/openapi.json", provide_automatic_options=False)
@public
def openapi() -> Response:
    """Itself, for programs that read it."""
    return Response(octets(), content_type="application/json")


@api.get("/docs", provide_automatic_options=False)
@public
def docs() -> str:
    """The same for people, made here: no script, and nothing of others."""
    told = document()
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in in_order():
        path = path_of(one)
        operation = told["paths"][path][one.method.lower()]
        groups.setdefault(one.group, []).append(
            {
                "call": one,
                "path": path,
                "told": operation,
                "kinds": kinds_of(one),
                "members": members_of(one),
                **examples(operation, one.status),
            }
        )
    return render_template(
        "api/docs.html",
        groups=groups,
        scopes=SCOPES,
        kinds=KINDS,
        about=ABOUT.split("\n\n"),
        version=told["info"]["version"],
    )


def examples(operation: dict[str, Any], status: int) -> dict[str, str]:
    """What goes in and comes out, as it would be written."""
    taken = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    content = operation["responses"][str(status)].get("content", {})
    given = content.get("application/json", {}).get("example")
    return {"taken": pretty(taken), "given": pretty(given)}


def pretty(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
