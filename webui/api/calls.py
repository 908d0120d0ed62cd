"""The calls: each is one function that says what it takes, what it answers and who may make it.

From that all else is made: the route, what is checked before it, and its part of the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel

from gateway.model import Act, Scope
from webui.api import asked, once
from webui.api.answers import Answer, made_of
from webui.guard import Rule

api = Blueprint("api", __name__, url_prefix="/api/v1")

SAFE = ("GET",)


@dataclass(frozen=True, slots=True)
class Call:
    """One of them. `also`: the problems that it may end in, besides those that any may."""

    method: str
    path: str  # below /api/v1, as Flask writes it
    scope: Scope | None
    act: Act | None
    group: str
    view: Callable[..., Any]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    mime: str = "application/json"
    status: int = 200
    also: tuple[str, ...] = ()
    tagged: bool = False  # the answer has an ETag
    matched: bool = False  # the call heeds If-Match
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer, and what they say

    @property
    def name(self) -> str:
        return self.view.__name__.rstrip("_")

    @property
    def summary(self) -> str:
        return (self.view.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    @property
    def says(self) -> str:
        lines = (self.view.__doc__ or "").strip().partition("\n")[2].strip().splitlines()
        return " ".join(line.strip() for line in lines)

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE


CALLS: list[Call] = []
View = Callable[..., Any]


def call(
    method: str, path: str, scope: Scope | None, group: str, *, act: Act | None = None, **more: Any
) -> Callable[[View], View]:
    """Make a function a call. It takes what was asked (see `webui.api.asked`) and the parts of the path."""

    def mark(view: View) -> View:
        one = Call(method, path, scope, act, group, view, **more)
        CALLS.append(one)

        def answered(**parts: Any) -> Response:
            found = asked.read(one, parts)
            if one.is_safe:
                return made_of(one, view(found, **parts))
            return once.answered(one, found, lambda: view(found, **parts))

        answered.rule = Rule(scope=scope, act=act, by_token=True)  # type: ignore[attr-defined]
        api.add_url_rule(path, one.name, answered, methods=[method], provide_automatic_options=False)
        return view

    return mark


__all__ = ["CALLS", "Answer", "Call", "api", "call"]
