"""What an admin should know about usable settings: warnings, files that cannot be read, the timers in words."""

import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.i18n import _
from gateway.model import Level, Mode
from gateway.settings.crosschecks import Problem
from gateway.settings.quantities import size_text, words
from gateway.settings.read import BadSettings, read
from gateway.settings.schema import Settings
from gateway.settings.writing import hook_secret

_FLOOR = {(3, 11): 15, (3, 12): 13, (3, 13): 12}  # the first release of each without known holes that matter to us
_SQLITE_WORKERS = 4
LEAST_BITS = 2048  # RFC 8301 3.2: signers use no fewer
_HOLDING = (Level.REVIEW_BEFORE, Level.KNOWN_ONLY)


def timers_sentence(settings: Settings) -> str:
    """How long a new sender waits, may take, and is remembered."""
    timers = settings.greylist
    return _(
        "A new sender waits at least %(wait)s, has %(window)s to come back, and is then remembered for %(memory)s."
    ) % {"wait": words(timers.wait), "window": words(timers.window), "memory": words(timers.memory)}


def warnings(settings: Settings, python: tuple[int, int, int] | None = None) -> list[str]:
    """What is allowed but may surprise, a sentence each; `python` is a version, by default this interpreter's."""
    found = [text for warning in _WARNINGS for text in warning(settings)]
    return found + list(_old_python(python or sys.version_info[:3]))


def _old_python(version: tuple[int, int, int]) -> Iterator[str]:
    floor = _FLOOR.get(version[:2], 0)
    if version[2] < floor:
        running, wanted = ".".join(map(str, version)), ".".join(map(str, (*version[:2], floor)))
        yield _("Python %(running)s lacks the security fixes of %(wanted)s; your distribution may have patched it.") % {
            "running": running,
            "wanted": wanted,
        }


def _unverified_recipients(settings: Settings) -> Iterator[str]:
    if settings.recipients.verify == "accept-all":
        yield _('[recipients] verify is "accept-all": mail for people who do not exist is taken up to the backend.')


def _nobody_reviews(settings: Settings) -> Iterator[str]:
    levels = (settings.protection.level, *settings.protection.overrides.values())
    is_told = settings.digest.send == "everybody"
    if not settings.hold.reviewed and not is_told and not any(level in _HOLDING for level in levels):
        yield _(
            "[hold] reviewed is false: suspicious mail is delivered with the junk header, unless its recipient has a "
            "reviewer; set it to true when somebody looks at held mail."
        )


def _busy_sqlite(settings: Settings) -> Iterator[str]:
    workers = settings.smtp.workers
    if settings.database.kind == "sqlite" and workers > _SQLITE_WORKERS:
        yield _("[smtp] workers is %(workers)d, and SQLite lets one write at a time; with more than 4 use MariaDB.") % {
            "workers": workers
        }


def _open_when_down(settings: Settings) -> Iterator[str]:
    if settings.fail.database == "pass":
        yield _('[fail] database is "pass": while the database is down, every stranger is let in.')


def _observing(settings: Settings) -> Iterator[str]:
    if settings.protection.mode is Mode.OBSERVE:
        yield _(
            '[protection] mode is "observe": nobody waits and nothing is held until somebody says '
            "greygate observe arm; greygate observe report tells what would have happened."
        )


def _no_wait(settings: Settings) -> Iterator[str]:
    if not settings.greylist.wait:
        yield _("[greylist] wait is 0s: a stranger has to come back, but may do so at once.")


def _believed_proxies(settings: Settings) -> Iterator[str]:
    for network in settings.smtp.proxy_from:
        if network.prefixlen == 0:
            yield _("[smtp] proxy_from holds %(network)s: any peer can claim to be any other.") % {"network": network}
    for network in settings.web.proxies:
        if network.prefixlen == 0:
            yield _("[web] proxies holds %(network)s: any browser can claim to be at any address.") % {
                "network": network
            }


def _believed_relays(settings: Settings) -> Iterator[str]:
    for network in settings.smtp.relays:
        if network.prefixlen == 0:
            yield _(
                "[smtp] relays holds %(network)s: nobody waits, and any peer can claim to bring another's mail."
            ) % {"network": network}


def _no_tls(settings: Settings) -> Iterator[str]:
    if settings.tls.certificate is None:
        yield _("[tls] names no certificate: peers cannot encrypt their mail to us.")


