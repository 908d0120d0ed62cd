"""What the settings say to the rules and to the desk."""

from contextlib import suppress
from ipaddress import ip_address

import structlog

from gateway.desk import Terms
from gateway.expecting import Allowed
from gateway.model import Mode
from gateway.policy.campaign import CampaignTerms
from gateway.policy.draft import Draft
from gateway.policy.greylist import Timing
from gateway.policy.helo import Ours
from gateway.policy.hosters import HosterTerms
from gateway.policy.inbound import Policy
from gateway.policy.score import Scale
from gateway.settings import BadSettings, Settings, read

log = structlog.get_logger()


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
        hosters=HosterTerms(settings.hosters.wait, settings.hosters.action == "hold"),
        refuse_forged=settings.authentication.refuse_forged,
        sealers=frozenset(settings.authentication.sealers),
        scale=scale(settings),
        held_files=frozenset(settings.attachments.hold),
        campaigns=campaigns(settings),
    )


def campaigns(settings: Settings) -> CampaignTerms:
    chosen = settings.campaigns
    return CampaignTerms(
        enabled=chosen.enabled,
        learn_until=chosen.learn_until,
        suspect=chosen.suspect,
        suspect_text=chosen.suspect_text,
        confirm=chosen.confirm,
        popular=chosen.popular,
        popular_quiet=chosen.popular_quiet,
        neutral=frozenset(chosen.neutral) | frozenset(settings.domains.local),
    )


def scale(settings: Settings) -> Scale:
    chosen = settings.score
    return Scale(
        hold=chosen.hold,
        hold_at=chosen.hold_at,
        weights=chosen.weights,
        learned=chosen.learned,
        prior=chosen.prior,
        labels=chosen.labels,
        known=chosen.known,
        remembered=chosen.remembered,
    )


def in_force(settings: Settings) -> Mode:
    """The mode by the settings, as far as decisions go."""
    return Mode.ENFORCE if settings.protection.mode.in_force else Mode.OBSERVE


def draft(settings: Settings, mode: Mode | None = None) -> Draft:
    """Settings as a draft that is decided by, beside those in force."""
    protection = settings.protection
    local = frozenset(settings.domains.local)
    return Draft(policy(settings), local, protection.level, protection.overrides, settings.hold.reviewed, mode)


def shadow(settings: Settings) -> Draft | None:
    """The draft beside the settings; None without one, and where it has errors, which `greygate check` tells."""
    path = settings.shadow.settings
    if settings.protection.mode is not Mode.SHADOW or path is None:
        return None
    try:
        return draft(read(path))
    except BadSettings as error:
        log.warning("the draft of the settings cannot be used", error=str(error))
        return None


def terms(settings: Settings) -> Terms:
    only_approvers = settings.hold.dangerous == "approvers"
    return Terms(settings.greylist.memory_act, settings.retention.tombstones, campaigns(settings), only_approvers)


def expecting(settings: Settings) -> Allowed:
    chosen = settings.expecting
    local, traps = frozenset(settings.domains.local), frozenset(settings.tarpit.traps)
    return Allowed(chosen.enabled, chosen.anybody, chosen.named, chosen.per_day, local, traps)


def ours(settings: Settings) -> Ours:
    """Our names and addresses, by which no stranger may call itself."""
    addresses = set()
    for place in settings.smtp.listen:
        with suppress(ValueError):  # a listener may be named
            addresses.add(ip_address(place.host))
    special = {address for address in addresses if address.is_unspecified}  # it stands for all, whichever they are
    names = {settings.smtp.name.lower(), *settings.domains.local}
    return Ours(frozenset(names), frozenset(addresses - special))
