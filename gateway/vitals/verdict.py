"""What of an overview needs somebody, in sentences that say what to do. Pure: it looks at nothing itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.model import DeliveryState, Switch
from gateway.settings import Settings, size_text
from gateway.statistics.sudden import Way
from gateway.vitals.counted import expected
from gateway.vitals.overview import Overview

SOON = timedelta(days=14)  # before a certificate ends
STUCK = timedelta(hours=1)  # that a released mail may be under way
WITHOUT = {
    "smtpd": "less mail can be taken at once",
    "courier": "released mail is not delivered",
    "pupil": "nothing that people say about mail is learnt",
    "sweep": "nothing expires and nothing is cleaned up",
    "submission": "your people cannot send mail through it",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is amiss, and what to do. `is_grave`: mail waits, or will.

    `kind` and `about` stay the same while the words change; `is_ours`: it is this machine's alone.
    """

    words: str
    do: str
    is_grave: bool = True
    about: str = ""
    kind: str = ""
    is_ours: bool = True


Look = Callable[[Overview, Settings], Iterator[Trouble]]


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
        return "All is well"
    return "1 thing needs you" if len(told) == 1 else f"{len(told)} things need you"


def absent_processes(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.numbers is None:
        yield Trouble(
            "What the processes count cannot be read here.",
            f"Look as the account that Greygate runs as, which owns {settings.storage.path}.",
            is_grave=False,
        )
        return
    if not found.is_running:
        yield Trouble(
            "No SMTP worker runs on this machine: no mail comes in here.",
            "Start it with greygate up, or with systemctl start greygate; its log says why it ended.",
        )
        return
    there = Counter(one.name for one in found.processes)
    for name, wanted in expected(settings).items():
        if there[name] < wanted:
            count = f"{there[name]} of {wanted} {name} processes run" if there[name] else f"No {name} process runs"
            yield Trouble(
                f"{count}: {WITHOUT[name]}.",
                "The supervisor starts it again after a pause; the log says why it ended.",
                about=name,
            )


def database(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.kept.trouble is not None:
        yield Trouble(
            f"The database does not answer: {found.kept.trouble}.",
            "See whether it runs and can be reached. Strangers are asked to come back meanwhile, nothing is lost.",
        )
        return
    if not found.kept.is_current:
        yield Trouble(
            "The database has not the schema of this version.",
            "Run greygate db upgrade on one node, or start greygate up again.",
        )
    group = found.kept.cluster
    if group is not None and not group.is_ready:
        yield Trouble(
            f"This node of the database cluster takes no work: it is {group.state or 'not ready'}.",
            "See whether most nodes of the cluster run and reach each other.",
        )


def backends(found: Overview, settings: Settings) -> Iterator[Trouble]:
    for one in found.backends or ():
        if not one.answers:
            yield Trouble(
                f"The mail server at {one.url} cannot be reached.",
                "See whether it runs. Its mail waits with the senders, and what is released waits here.",
                about=one.url,
            )


def name_servers(found: Overview, settings: Settings) -> Iterator[Trouble]:
    asked = found.name_servers or []
    silent = [one.address for one in asked if not one.answers]
    if found.name_servers == []:
        yield Trouble("No name server is known here.", "Name one in [dns] servers or in /etc/resolv.conf.")
    elif silent and len(silent) == len(asked):
        yield Trouble(
            f"No name server answers: {', '.join(silent)}.",
            "See whether it runs. Nobody can prove who they are meanwhile, so more mail waits than needs to.",
        )
    elif silent:
        yield Trouble(
            f"A name server does not answer: {', '.join(silent)}.",
            "The others are asked, a little later each time. Mend it or take it out of [dns] servers.",
            is_grave=False,
        )


def disk(found: Overview, settings: Settings) -> Iterator[Trouble]:
    reserve = settings.storage.reserve
    if found.disk is None:
        yield Trouble(f"The disk of {settings.storage.path} cannot be asked.", "See whether it is there and ours.")
    elif found.disk.free < reserve:
        yield Trouble(
            f"The disk of {settings.storage.path} is nearly full.",
            f"Make room: below {size_text(reserve)} waiting mail is not copied any more, and in the end none is taken.",
        )


def certificate(found: Overview, settings: Settings) -> Iterator[Trouble]:
    shown = found.certificate
    if shown is None:
        return
    if shown.ends is None:
        yield Trouble(f"The certificate {shown.path} cannot be read.", "See whether it is there, and PEM.")
    elif shown.ends <= found.at:
        yield Trouble(f"The certificate {shown.path} has ended.", "Renew it; the new file is used from then on.")
    elif shown.ends - found.at < SOON:
        days = (shown.ends - found.at).days
        left = "in less than a day" if not days else "in 1 day" if days == 1 else f"in {days} days"
        yield Trouble(
            f"The certificate {shown.path} ends {left}.",
            "Renew it, and see why that did not happen by itself; the new file is used from then on.",
            is_grave=False,
        )


def queue(found: Overview, settings: Settings) -> Iterator[Trouble]:
    mails, oldest = found.kept.queue.mails, found.kept.queue.oldest
    lost, most = mails.get(DeliveryState.UNDELIVERABLE, 0), found.kept.most
    if lost:
        count = f"More than {most} mails" if most is not None and lost > most else f"{lost} mail{'s' * (lost != 1)}"
        yield Trouble(
            f"{count} could not be delivered.",
            "Find out why on the page of each, then release it again or refuse it.",
            is_grave=False,
        )
    waiting = oldest.get(DeliveryState.RELEASING, timedelta(0))
    if waiting > STUCK and Switch.FREEZE_RELEASES not in found.kept.turned:
        yield Trouble(
            "Released mail has not been delivered for more than an hour.",
            "See what the mail server says to it: greygate queue list, and greygate queue why ID.",
        )


def letters(found: Overview, settings: Settings) -> Iterator[Trouble]:
    told = found.kept.letters
    if told.missing:
        whose = "The digest of 1 person was" if told.missing == 1 else f"The digests of {told.missing} people were"
        yield Trouble(
            f"{whose} not sent.",
            "The sweep sends them; its log says why it cannot. They are made up for within six hours.",
        )
    if told.undelivered:
        what = "1 digest has" if told.undelivered == 1 else f"{told.undelivered} digests have"
        yield Trouble(
            f"{what} not come to the mail server for more than an hour.",
            "See what it says to them: greygate queue list, and greygate queue why ID.",
        )


def notes(found: Overview, settings: Settings) -> Iterator[Trouble]:
    lost = sum(found.numbers.by("store_notes_lost_total", "why").values()) if found.numbers else 0
    if lost:
        yield Trouble(
            f"{lost:.0f} notes about mail were not written since the start.",
            "The database was too slow or away; some senders wait once more for it. Its log says when.",
            is_grave=False,
        )


def crowd(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.numbers is not None and found.numbers.one("stressed"):
        yield Trouble(
            "So many are connected that strangers are hurried.",
            "If that goes on, look who they are in the log, or raise [limits] connections.",
            is_grave=False,
        )


def classifier(found: Overview, settings: Settings) -> Iterator[Trouble]:
    if found.classifier.trouble is not None:
        yield Trouble(
            f"What the classifier learnt cannot be read: {found.classifier.trouble}.",
            "It judges by what it came with. Move the file away; what people said is taught again from the journal.",
            is_grave=False,
        )


def unattended(found: Overview, settings: Settings) -> Iterator[Trouble]:
    waits = found.kept.queue.oldest.get(DeliveryState.HELD, timedelta(0))
    if waits > settings.alerts.unattended:
        yield Trouble(
            f"A mail has waited for a decision for {waits.days} days.",
            f"Decide about it, or see who should: after {settings.hold.keep.days} days it expires.",
            is_grave=False,
        )


def hold_change(found: Overview, settings: Settings) -> Iterator[Trouble]:
    told = found.sudden
    if told is None:
        return
    when = "the last hour" if told.hours == 1 else f"the last {told.hours} hours"
    mails = "1 mail was" if told.held == 1 else f"{told.held or 'No'} mails were"
    yield Trouble(
        f"{mails} held in {when}; usual for these hours are {told.usual:.0f}.",
        "See what came: a flood, a campaign, or a rule of yours that catches too much."
        if told.way is Way.RISE
        else "Mail is let in as usual. See whether a part that judges it is away, or a setting or entry lets all in.",
        is_grave=False,
        about=str(told.way),
    )


def hooks(found: Overview, settings: Settings) -> Iterator[Trouble]:
    for name in (one.name for one in settings.hook if one.name in found.kept.hooks):
        told = found.kept.hooks[name]
        since = told.waits_since
        if told.given_up:
            yield Trouble(
                f"The hook {name} was not told of {told.given_up} event{'s' * (told.given_up != 1)} and will not be.",
                "They could not be posted for a day. What happened is in the history of each mail, and in the API.",
                about=name,
                is_grave=False,
            )
        elif since is not None and found.at - since > STUCK:
            yield Trouble(
                f"The hook {name} has not been told for more than an hour: {told.said or 'nothing posts to it'}.",
                "See whether it answers, and what greygate hooks list says. It is tried for a day.",
                about=name,
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
EVERYBODYS = frozenset({queue, letters, unattended, hold_change, hooks})  # one database has them for all nodes
