"""What people are told when something goes wrong: never what went wrong inside."""

import structlog
from flask import Flask, Response, g, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from gateway import clock, ids
from gateway.i18n import _
from gateway.marked import N_
from webui.api import problems
from webui.api.problems import Problem

log = structlog.get_logger()

WORDS = {
    400: N_("That did not work"),
    401: N_("Please sign in"),
    403: N_("That is not yours to see or to do"),
    404: N_("There is nothing here"),
    405: N_("That page does not do that"),
    409: N_("Somebody was first"),
    413: N_("That is too much at once"),
    429: N_("Please wait a moment"),
    500: N_("Something went wrong here"),
    503: N_("The database does not answer"),
}


def tell(app: Flask) -> None:
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, known)
    app.register_error_handler(SQLAlchemyError, without_database)
    app.register_error_handler(Exception, ours)


def is_program() -> bool:
    """Programs are told in their own form."""
    return request.path.startswith("/api/")


def known(error: HTTPException) -> Response:
    if is_program():
        return problems.of_http(error).response()
    code = error.code or 500
    said = error.description if code in (400, 403, 409, 429) and error.description != type(error).description else ""
    response = page(code, said or "")
    if error.response is None and (allowed := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def without_database(error: SQLAlchemyError) -> Response:
    log.error("a page could not be made", error=type(error).__name__, detail=str(getattr(error, "orig", "")))
    if is_program():
        return Problem("unavailable").response()
    return page(503, _("Mail is not lost by that. Try again in a minute."))


def ours(error: Exception) -> Response:
    number = ids.new_id(clock.now())
    log.exception("a page failed", endpoint=request.endpoint, number=number)
    if is_program():
        return Problem("broken", f"It is in the log under {number}.").response()
    return page(500, _("It is in the log under %(number)s.") % {"number": number})


def page(code: int, said: str) -> Response:
    g.setdefault("actor", None)
    title = _(WORDS.get(code, WORDS[400]))
    if request.headers.get("HX-Request"):
        return Response(render_template("toast.html", title=title, said=said), code)
    return Response(render_template("error.html", title=title, said=said, code=code), code)
