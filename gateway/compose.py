"""Builds what the processes work with from the settings. With `cli` and `supervisor` the only composition root."""

import os
import secrets
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL

from gateway.alive import Alive
from gateway.bodies import Bodies, DatabaseBodies, FileBodies
from gateway.courier import Courier
from gateway.desk import Terms
from gateway.evidence.gather import Evidence
from gateway.evidence.recipients import CallOut, Directory, Everybody, Listed
from gateway.evidence.resolver import DnsResolver
from gateway.gauges import House
from gateway.measured import Measured
from gateway.model import Address
from gateway.policy.greylist import Timing
from gateway.policy.hold import Keeping as Kept
from gateway.policy.inbound import Policy
from gateway.policy.reply import Wording
from gateway.policy.tarpit import Delays
from gateway.relay.factory import make_route
from gateway.relay.nexthop import NextHop
from gateway.relay.wire import TimeLimits
from gateway.settings import Settings
from gateway.smtpd.certificate import Certificate
from gateway.smtpd.door import Door, Keeping, Patience
from gateway.smtpd.limits import Gate, Guesses, Most, share
from gateway.smtpd.networks import Networks
from gateway.smtpd.stress import Stress
from gateway.smtpd.tarpit import Tarpit
from gateway.store.engine import Database, open_database
from gateway.store.lookup import Lookup
from gateway.sweep import Sweep


def node_name() -> str:
    """What this machine calls itself in the database."""
    return socket.gethostname()[:60]


def database_url(settings: Settings) -> URL:
    """SQLAlchemy's form of [database] url. Raises OSError when the password file cannot be read."""
    url = settings.database.url
    if url.kind == "sqlite":
        return URL.create("sqlite", database=str(url.path))
    password = settings.database.password() or None
    return URL.create("mysql+pymysql", url.user, password, url.host, url.port, url.name, {"charset": "utf8mb4"})


