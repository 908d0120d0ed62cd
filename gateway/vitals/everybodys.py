"""What is amiss for all nodes at once: one database has it for all of them."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.marked import N_, Said, counting
from gateway.model import DeliveryState, Switch
from gateway.settings import Settings
from gateway.statistics.sudden import Way
from gateway.vitals.overview import Overview
from gateway.vitals.trouble import Trouble

STUCK = timedelta(hours=1)  # that a released mail may be under way


def queue(found: Overview, settings: Settings) -> Iterator[Trouble]:
    mails, oldest = found.kept.queue.mails, found.kept.queue.oldest
    lost, most = mails.get(DeliveryState.UNDELIVERABLE, 0), found.kept.most
    if lost:
        at_least = counting(
            "More than %(count)d mail could not be delivered.",
            "More than %(count)d mails could not be delivered.",
            most or 0,
        )
        exactly = counting("%(count)d mail could not be delivered.", "%(count)d mails could not be delivered.", lost)
        yield Trouble(
            at_least if most is not None and lost > most else exactly,
            N_("Find out why on the page of each, then release it again or refuse it."),
            is_grave=False,
        )
    waiting = oldest.get(DeliveryState.RELEASING, timedelta(0))
    if waiting > STUCK and Switch.FREEZE_RELEASES not in found.kept.turned:
        yield Trouble(
            N_("Released mail has not been delivered for more than an hour."),
            N_("See what the mail server says to it: greygate queue list, and greygate queue why ID."),
        )


def letters(found: Overview, settings: Settings) -> Iterator[Trouble]:
    told = found.kept.letters
    if told.missing:
        yield Trouble(
            counting(
                "The digest of %(count)d person was not sent.",
                "The digests of %(count)d people were not sent.",
                told.missing,
            ),
            N_("The sweep sends them; its log says why it cannot. They are made up for within six hours."),
        )
    if told.undelivered:
        yield Trouble(
            counting(
                "%(count)d digest has not come to the mail server for more than an hour.",
                "%(count)d digests have not come to the mail server for more than an hour.",
                told.undelivered,
            ),
            N_("See what it says to them: greygate queue list, and greygate queue why ID."),
        )


def unattended(found: Overview, settings: Settings) -> Iterator[Trouble]:
    waits = found.kept.queue.oldest.get(DeliveryState.HELD, timedelta(0))
    if waits > settings.alerts.unattended:
        yield Trouble(
            counting(
                "A mail has waited for a decision for %(count)d day.",
                "A mail has waited for a decision for %(count)d days.",
                waits.days,
            ),
            counting(
                "Decide about it, or see who should: after %(count)d day it expires.",
                "Decide about it, or see who should: after %(count)d days it expires.",
                settings.hold.keep.days,
            ),
            is_grave=False,
        )


def hold_change(found: Overview, settings: Settings) -> Iterator[Trouble]:
    told = found.sudden
    if told is None:
        return
    when = counting("the last hour", "the last %(count)d hours", told.hours)
    values = {"when": when, "usual": f"{told.usual:.0f}"}
    yield Trouble(
        counting(
            "%(count)d mail was held in %(when)s; usual for these hours are %(usual)s.",
            "%(count)d mails were held in %(when)s; usual for these hours are %(usual)s.",
            told.held,
            **values,
        )
        if told.held
        else Said(N_("No mails were held in %(when)s; usual for these hours are %(usual)s."), values),
        N_("See what came: a flood, a campaign, or a rule of yours that catches too much.")
        if told.way is Way.RISE
        else N_(
            "Mail is let in as usual. See whether a part that judges it is away, or a setting or entry lets all in."
        ),
        is_grave=False,
        about=str(told.way),
    )


def hooks(found: Overview, settings: Settings) -> Iterator[Trouble]:
    for name in (one.name for one in settings.hook if one.name in found.kept.hooks):
        told = found.kept.hooks[name]
        since = told.waits_since
        if told.given_up:
            yield Trouble(
                counting(
                    "The hook %(name)s was not told of %(count)d event and will not be.",
                    "The hook %(name)s was not told of %(count)d events and will not be.",
                    told.given_up,
                    name=name,
                ),
                N_("They could not be posted for a day. What happened is in the history of each mail, and in the API."),
                about=name,
                is_grave=False,
            )
        elif since is not None and found.at - since > STUCK:
            yield Trouble(
                Said(
                    N_("The hook %(name)s has not been told for more than an hour: %(said)s."),
                    {"name": name, "said": told.said or Said(N_("nothing posts to it"))},
                ),
                N_("See whether it answers, and what greygate hooks list says. It is tried for a day."),
                about=name,
                is_grave=False,
            )
