"""Asking a mail server (IMAP, RFC 9051) whether a password is right: one try for one sign-in."""

import imaplib
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.marked import N_
from gateway.policy.address import BadAddress, parse_address
from gateway.settings.signin import ImapSettings
from gateway.signin.nouns import NoAnswer, Proven

WHO = N_("The mail server")
PLAIN_NAME = re.compile(r"[A-Za-z0-9._+=&'~-]+@[^@]+")  # what no mail server takes for more than a name
NOT_NOW = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN|PRIVACYREQUIRED)\b|command error: BAD", re.IGNORECASE
)


@dataclass
class MailServer:
    """By the settings."""

    settings: ImapSettings

    @property
    def issuer(self) -> str:
        return f"imap:{self.settings.host}"

    def check(self, name: str, password: str, admit: Callable[[Proven], None]) -> Proven | None:
        """Raises NoAnswer, and whatever `admit` does."""
        address = self.address_of(name)
        if not address or not password or "\0" in password:
            return None
        who = Proven(self.issuer, address, address)
        admit(who)
        return who if self.is_right(address, password) else None

    def address_of(self, name: str) -> str:
        """ "" for what is no address."""
        full = name if "@" in name or not self.settings.domain else f"{name}@{self.settings.domain}"
        try:
            return parse_address(full).key if PLAIN_NAME.fullmatch(full) else ""
        except BadAddress:
            return ""

    def is_right(self, address: str, password: str) -> bool:
        """Raises NoAnswer where the answer says nothing of the password (RFC 5530)."""
        conn = None
        try:
            conn = self.connected()
            self.log_in(conn, address, password)
        except imaplib.IMAP4.abort as error:
            raise NoAnswer(WHO, str(error)[:300]) from error
        except imaplib.IMAP4.error as error:
            if conn is None or NOT_NOW.search(str(error)):
                raise NoAnswer(WHO, str(error)[:300]) from error
            return False
        except (OSError, ValueError) as error:
            raise NoAnswer(WHO, f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            if conn is not None:
                with suppress(imaplib.IMAP4.error, OSError):
                    conn.logout()
        return True

    def connected(self) -> imaplib.IMAP4:
        """Encrypted, as the settings say; the certificate is for that host."""
        chosen, within = self.settings, self.settings.timeout.total_seconds()
        if chosen.tls == "off":
            return imaplib.IMAP4(chosen.host, chosen.port, within)
        context = ssl.create_default_context(cafile=str(chosen.ca_file) if chosen.ca_file else None)
        if chosen.tls == "tls":
            return imaplib.IMAP4_SSL(chosen.host, chosen.port, ssl_context=context, timeout=within)
        conn = imaplib.IMAP4(chosen.host, chosen.port, within)
        try:
            conn.starttls(context)
        except (imaplib.IMAP4.error, OSError):
            conn.shutdown()
            raise
        return conn

    def log_in(self, conn: imaplib.IMAP4, address: str, password: str) -> None:
        """By the first of the two ways that the server offers; the other is not tried."""
        if "AUTH=PLAIN" in conn.capabilities:
            conn.authenticate("PLAIN", lambda _: f"\0{address}\0{password}".encode())
        elif "LOGINDISABLED" in conn.capabilities or not (password.isascii() and password.isprintable()):
            raise NoAnswer(WHO, "it offers no way to sign in with this password: AUTH=PLAIN is missing")
        else:
            conn.login(address, password)
