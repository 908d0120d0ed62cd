"""What keys must be to each other: each check yields the problems it sees."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gateway.settings.addresses import Endpoint, domain_of
from gateway.settings.quantities import duration_text, quoted, size_text
from gateway.settings.schema import Settings
from gateway.settings.urls import BackendUrl

Place = tuple[str, str]  # section and key


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a section and key (either may be empty); `beside` are the other keys the finding rests on."""

    section: str
    key: str
    text: str
    beside: tuple[Place, ...] = ()

    def __str__(self) -> str:
        place = f"[[{self.section}]]" if self.section == "route" else f"[{self.section}]"
        line = " ".join(filter(None, (place if self.section else "", self.key))) + f": {self.text}"
        return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")


Check = Callable[[Settings], Iterator[Problem]]


def _at_most(value: Place, bound: Place, strictly: bool = False) -> Check:
    """A check that one key is not greater than another."""

    def check(settings: Settings) -> Iterator[Problem]:
        left, right = _value(settings, value), _value(settings, bound)
        if left > right or (strictly and left == right):
            relation = "less than" if strictly else "at most"
            text = (
                f"{_text(left, value)} is too much; {relation} [{bound[0]}] {bound[1]}, which is {_text(right, bound)}"
            )
            yield Problem(*value, text, (bound,))

    return check


def _value(settings: Settings, place: Place) -> Any:
    return getattr(getattr(settings, place[0]), place[1])


def _text(value: timedelta | int, place: Place) -> str:
    if isinstance(value, timedelta):
        return duration_text(value)
    return size_text(value) if place[0] == "storage" else str(value)


def local_domains(settings: Settings) -> Iterator[Problem]:
    """At least one domain is ours."""
    if not settings.domains.local:
        yield Problem("domains", "local", 'no domain is named; write at least one: ["example.com"]')


def somewhere_to_deliver(settings: Settings) -> Iterator[Problem]:
    """Every local domain has a backend."""
    routed = {domain for route in settings.route for domain in route.domains}
    bare = [domain for domain in settings.domains.local if domain not in routed]
    if not settings.backend.url and (bare or not settings.domains.local):
        whose = f" for {', '.join(bare[:5])}" if routed and bare else ""
        text = f'there is no backend{whose}; name the mail server: "smtp://mail.example.com:25"'
        yield Problem("backend", "url", text, (("route", ""), ("domains", "local")) if routed else ())


def routes(settings: Settings) -> Iterator[Problem]:
    """A route is for domains of ours, and for each of them the only one."""
    seen: set[str] = set()
    for number, route in enumerate(settings.route, 1):
        for domain in route.domains:
            if domain not in settings.domains.local:
                text = f"{quoted(domain)} is not a local domain; name it in [domains] local too"
                yield Problem("route", f"{number} domains", text, (("domains", "local"),))
            if domain in seen:
                yield Problem(
                    "route", f"{number} domains", f"{quoted(domain)} has a route already; name it in one route only"
                )
            seen.add(domain)


def recipients_known(settings: Settings) -> Iterator[Problem]:
    """A way to verify recipients has what it needs."""
    chosen = settings.recipients
    if chosen.verify == "list" and not chosen.list and chosen.file is None:
        yield Problem(
            "recipients",
            "verify",
            '"list" needs a list; set list or file, or use "accept-all" or "backend"',
            (("recipients", "list"), ("recipients", "file")),
        )
    urls = (*settings.backend.url, *(url for route in settings.route for url in route.url))
    if chosen.verify == "backend" and any(url.scheme == "maildir" for url in urls):
        text = '"backend" asks by SMTP or LMTP, and a maildir cannot answer; use "list" or "accept-all"'
        yield Problem("recipients", "verify", text, (("backend", "url"), ("route", "")))


def at_local_domains(settings: Settings) -> Iterator[Problem]:
    """Recipients and protected accounts are at domains of ours."""
    named: tuple[tuple[Place, Iterable[str]], ...] = (
        (("recipients", "list"), settings.recipients.list),
        (("tarpit", "traps"), settings.tarpit.traps),
        (("protection.overrides", ""), settings.protection.overrides),
    )
    for (section, key), names in named:
        for name in names:
            if domain_of(name) not in settings.domains.local:
                text = f"{quoted(name)} is at no local domain; name its domain in [domains] local"
                yield Problem(section, key, text, (("domains", "local"),))


