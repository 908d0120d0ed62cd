"""What the sessions of a worker share: for mail that comes in, and for mail that our people send."""

from dataclasses import replace

from gateway.alive import Alive
from gateway.compose.backends import directory, next_hops, relay_times
from gateway.compose.places import bodies, incoming_folder, model_folder, verdict_key
from gateway.compose.rules import in_force, ours, policy, shadow
from gateway.evidence import systems
from gateway.evidence.clamav import Clamd, NoScanner, Scanner
from gateway.evidence.content import Looking, Nobody, Readers
from gateway.evidence.domain import signers
from gateway.evidence.gather import Evidence
from gateway.evidence.resolver import DnsResolver
from gateway.policy.audit import AuditTerms
from gateway.policy.inbound import Policy
from gateway.policy.reply import Wording
from gateway.policy.tarpit import Delays
from gateway.relay.factory import make_endpoints, make_route
from gateway.settings import Settings
from gateway.smtpd.door import Door, Keeping, OwnMail, Patience
from gateway.smtpd.limits import Gate, Guesses, Most, share
from gateway.smtpd.networks import Networks
from gateway.smtpd.noted import Sparingly
from gateway.smtpd.stress import Stress
from gateway.smtpd.tarpit import Tarpit
from gateway.store.engine import Database
from gateway.store.lookup import Lookup
from gateway.submission.logins import Logins
from gateway.submission.office import Office

SECONDS_AT_ONCE = 4  # of looks at mail that is sent away anyway: a morning's mail comes in waves


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
        tells=settings.tells,
        ours=ours(settings),
        expects=settings.expecting.enabled,
        mode=in_force(settings),
        mode_by_settings=in_force(settings),
        policy=audited(settings),
        draft=shadow(settings),
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
        systems=systems.read(settings.hosters.asn_file),
        own_mail=OwnMail(settings.submission.batv_key, settings.submission.backscatter == "hold"),
        most_spooled=share(limits.spooled, workers),
        looking=looking(settings),
        looks_at_remembered=settings.content.remembered,
        pending_looks=Sparingly(settings.content.pending, SECONDS_AT_ONCE * settings.content.pending),
        scanner=scanner(settings),
    )


def audited(settings: Settings) -> Policy:
    """The policy with the secret that chooses what is listed; drafts go without, as they let nothing in."""
    return replace(policy(settings), audit=AuditTerms(settings.audit.share, verdict_key(settings)))


def submission_door(settings: Settings, database: Database, alive: Alive) -> Door:
    """What the sessions of those who send mail share; behind it is the smarthost. Needs the running loop."""
    chosen, limits = settings.submission, settings.limits
    most = Most(*([chosen.sessions] * 7))
    delays = Delays(memory=settings.greylist.memory)
    pit = Tarpit(
        delays,
        Networks(database, settings.greylist.memory),
        Gate(most),
        Stress(most.total, limits.stress_on, limits.stress_off),
        Guesses(limits.unknown_recipients),
        most=most.total,
    )
    urls = tuple(map(str, chosen.smarthost))
    hop = make_route(urls, hostname=settings.smtp.name, tls=chosen.smarthost_tls)
    usual = door(settings, database, alive)
    return replace(usual, hops={"": hop}, tarpit=pit, relays=(), most_spooled=limits.spooled, looking=Nobody())


def office(settings: Settings) -> Office:
    """What is known of those who send mail, and where it goes."""
    chosen = settings.submission
    return Office(
        logins=Logins(chosen.users, chosen.failures),
        trusted=chosen.trusted,
        local=frozenset(settings.domains.local),
        smarthosts=make_endpoints(
            tuple(map(str, chosen.smarthost)), hostname=settings.smtp.name, tls=chosen.smarthost_tls
        ),
        times=relay_times(settings),
        form_accounts=frozenset(chosen.form_accounts),
        memory_for=settings.greylist.memory_act,
        signers=signers,
        key=chosen.batv_key if chosen.sign else "",
    )


def looking(settings: Settings) -> Looking:
    """Who looks at what mail says, for one worker."""
    chosen = settings.content
    if not chosen.enabled:
        return Nobody()
    return Readers(
        number=chosen.workers,
        within=chosen.within.total_seconds(),
        memory=chosen.memory,
        queue=chosen.queue * chosen.workers,
        model=model_folder(settings),
        in_files=chosen.files,
    )


def scanner(settings: Settings) -> Scanner:
    chosen = settings.clamav
    return Clamd(chosen.socket, chosen.within.total_seconds()) if chosen.socket else NoScanner()


def evidence(settings: Settings) -> Evidence:
    dns = settings.dns
    resolver = DnsResolver([(server.host, server.port) for server in dns.servers], dns.timeout.total_seconds())
    within = dns.within.total_seconds()
    return Evidence(resolver, own_servers=bool(dns.servers), within=within, reports=settings.reports.dmarc)


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
