"""What of an overview needs somebody, in sentences that say what to do. Pure: it looks at nothing itself, and knows no
reader: `tell` of `gateway.i18n` says the sentences in somebody's language."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from gateway.i18n import _, ngettext
from gateway.marked import N_, Said, counting
from gateway.settings import Settings, size_text
from gateway.vitals.counted import expected
from gateway.vitals.everybodys import hold_change, hooks, letters, queue, unattended
from gateway.vitals.overview import Overview
from gateway.vitals.trouble import Look, Trouble

SOON = timedelta(days=14)  # before a certificate ends
WITHOUT = {
    "smtpd": N_("less mail can be taken at once"),
    "courier": N_("released mail is not delivered"),
    "pupil": N_("nothing that people say about mail is learnt"),
    "sweep": N_("nothing expires and nothing is cleaned up"),
    "submission": N_("your people cannot send mail through it"),
}


def troubles(found: Overview, settings: Settings) -> list[Trouble]:
    """The grave ones first."""
    told = [
        replace(one, kind=look.__name__, is_ours=look not in EVERYBODYS)
        for look in LOOKS
        for one in look(found, settings)
    ]
    return sorted(told, key=lambda one: not one.is_grave)


def headline(told: list[Trouble]) -> str:
    if not told:
        return _("All is well")
    return ngettext("%(count)d thing needs you", "%(count)d things need you", len(told)) % {"count": len(told)}


def absent_processes(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.numbers is None:
        yield Trouble(
            N_("What the processes count cannot be read here."),
            Said(
                N_("Look as the account that Greygate runs as, which owns %(path)s."), {"path": settings.storage.path}
            ),
            is_grave=False,
        )
        return
    if not found.is_running:
        yield Trouble(
            N_("No SMTP worker runs on this machine: no mail comes in here."),
            N_("Start it with greygate up, or with systemctl start greygate; its log says why it ended."),
        )
        return
    there = Counter(one.name for one in found.processes)
    for name, wanted in expected(settings).items():
        if there[name] < wanted:
            some = N_("%(running)d of %(wanted)d %(name)s processes run: %(so)s.")
            values = {"running": there[name], "wanted": wanted, "name": name, "so": Said(WITHOUT[name])}
            yield Trouble(
                Said(some if there[name] else N_("No %(name)s process runs: %(so)s."), values),
                N_("The supervisor starts it again after a pause; the log says why it ended."),
                about=name,
            )


def database(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.kept.trouble is not None:
        yield Trouble(
            Said(N_("The database does not answer: %(why)s."), {"why": found.kept.trouble}),
            N_("See whether it runs and can be reached. Strangers are asked to come back meanwhile, nothing is lost."),
        )
        return
    if not found.kept.is_current:
        yield Trouble(
            N_("The database has not the schema of this version."),
            N_("Run greygate db upgrade on one node, or start greygate up again."),
        )
    group = found.kept.cluster
    if group is not None and not group.is_ready:
        yield Trouble(
            Said(
                N_("This node of the database cluster takes no work: it is %(state)s."),
                {"state": group.state or Said(N_("not ready"))},
            ),
            N_("See whether most nodes of the cluster run and reach each other."),
        )


def backends(found: Overview, settings: Settings) -> Iterator[Trouble]:
    for one in found.backends or ():
        if not one.answers:
            yield Trouble(
                Said(N_("The mail server at %(url)s cannot be reached."), {"url": one.url}),
                N_("See whether it runs. Its mail waits with the senders, and what is released waits here."),
                about=one.url,
            )


def name_servers(found: Overview, settings: Settings) -> Iterator[Trouble]:
    asked = found.name_servers or []
    silent = [one.address for one in asked if not one.answers]
    if found.name_servers == []:
        yield Trouble(N_("No name server is known here."), N_("Name one in [dns] servers or in /etc/resolv.conf."))
    elif silent and len(silent) == len(asked):
        yield Trouble(
            Said(N_("No name server answers: %(servers)s."), {"servers": ", ".join(silent)}),
            N_("See whether it runs. Nobody can prove who they are meanwhile, so more mail waits than needs to."),
        )
    elif silent:
        yield Trouble(
            Said(N_("A name server does not answer: %(servers)s."), {"servers": ", ".join(silent)}),
            N_("The others are asked, a little later each time. Mend it or take it out of [dns] servers."),
            is_grave=False,
        )


def disk(found: Overview, settings: Settings) -> Iterator[Trouble]:
    reserve, where = settings.storage.reserve, {"path": settings.storage.path}
    if found.disk is None:
        yield Trouble(Said(N_("The disk of %(path)s cannot be asked."), where), N_("See whether it is there and ours."))
    elif found.disk.free < reserve:
        yield Trouble(
            Said(N_("The disk of %(path)s is nearly full."), where),
            Said(
                N_("Make room: below %(size)s waiting mail is not copied any more, and in the end none is taken."),
                {"size": size_text(reserve)},
            ),
        )


def certificate(found: Overview, settings: Settings) -> Iterator[Trouble]:
    shown = found.certificate
    if shown is None:
        return
    which = {"path": shown.path}
    if shown.ends is None:
        yield Trouble(
            Said(N_("The certificate %(path)s cannot be read."), which), N_("See whether it is there, and PEM.")
        )
    elif shown.ends <= found.at:
        yield Trouble(
            Said(N_("The certificate %(path)s has ended."), which), N_("Renew it; the new file is used from then on.")
        )
    elif shown.ends - found.at < SOON:
        days = (shown.ends - found.at).days
        yield Trouble(
            counting(
                "The certificate %(path)s ends in %(count)d day.",
                "The certificate %(path)s ends in %(count)d days.",
                days,
                **which,
            )
            if days
            else Said(N_("The certificate %(path)s ends in less than a day."), which),
            N_("Renew it, and see why that did not happen by itself; the new file is used from then on."),
            is_grave=False,
        )


def notes(found: Overview, settings: Settings) -> Iterator[Trouble]:
    lost = sum(found.numbers.by("store_notes_lost_total", "why").values()) if found.numbers else 0
    if lost:
        yield Trouble(
            counting(
                "%(count)d note about mail was not written since the start.",
                "%(count)d notes about mail were not written since the start.",
                round(lost),
            ),
            N_("The database was too slow or away; some senders wait once more for it. Its log says when."),
            is_grave=False,
        )


def crowd(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.numbers is not None and found.numbers.one("stressed"):
        yield Trouble(
            N_("So many are connected that strangers are hurried."),
            N_("If that goes on, look who they are in the log, or raise [limits] connections."),
            is_grave=False,
        )


def classifier(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.classifier.trouble is not None:
        yield Trouble(
            Said(N_("What the classifier learnt cannot be read: %(why)s."), {"why": found.classifier.trouble}),
            N_(
                "It judges by what it came with. Move the file away; what people said is taught again from the journal."
            ),
            is_grave=False,
        )


LOOKS: tuple[Look, ...] = (
    absent_processes,
    database,
    backends,
    name_servers,
    disk,
    certificate,
    queue,
    letters,
    notes,
    crowd,
    classifier,
    unattended,
    hold_change,
    hooks,
)
EVERYBODYS = frozenset({queue, letters, unattended, hold_change, hooks})
