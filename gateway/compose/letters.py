"""Digests, alerts, hooks and reports, put together: a room of its own, since what writes is loaded by nobody else."""

from datetime import UTC
from functools import partial

from gateway.alerts.channels import Channel, Mailed, Posted
from gateway.alerts.job import Alerts, Terms
from gateway.compose.backends import relay_times
from gateway.compose.places import bodies, database_url, node_name, reads
from gateway.compose.rules import policy
from gateway.digest.job import Digests, Habits
from gateway.digest.written import Stamp
from gateway.evidence.resolver import DnsResolver
from gateway.hooks.job import Hooks, Place
from gateway.i18n import LANGUAGES
from gateway.posting import Hook
from gateway.relay.factory import make_route
from gateway.relay.nexthop import NextHop
from gateway.reports.job import DmarcReports
from gateway.reports.written import Reporter
from gateway.settings import Settings
from gateway.settings.writing import hook_secret
from gateway.store.engine import sync_engine
from gateway.store.hooks import Wanted
from gateway.vitals import Watcher, troubles

MOST_COUNTED = 999  # mails of a state: nobody reads a larger number


def digests(settings: Settings) -> Digests | None:
    """None where nobody gets any. Raises OSError where the password of the database or a key cannot be read."""
    given = settings.digest
    if not settings.tells:
        return None
    habits = Habits(
        tells=settings.tells,
        times=given.moments,
        zone=given.clock,
        most=given.most,
        codes=given.code,
        links_for=given.links,
        only_approvers=settings.hold.dangerous == "approvers",
        language=settings.web.language,
    )
    stamp = Stamp(
        sender=given.sender or postmaster(settings),
        hostname=settings.smtp.name,
        url=settings.web.url,
        zone=habits.zone,
        key=given.dkim_key.read_bytes() if given.dkim_key else b"",
        selector=given.dkim_selector,
    )
    engine = sync_engine(database_url(settings))
    return Digests(engine, bodies(settings), habits, stamp, frozenset(settings.domains.local))


def alerts(settings: Settings) -> Alerts | None:
    """None where nobody is to be told. Raises OSError where a password or a secret cannot be read."""
    given = settings.alerts
    sender = settings.digest.sender or postmaster(settings)
    channels: list[Channel] = [
        Mailed(hop_for(settings, one), sender, one, LANGUAGES[settings.web.language]) for one in given.to
    ]
    if given.hook and given.hook_secret is not None:
        channels.append(Posted(given.hook, hook_secret(given.hook_secret.read_text("ascii"))))
    if not channels:
        return None
    engine = sync_engine(database_url(settings))
    watcher = Watcher(settings, partial(reads, engine), most=MOST_COUNTED)
    return Alerts(
        engine=engine,
        node=node_name(),
        hostname=settings.smtp.name,
        look=lambda: troubles(watcher.look(), settings),
        channels=channels,
        terms=Terms(given.after, given.again),
        health=f"{settings.web.url}/health" if settings.web.url else "",
    )


def hooks(settings: Settings) -> Hooks | None:
    """None where there are none. Raises OSError where a password or a secret cannot be read."""
    places = [
        Place(
            Wanted(one.name, frozenset(one.events), frozenset(one.domains)),
            Hook(one.address, hook_secret(one.secret_file.read_text("ascii"))),
        )
        for one in settings.hook
    ]
    if not places:
        return None
    return Hooks(sync_engine(database_url(settings)), node_name(), settings.smtp.name, settings.web.url, places)


def reports(settings: Settings) -> DmarcReports | None:
    """None where they are off. Raises OSError where the password of the database or a key cannot be read."""
    given, digest, dns = settings.reports, settings.digest, settings.dns
    if not given.dmarc:
        return None
    sender = given.sender or postmaster(settings)
    domain = sender.rpartition("@")[2]
    signs = digest.dkim_key is not None and domain == (digest.sender or postmaster(settings)).rpartition("@")[2]
    stamp = Stamp(
        sender=sender,
        hostname=settings.smtp.name,
        url="",
        zone=UTC,
        key=digest.dkim_key.read_bytes() if digest.dkim_key and signs else b"",
        selector=digest.dkim_selector,
    )
    hop = make_route(
        tuple(map(str, settings.submission.smarthost)),
        hostname=settings.smtp.name,
        tls=settings.submission.smarthost_tls,
        parallel=1,
        times=relay_times(settings),
    )
    return DmarcReports(
        engine=sync_engine(database_url(settings)),
        hop=hop,
        resolver=DnsResolver([(server.host, server.port) for server in dns.servers], dns.timeout.total_seconds()),
        reporter=Reporter(stamp, given.organisation or domain, given.contact),
        policy=policy(settings),
        local=frozenset(settings.domains.local),
        batv_key=settings.submission.batv_key if settings.submission.sign else "",
    )


def postmaster(settings: Settings) -> str:
    return f"postmaster@{settings.domains.local[0]}"


def hop_for(settings: Settings, address: str) -> NextHop:
    urls = settings.alerts.via or settings.backends(address.rpartition("@")[2])
    return make_route(tuple(map(str, urls)), hostname=settings.smtp.name, tls=settings.backend.tls, parallel=1)