def make_folders(settings: Settings) -> None:
    """The storage folder and those below it, readable by us alone."""
    for folder in (settings.storage.path, incoming_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.database.path is not None:
        settings.database.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def incoming_folder(settings: Settings) -> Path:
    return settings.storage.path / "incoming"


def bodies(settings: Settings) -> Bodies:
    if settings.storage.bodies == "database":
        return DatabaseBodies()
    return FileBodies(settings.storage.path / "bodies", settings.storage.reserve)


def verdict_key(settings: Settings) -> bytes:
    """The key that signs our verdict fields; made once, kept in the storage folder. Nodes of one cluster share it."""
    path = settings.storage.path / "verdict.key"
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        pass
    fresh = path.with_name(f".verdict.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(32) + "\n", "ascii")
    try:
        os.link(fresh, path)  # whoever is first wins, and all read the same
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return bytes.fromhex(path.read_text("ascii").strip())


def next_hops(settings: Settings, by: str) -> dict[str, NextHop]:
    """One route per local domain, measured as used by a process; domains with the same backends share it."""

    def measured(hop: NextHop, url: str) -> NextHop:
        return Measured(hop, by, url)

    backend = settings.backend
    times = TimeLimits(connect=backend.connect_timeout.total_seconds(), final=backend.final_timeout.total_seconds())
    made: dict[tuple[str, ...], NextHop] = {}
    hops = {}
    for domain in settings.domains.local:
        urls = tuple(str(url) for url in settings.backends(domain))
        if urls not in made:
            made[urls] = make_route(
                urls,
                hostname=settings.smtp.name,
                tls=backend.tls,
                parallel=backend.parallel,
                times=times,
                around=measured,
            )
        hops[domain] = made[urls]
    return hops


def directory(settings: Settings, hops: Mapping[str, NextHop]) -> Directory:
    recipients = settings.recipients
    if recipients.verify == "list":
        return Listed(recipients.list, recipients.file)
    if recipients.verify == "backend":

        async def ask(address: Address) -> bool | None:
            return await hops[address.domain].recipient_exists(address)

        return CallOut(ask, recipients.positive, recipients.negative)
    return Everybody()


def policy(settings: Settings) -> Policy:
    greylist = settings.greylist
    return Policy(
        timing=Timing(greylist.wait, greylist.window),
        at_rcpt=greylist.stage == "rcpt",
        large=greylist.large,
        give_up=greylist.give_up,
        max_received=settings.limits.received,
        pass_without_store=settings.fail.database == "pass",
        refuse_early_talkers=settings.tarpit.early_talker == "reject",
    )


def terms(settings: Settings) -> Terms:
    return Terms(settings.greylist.memory_act, settings.retention.tombstones)


def alive_folder(settings: Settings) -> Path:
    return settings.storage.path / "alive"


def alive(settings: Settings) -> Alive:
    """The sign that this process lives, for its claims."""
    return Alive(alive_folder(settings), node_name())


def door(settings: Settings, database: Database, alive: Alive) -> Door:
    """What the sessions of one worker share. Needs the running loop."""
    limits, storage = settings.limits, settings.storage
    workers = settings.smtp.workers
    hops = next_hops(settings, "smtpd")
    return Door(
        hostname=settings.smtp.name,
        name=alive.token,
        local=frozenset(settings.domains.local),
        first_local=settings.domains.local[0],
        levels=settings.protection.overrides,
        level=settings.protection.level,
        reviewed=settings.hold.reviewed,
        mode=settings.protection.mode,
        mode_by_settings=settings.protection.mode,
        policy=policy(settings),
        wording=Wording(settings.greylist.code, settings.greylist.enhanced, settings.greylist.text),
        limits=limits,
        max_size=settings.smtp.size,
        proxies=settings.smtp.proxy_from,
        relays=settings.smtp.relays,
        normalised=settings.smtp.bare_newline_ok,
        patience=Patience(settings.smtp.reply_within, settings.smtp.reply_within_unmatchable),
        keeping=Keeping(storage.keep_copies, storage.copies, storage.copies_per_network),
        memory_for=settings.greylist.memory,
        tombstones_for=settings.retention.tombstones,
        hold_for=settings.hold.keep,
        junk_header=settings.hold.junk_header,
        verdict_key=verdict_key(settings),
        incoming=incoming_folder(settings),
        bodies=bodies(settings),
        database=database,
        lookup=Lookup(database),
        directory=directory(settings, hops),
        evidence=evidence(settings),
        hops=hops,
        tarpit=tarpit(settings, database),
        most_spooled=share(limits.spooled, workers),
    )


def evidence(settings: Settings) -> Evidence:
    dns = settings.dns
    resolver = DnsResolver([(server.host, server.port) for server in dns.servers], dns.timeout.total_seconds())
    return Evidence(resolver, own_servers=bool(dns.servers), within=dns.within.total_seconds())


def tarpit(settings: Settings, database: Database) -> Tarpit:
    """Places and delays of one worker."""
    limits, chosen = settings.limits, settings.tarpit

    def mine(total: int) -> int:
        return share(total, settings.smtp.workers)

    most = Most(
        mine(limits.connections),
        mine(limits.connections_per_address),
        mine(limits.connections_per_network),
        mine(limits.connections_per_home),
        mine(limits.connections_per_site),
        mine(limits.connections_per_known_network),
        mine(limits.connections_tls),
    )
    delays = Delays(
        pause=chosen.greet_pause,
        stutter=chosen.stutter,
        patience=chosen.patience,
        memory=settings.greylist.memory,
        traps=frozenset(chosen.traps),
    )
    return Tarpit(
        delays,
        Networks(database, settings.greylist.memory),
        Gate(most),
        Stress(most.total, limits.stress_on, limits.stress_off),
        Guesses(mine(limits.unknown_recipients)),
        most=most.total * chosen.share // 100,
    )


def courier(settings: Settings, database: Database, alive: Alive) -> Courier:
    return Courier(
        name=alive.token,
        database=database,
        bodies=bodies(settings),
        hops=next_hops(settings, "courier"),
        verdict_key=verdict_key(settings),
        junk_header=settings.hold.junk_header,
        tombstones_for=settings.retention.tombstones,
        incoming=incoming_folder(settings),
    )


def sweep(settings: Settings, database: Database) -> Sweep:
    keeping = Kept(
        held=settings.hold.keep,
        window=settings.greylist.window,
        give_up=settings.greylist.give_up,
        tombstones=settings.retention.tombstones,
        events=settings.retention.events,
        networks=settings.greylist.memory,
    )
    return Sweep(
        node=node_name(),
        alive=alive_folder(settings),
        database=database,
        bodies=bodies(settings),
        keeping=keeping,
        sightings_cap=settings.storage.sightings,
        hostname=settings.smtp.name,
        postmaster=f"postmaster@{settings.domains.local[0]}",
    )


def house(settings: Settings) -> House:
    return House(settings.storage.path, settings.tls.certificate, settings.protection.mode)


def opened(settings: Settings) -> Database:
    return open_database(database_url(settings))


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 and 1.3 with forward secrecy; None when no certificate is set. Raises OSError or ssl.SSLError."""
    certificate, key = settings.tls.certificate, settings.tls.key
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    # A session may be resumed nowhere but where it began: no tickets, and a context for each listener.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(certificate, key)
    return context


def certificate(settings: Settings, listeners: int) -> Certificate:
    """What peers are shown, as the files are now and as they will be. Raises OSError or ssl.SSLError."""
    files = [path for path in (settings.tls.certificate, settings.tls.key) if path is not None]
    return Certificate(files, lambda: tls_context(settings), listeners)
