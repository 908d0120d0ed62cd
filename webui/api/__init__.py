"""The API: what the pages do, for programs. `blueprint()` has all calls."""

from flask import Blueprint


def blueprint() -> Blueprint:
    """The calls are loaded here, not at the import: errors are told in its words before there is an application."""
    from webui.api import accounts, counted, decisions, mails, persons, reading, senders, told, whole  # noqa: F401
    from webui.api.calls import api

    return api
