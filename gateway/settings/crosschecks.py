"""What keys must be to each other: each check yields the problems it sees."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gateway.model import Mode
from gateway.settings.addresses import Endpoint, domain_of
from gateway.settings.quantities import DAY, duration_text, quoted, size_text
from gateway.settings.schema import REPEATED, Settings
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
        place = f"[[{self.section}]]" if self.section in REPEATED else f"[{self.section}]"
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
        (("submission", "form_accounts"), settings.submission.form_accounts),
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


def submission(settings: Settings) -> Iterator[Problem]:
    """Who submits mail must be told from who may not, and somebody must take it."""
    chosen = settings.submission
    if not chosen.is_on:
        return
    taken = [*settings.smtp.listen, settings.web.listen, settings.metrics.listen]
    for key, own in (("listen", chosen.listen), ("listen_tls", chosen.listen_tls)):
        for endpoint in own:
            if endpoint in taken:
                yield Problem("submission", key, f"{endpoint} is taken; choose another port", (("smtp", "listen"),))
            taken.append(endpoint)
    beside = (("submission", "listen"), ("submission", "listen_tls"))
    if not chosen.users and not chosen.trusted:
        yield Problem("submission", "users", "nobody may send; name users, or trusted networks", beside)
    if settings.tls.certificate is None and (chosen.users or chosen.listen_tls):
        text = "logins need TLS, and [tls] names no certificate; give certificate and key"
        yield Problem("submission", "users", text, (("tls", "certificate"), *beside))
    if any(network.prefixlen == 0 for network in chosen.trusted):
        yield Problem("submission", "trusted", "anybody could send through us; name your own networks", beside)


def smarthost(settings: Settings) -> Iterator[Problem]:
    """Submitted mail goes somewhere else, by SMTP."""
    chosen, place = settings.submission, (("submission", "listen"), ("submission", "listen_tls"))
    if chosen.is_on and not chosen.smarthost:
        yield Problem(
            "submission", "smarthost", 'is missing; name who sends it on: "smtp://relay.example.com:25"', place
        )
    own = (*settings.smtp.listen, *chosen.listen, *chosen.listen_tls)
    for url in chosen.smarthost:
        if url.scheme != "smtp":
            yield Problem("submission", "smarthost", f"{url} is no smtp:// URL; name a mail server that sends it on")
        elif any(_reaches(url, one) for one in own):
            yield Problem("submission", "smarthost", f"{url} is where Greygate itself listens", place)


def tags(settings: Settings) -> Iterator[Problem]:
    """What is signed needs a key."""
    if settings.submission.sign and not settings.submission.batv_key:
        yield Problem("submission", "sign", "needs batv_key", (("submission", "batv_key"),))


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


def draft_named(settings: Settings) -> Iterator[Problem]:
    """Who wants a shadow says of what."""
    if settings.protection.mode is Mode.SHADOW and settings.shadow.settings is None:
        text = '"shadow" needs a draft; name its file in [shadow] settings'
        yield Problem("protection", "mode", text, (("shadow", "settings"),))


def issuer(settings: Settings) -> Iterator[Problem]:
    """Who sends people to an issuer is known there, and says where they come back to."""
    chosen, beside = settings.oidc, (("oidc", "issuer"),)
    if not chosen.is_on:
        return
    if not chosen.client_id:
        yield Problem("oidc", "client_id", "is missing; it is what Greygate is called at the issuer", beside)
    if not settings.web.url:
        text = "is missing; the issuer sends people back to it: https://gate.example.com"
        yield Problem("web", "url", text, beside)
    if "openid" not in chosen.scopes:
        yield Problem("oidc", "scopes", 'lack "openid": the issuer would not say who it is', beside)


def directory(settings: Settings) -> Iterator[Problem]:
    """Who asks a directory says where and by whom, and never in the clear."""
    chosen, beside = settings.directory, (("directory", "url"),)
    if settings.recipients.verify == "directory" and not chosen.keeps_recipients:
        text = '"directory" needs [directory] url and sync = "recipients" or "both"'
        yield Problem("recipients", "verify", text, (("directory", "sync"), *beside))
    if not chosen.is_on:
        return
    if not chosen.base:
        yield Problem(
            "directory", "base", "is missing; below which entry are people: ou=people,dc=example,dc=com", beside
        )
    if "{name}" not in chosen.filter:
        yield Problem("directory", "filter", "lacks {name}: everybody would be somebody", beside)
    if bool(chosen.bind_dn) != (chosen.password_file is not None):
        text = "goes with password_file; give both, or neither of them"
        yield Problem("directory", "bind_dn", text, (("directory", "password_file"), *beside))
    if chosen.tls == "off" and not all(url.is_local for url in chosen.url):
        text = '"off" is for a directory on this machine; passwords would be sent in the clear'
        yield Problem("directory", "tls", text, beside)


def mail_server(settings: Settings) -> Iterator[Problem]:
    """No password is sent to a mail server in the clear."""
    if settings.imap.is_on and settings.imap.tls == "off" and not settings.imap.is_local:
        text = '"off" is for a mail server on this machine; passwords would be sent in the clear'
        yield Problem("imap", "tls", text, (("imap", "host"),))


def digests(settings: Settings) -> Iterator[Problem]:
    """Links lead somewhere, and a signature has a key and its name."""
    given = settings.digest
    if given.send == "everybody" and not (settings.web.url and settings.web.enabled):
        text = "the links in them lead nowhere; name the address of the pages"
        yield Problem("digest", "send", text, (("web", "url"), ("web", "enabled")))
    if (given.dkim_key is None) == bool(given.dkim_selector):
        yield Problem("digest", "dkim_selector", "a key and its selector go together", (("digest", "dkim_key"),))


def alerts(settings: Settings) -> Iterator[Problem]:
    """A hook and its secret, and somewhere to send to whom we have no mail server for."""
    given = settings.alerts
    if bool(given.hook) == (given.hook_secret is None):
        yield Problem("alerts", "hook", "a hook and its secret go together", (("alerts", "hook_secret"),))
    elsewhere = [one for one in given.to if one.rpartition("@")[2] not in settings.domains.local]
    if elsewhere and not given.via:
        text = f"{', '.join(elsewhere[:3])} is at no domain of ours; name the server that takes mail for it"
        yield Problem("alerts", "via", text, (("alerts", "to"), ("domains", "local")))


def hooks(settings: Settings) -> Iterator[Problem]:
    """Each has a name of its own, an address, and domains that are ours."""
    names: set[str] = set()
    for number, one in enumerate(settings.hook, 1):
        if one.name in names:
            yield Problem("hook", f"{number} name", f"{quoted(one.name)} is the name of another one")
        if not one.address:
            yield Problem("hook", f"{number} address", "is empty; write an address such as https://siem.example.com/x")
        names.add(one.name)
        for domain in one.domains:
            if domain not in settings.domains.local:
                text = f"{quoted(domain)} is not among the local domains"
                yield Problem("hook", f"{number} domains", text, (("domains", "local"),))


def reports(settings: Settings) -> Iterator[Problem]:
    """Reports go to others' domains, where no backend of ours delivers."""
    if settings.reports.dmarc and not settings.submission.smarthost:
        text = "reports go to other domains; name who sends them on in [submission] smarthost"
        yield Problem("reports", "dmarc", text, (("submission", "smarthost"),))
    if settings.reports.dmarc and settings.retention.events < 2 * DAY:
        text = "reports are made of the history of a whole day; keep that for 2d at least, in [retention] events"
        yield Problem("reports", "dmarc", text, (("retention", "events"),))


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
    draft_named,
    one_password,
    _at_most(("greylist", "wait"), ("greylist", "window"), strictly=True),
    _at_most(("greylist", "wait"), ("greylist", "give_up"), strictly=True),
    _at_most(("greylist", "window"), ("greylist", "memory"), strictly=True),
    _at_most(("greylist", "memory"), ("greylist", "memory_act")),
    _at_most(("storage", "copies_per_network"), ("storage", "copies")),
    certificate_and_key,
    digests,
    alerts,
    hooks,
    reports,
    submission,
    smarthost,
    tags,
    issuer,
    directory,
    mail_server,
)