def _little_room(settings: Settings) -> Iterator[str]:
    largest = settings.smtp.size
    if settings.storage.reserve < largest:
        yield _("[storage] reserve holds no mail of [smtp] size, %(size)s.") % {"size": size_text(largest)}
    if settings.storage.keep_copies and settings.storage.copies_per_network < largest:
        yield _("[storage] copies_per_network holds no mail of [smtp] size, %(size)s.") % {"size": size_text(largest)}


_WARNINGS: tuple[Callable[[Settings], Iterator[str]], ...] = (
    _unverified_recipients,
    _nobody_reviews,
    _busy_sqlite,
    _open_when_down,
    _observing,
    _no_wait,
    _believed_proxies,
    _believed_relays,
    _no_tls,
    _little_room,
)


def file_problems(settings: Settings, source: str = "settings") -> list[str]:
    """The files that settings name and that cannot be used now, a line each in the form of `read`."""
    found = [
        *_unreadable(settings),
        *_open_secrets(settings),
        *_bad_pair(settings),
        *_bad_draft(settings),
        *_bad_signature(settings),
        *_bad_hook(settings),
    ]
    return [f"{source}: {problem}" for problem in found]


def _files(settings: Settings) -> list[tuple[str, str, Path | None]]:
    return [
        ("recipients", "file", settings.recipients.file),
        ("hosters", "asn_file", settings.hosters.asn_file),
        ("database", "password_file", settings.database.password_file),
        ("tls", "certificate", settings.tls.certificate),
        ("tls", "key", settings.tls.key),
        ("oidc", "ca_file", settings.oidc.ca_file),
        ("directory", "ca_file", settings.directory.ca_file),
        ("imap", "ca_file", settings.imap.ca_file),
        *_secrets(settings),
        ("digest", "dkim_key", settings.digest.dkim_key),
        ("alerts", "hook_secret", settings.alerts.hook_secret),
        *(("hook", f"{number} secret_file", one.secret_file) for number, one in enumerate(settings.hook, 1)),
    ]


def _secrets(settings: Settings) -> list[tuple[str, str, Path | None]]:
    return [
        ("oidc", "secret_file", settings.oidc.secret_file),
        ("directory", "password_file", settings.directory.password_file),
    ]


def _open_secrets(settings: Settings) -> Iterator[Problem]:
    """Secrets that others on this machine can read."""
    for section, key, path in _secrets(settings):
        try:
            if path is not None and path.stat().st_mode & 0o077:
                yield Problem(section, key, f"{path} can be read by others: chmod 600 {path}")
        except OSError:
            continue  # told by the file that cannot be read


def _unreadable(settings: Settings) -> Iterator[Problem]:
    for section, key, path in _files(settings):
        try:
            if path is not None:
                path.read_bytes()
        except OSError as error:
            yield Problem(section, key, f"{path} cannot be read: {error.strerror}")


def _bad_draft(settings: Settings) -> Iterator[Problem]:
    if settings.shadow.settings is None:
        return
    try:
        read(settings.shadow.settings)
    except BadSettings as error:
        yield from (Problem("shadow", "settings", problem) for problem in error.problems)


def _bad_pair(settings: Settings) -> Iterator[Problem]:
    certificate, key = settings.tls.certificate, settings.tls.key
    if certificate is None or key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = error.reason or "no PEM"
        yield Problem(
            "tls", "certificate", f"{certificate} and {key} do not load ({reason}); both must be PEM, and a pair"
        )
    except OSError:
        return  # told by the file that cannot be read


def _bad_signature(settings: Settings) -> Iterator[Problem]:
    path = settings.digest.dkim_key
    if path is None:
        return
    from cryptography.hazmat.primitives import serialization  # megabytes that no worker needs
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError:
        return  # told by the file that cannot be read
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, rsa.RSAPrivateKey) or found.key_size < LEAST_BITS:
        yield Problem("digest", "dkim_key", f"{path} is no RSA key of at least {LEAST_BITS} bits without a password")


def _bad_hook(settings: Settings) -> Iterator[Problem]:
    hooks = [("alerts", "hook_secret", settings.alerts.hook_secret)]
    hooks += [("hook", f"{number} secret_file", one.secret_file) for number, one in enumerate(settings.hook, 1)]
    for section, key, path in hooks:
        try:
            if path is not None:
                hook_secret(path.read_text("ascii"))
        except OSError:
            continue  # told by the file that cannot be read
        except ValueError as error:
            yield Problem(section, key, f"{path} holds no secret: {error}")
