"""In which language somebody reads the pages: the one that they chose, or what their browser asks for."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request

from gateway.i18n import ENGLISH, Language, best_of, chosen, gettext, ngettext, npgettext, pgettext, speak, spoken
from webui.house import House


def translate(app: Flask, house: House) -> None:
    """Everything that a request leads to is said in one language. Programs are answered in English."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    app.jinja_env.globals.update(spoken=spoken)

    @app.before_request
    def begin() -> None:
        speak(ENGLISH if is_for_programs() else of_browser(house.settings.web.language))

    @app.after_request
    def tell(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Language", spoken().code)
            response.vary.add("Accept-Language")
        return response

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        speak(ENGLISH)


def is_for_programs() -> bool:
    return request.path.startswith("/api/") and request.endpoint != "api.docs"  # which people read


def speak_as_chosen(person: Mapping[str, Any]) -> None:
    """Once it is known who asks."""
    if (theirs := chosen(person["wishes"])) is not None:
        speak(theirs)


def of_browser(usual: str) -> Language:
    return best_of([tag for tag, quality in request.accept_languages if quality > 0], usual)
