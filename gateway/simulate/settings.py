"""The settings of the simulated house: the given ones, with accounts, storage and places of its own."""

from collections.abc import Iterable
from pathlib import Path

from gateway.model import Level
from gateway.settings import DatabaseUrl, Settings, from_table
from gateway.simulate.house import DOMAIN, account

LOCAL = {"domains": {"local": [DOMAIN]}, "backend": {"url": "smtp://127.0.0.1:25"}}
PLACES = 100_000  # connections: a simulated minute costs no time, and so many may fall into it


def plain() -> Settings:
    """The defaults."""
    return from_table(LOCAL)


def fitted(given: Settings, folder: Path, levels: Iterable[Level], people: int, *, reviewed: bool) -> Settings:
    """Policy and timers as given; whose mail it is, where things are kept, and who may be there is the simulation's."""
    base = plain()
    overrides = {account(level, number): level for level in levels for number in range(1, people + 1)}
    room = {"path": folder, "bodies": "files", "reserve": 0}
    return given.model_copy(
        update={
            "domains": base.domains,
            "recipients": base.recipients,
            "backend": base.backend,
            "route": (),
            "database": base.database.model_copy(update={"url": DatabaseUrl("sqlite", path=folder / "gate.db")}),
            "protection": given.protection.model_copy(update={"overrides": overrides}),
            "content": given.content.model_copy(update={"enabled": False}),  # mail of crowds has no content
            "clamav": base.clamav,
            "audit": given.audit.model_copy(update={"share": 0.0}),  # nobody looks at what was delivered
            "hold": given.hold.model_copy(update={"reviewed": reviewed}),
            "storage": given.storage.model_copy(update=room),
            "smtp": given.smtp.model_copy(update={"hostname": f"gate.{DOMAIN}", "workers": 1, "relays": ()}),
        }
    )
