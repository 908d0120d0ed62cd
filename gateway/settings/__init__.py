"""One TOML file becomes frozen settings, or every problem in it at once."""

from gateway.settings.addresses import Endpoint
from gateway.settings.advice import file_problems, timers_sentence, warnings
from gateway.settings.document import defaults_markdown, defaults_toml
from gateway.settings.quantities import duration, duration_text, size, size_text, words
from gateway.settings.read import BadSettings, from_table, read
from gateway.settings.schema import Route, Settings
from gateway.settings.urls import BackendUrl, DatabaseUrl

__all__ = [
    "BackendUrl",
    "BadSettings",
    "DatabaseUrl",
    "Endpoint",
    "Route",
    "Settings",
    "defaults_markdown",
    "defaults_toml",
    "duration",
    "duration_text",
    "file_problems",
    "from_table",
    "read",
    "size",
    "size_text",
    "timers_sentence",
    "warnings",
    "words",
]
