"""The pages: people see what waits, decide, and choose their own protection. `create_app(house)` is all of it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.model import IPNetwork
from webui import api, assets, errors, guard, language, pages, shown
from webui.house import House
from webui.peers import address_of
from webui.sessions import DatabaseSessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_POSTED = 256 * 1024  # bytes of a form


class Behind:
    """Believes what a reverse proxy says of who asks (X-Forwarded-*), and nobody else: whoever comes past the proxy is
    who they are. One hop is believed, the proxy's own word."""

    def __init__(self, app: "WSGIApplication", proxies: Sequence[IPNetwork]) -> None:
        self.direct, self.proxied, self.proxies = app, ProxyFix(app, x_for=1, x_proto=1, x_host=1), proxies

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        peer = address_of(environ.get("REMOTE_ADDR", ""))
        believed = peer is not None and any(peer in network for network in self.proxies)
        return self.proxied(environ, start_response) if believed else self.direct(environ, start_response)


def create_app(house: House) -> Flask:
    """The application of one node. Nothing is read or written before the first request."""
    app = Flask("webui", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_POSTED)
    app.extensions["house"] = house
    app.session_interface = DatabaseSessions(house)
    app.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    if house.settings.web.proxies:
        app.wsgi_app = Behind(app.wsgi_app, house.settings.web.proxies)  # type: ignore[method-assign]
    language.translate(app, house)
    guard.protect(app)
    errors.tell(app)
    shown.teach(app.jinja_env)
    assets.shelve(app)
    for page in pages.ALL:
        app.register_blueprint(page)
    app.register_blueprint(api.blueprint())
    return app
