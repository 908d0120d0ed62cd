"""Parts are put together here, from the settings. Nothing else knows all of them.

A room is opened when something of it is wanted: who lists the queue has no use for SMTP, nor the time to load it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.compose.backends import directory, next_hops, relay_times
    from gateway.compose.certificates import certificate, tls_context
    from gateway.compose.doors import door, evidence, office, submission_door, tarpit
    from gateway.compose.jobs import census, clerk, courier, house, learner, means, rounds, sweep, teacher
    from gateway.compose.letters import alerts, digests, hooks, reports
    from gateway.compose.places import (
        alive,
        alive_folder,
        bodies,
        database_url,
        file_problems,
        incoming_folder,
        make_folders,
        model_folder,
        node_name,
        opened,
        recipients_file,
        verdict_key,
    )
    from gateway.compose.rules import draft, expecting, in_force, ours, policy, shadow, terms
    from gateway.compose.web import pages

ROOMS = {
    "backends": ("directory", "next_hops", "relay_times"),
    "certificates": ("certificate", "tls_context"),
    "doors": ("door", "evidence", "office", "submission_door", "tarpit"),
    "jobs": ("census", "clerk", "courier", "house", "learner", "means", "rounds", "sweep", "teacher"),
    "letters": ("alerts", "digests", "hooks", "reports"),
    "places": (
        "alive",
        "alive_folder",
        "bodies",
        "database_url",
        "file_problems",
        "incoming_folder",
        "make_folders",
        "model_folder",
        "node_name",
        "opened",
        "recipients_file",
        "verdict_key",
    ),
    "rules": ("draft", "expecting", "in_force", "ours", "policy", "shadow", "terms"),
    "web": ("pages",),
}
WHERE = {name: room for room, names in ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """What is there from then on. Raises AttributeError."""
    if name not in WHERE:
        raise AttributeError(f"nothing in {__name__} is called {name}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{WHERE[name]}"), name)
    return found


__all__ = [
    "alerts",
    "alive",
    "alive_folder",
    "bodies",
    "census",
    "certificate",
    "clerk",
    "courier",
    "database_url",
    "digests",
    "directory",
    "door",
    "draft",
    "evidence",
    "expecting",
    "file_problems",
    "hooks",
    "house",
    "in_force",
    "incoming_folder",
    "learner",
    "make_folders",
    "means",
    "model_folder",
    "next_hops",
    "node_name",
    "office",
    "opened",
    "ours",
    "pages",
    "policy",
    "recipients_file",
    "relay_times",
    "reports",
    "rounds",
    "shadow",
    "submission_door",
    "sweep",
    "tarpit",
    "teacher",
    "terms",
    "tls_context",
    "verdict_key",
]
