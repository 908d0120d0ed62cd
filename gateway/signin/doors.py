"""The ways to sign in with what people have elsewhere, as the settings have them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.settings import Settings
from gateway.signin.mailserver import MailServer
from gateway.signin.nouns import Proven

if TYPE_CHECKING:
    from gateway.signin.directory import Directory
    from gateway.signin.issuer import Issuer


class PasswordDoor(Protocol):
    """Somebody who knows passwords."""

    @property
    def issuer(self) -> str:
        """What it is called in links."""
        ...

    def check(self, name: str, password: str, admit: Callable[[Proven], None]) -> Proven | None:
        """Who that is; None where it is nobody, or the password is wrong: both take as long.

        `admit` is told who is meant before the password is tried, and may raise. Raises NoAnswer and NotIn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """None are off."""

    oidc: "Issuer | None" = None
    directory: "Directory | None" = None
    imap: MailServer | None = None

    def by_password(self) -> list[tuple[str, PasswordDoor]]:
        """In the order in which they are asked."""
        doors: tuple[tuple[str, PasswordDoor | None], ...] = (("directory", self.directory), ("imap", self.imap))
        return [(way, door) for way, door in doors if door is not None]


def doors(settings: Settings) -> Doors:
    """What is off is not loaded either."""
    return Doors(
        issuer(settings) if settings.oidc.is_on else None,
        directory(settings) if settings.directory.is_on else None,
        MailServer(settings.imap) if settings.imap.is_on else None,
    )


def issuer(settings: Settings) -> "Issuer":
    from gateway.signin.fetching import Fetcher
    from gateway.signin.issuer import Issuer

    chosen = settings.oidc
    return Issuer(chosen, Fetcher(chosen.label, chosen.timeout.total_seconds(), chosen.ca_file))


def directory(settings: Settings) -> "Directory":
    from gateway.signin.directory import Directory

    return Directory(settings.directory)