def nobodys_traps(settings: Settings) -> Iterator[Problem]:
    """A trap is nobody's address, and never one that must be reachable."""
    listed = settings.recipients.list if settings.recipients.verify == "list" else ()
    for trap in settings.tarpit.traps:
        if trap.partition("@")[0] in ("postmaster", "abuse"):
            yield Problem("tarpit", "traps", f"{quoted(trap)} must be reachable (RFC 5321, RFC 2142); remove it")
        elif trap in listed:
            text = f"{quoted(trap)} is somebody's address; take it out of one of the lists"
            yield Problem("tarpit", "traps", text, (("recipients", "list"),))


def listeners(settings: Settings) -> Iterator[Problem]:
    """Nobody listens where somebody does, and no mail comes back to us."""
    if settings.web.listen in settings.smtp.listen:
        text = f"{settings.web.listen} is taken by [smtp] listen; choose another port"
        yield Problem("web", "listen", text, (("smtp", "listen"),))
    if settings.metrics.listen in (*settings.smtp.listen, settings.web.listen):
        text = f"{settings.metrics.listen} is taken; choose another port"
        yield Problem("metrics", "listen", text, (("smtp", "listen"), ("web", "listen")))
    for url in settings.backend.url:
        if url.path is None and any(_reaches(url, own) for own in settings.smtp.listen):
            text = f"{url} is where Greygate itself listens; name the mail server behind it"
            yield Problem("backend", "url", text, (("smtp", "listen"),))


def _reaches(url: BackendUrl, own: Endpoint) -> bool:
    everywhere = own.host in ("0.0.0.0", "::") and url.host in ("127.0.0.1", "::1", "localhost")  # noqa: S104
    return url.port == own.port and (url.host == own.host or everywhere)


def one_password(settings: Settings) -> Iterator[Problem]:
    """The database's password stands in one place."""
    if settings.database.password_file is None:
        return
    beside = (("database", "url"),)
    if settings.database.kind == "sqlite":
        yield Problem("database", "password_file", "SQLite has no password; remove the line", beside)
    elif settings.database.url.password:
        yield Problem("database", "password_file", "url holds a password too; keep one of them", beside)


def certificate_and_key(settings: Settings) -> Iterator[Problem]:
    """Both files of TLS, or none."""
    pair = {"certificate": settings.tls.certificate, "key": settings.tls.key}
    missing = [name for name, path in pair.items() if path is None]
    if len(missing) == 1:
        yield Problem("tls", missing[0], "is missing; give certificate and key, or neither of them")


CHECKS: tuple[Check, ...] = (
    listeners,
    _at_most(("smtp", "reply_within"), ("smtp", "reply_within_unmatchable")),
    _at_most(("limits", "connections_per_address"), ("limits", "connections_per_network")),
    _at_most(("limits", "connections_per_network"), ("limits", "connections")),
    _at_most(("limits", "stress_off"), ("limits", "stress_on")),
    _at_most(("limits", "recipients"), ("limits", "recipients_known")),
    _at_most(("limits", "command_timeout"), ("limits", "session")),
    _at_most(("limits", "data_timeout"), ("limits", "session")),
    _at_most(("limits", "tls_handshake"), ("limits", "session")),
    local_domains,
    recipients_known,
    somewhere_to_deliver,
    routes,
    at_local_domains,
    nobodys_traps,
    one_password,
    _at_most(("greylist", "wait"), ("greylist", "window"), strictly=True),
    _at_most(("greylist", "wait"), ("greylist", "give_up"), strictly=True),
    _at_most(("greylist", "window"), ("greylist", "memory"), strictly=True),
    _at_most(("greylist", "memory"), ("greylist", "memory_act")),
    _at_most(("storage", "copies_per_network"), ("storage", "copies")),
    certificate_and_key,
)
