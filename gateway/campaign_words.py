"""Campaigns in the words of an office: how far one is, why it is one, and what keeps a popular place from being one."""

from collections.abc import Mapping

from gateway.i18n import _, ngettext
from gateway.i18n.written import days
from gateway.marked import N_
from gateway.model import Common
from gateway.policy.campaign import CampaignTerms, Ruling, Stage

LEVELS: Mapping[Stage, str] = {
    Stage.NOTHING: N_("Quiet"),
    Stage.WATCH: N_("Worth watching"),
    Stage.SUSPECT: N_("Suspicious"),
    Stage.CONFIRMED: N_("Confirmed"),
}
RULINGS: Mapping[Ruling, str] = {
    Ruling.OPEN: N_("Nobody decided yet"),
    Ruling.REFUSED: N_("Refused"),
    Ruling.RELEASED: N_("Wanted: one of its mails was released"),
    Ruling.USUAL: N_("Usual here: it was in mail that came in"),
}


def why(kind: Common, sources: int, stage: Stage, ruling: Ruling, terms: CampaignTerms) -> str:
    """One sentence: why this is a campaign, or why it is none."""
    say = why_of_link if kind is Common.LINK else why_of_text
    return say(sources, stage, ruling) % {"sources": sources, "enough": enough(kind, terms)}


def why_of_link(sources: int, stage: Stage, ruling: Ruling) -> str:
    if ruling is Ruling.RELEASED:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others lead to the same place, but somebody"
            " released one of them, so that counts against nobody.",
            "Mails of %(sources)d senders that have nothing to do with each other lead to the same place, but somebody"
            " released one of them, so that counts against nobody.",
            sources,
        )
    if ruling is Ruling.USUAL:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others lead to the same place, but mail that you"
            " wanted had it too, so that counts against nobody.",
            "Mails of %(sources)d senders that have nothing to do with each other lead to the same place, but mail that"
            " you wanted had it too, so that counts against nobody.",
            sources,
        )
    if stage is Stage.CONFIRMED:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others lead to the same place, and somebody"
            " refused one of them: further mail of it waits, whoever sends it.",
            "Mails of %(sources)d senders that have nothing to do with each other lead to the same place, and somebody"
            " refused one of them: further mail of it waits, whoever sends it.",
            sources,
        )
    if stage is Stage.SUSPECT:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others lead to the same place. Where %(enough)d"
            " strangers or more do so within a day, it is rarely honest mail.",
            "Mails of %(sources)d senders that have nothing to do with each other lead to the same place. Where"
            " %(enough)d strangers or more do so within a day, it is rarely honest mail.",
            sources,
        )
    return ngettext(
        "Mails of %(sources)d sender that has nothing to do with others lead to the same place: it may become a"
        " campaign when there are %(enough)d within a day.",
        "Mails of %(sources)d senders that have nothing to do with each other lead to the same place: it may become a"
        " campaign when there are %(enough)d within a day.",
        sources,
    )


def why_of_text(sources: int, stage: Stage, ruling: Ruling) -> str:
    if ruling is Ruling.RELEASED:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others say almost the same words, but somebody"
            " released one of them, so that counts against nobody.",
            "Mails of %(sources)d senders that have nothing to do with each other say almost the same words, but"
            " somebody released one of them, so that counts against nobody.",
            sources,
        )
    if ruling is Ruling.USUAL:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others say almost the same words, but mail that"
            " you wanted had it too, so that counts against nobody.",
            "Mails of %(sources)d senders that have nothing to do with each other say almost the same words, but mail"
            " that you wanted had it too, so that counts against nobody.",
            sources,
        )
    if stage is Stage.CONFIRMED:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others say almost the same words, and somebody"
            " refused one of them: further mail of it waits, whoever sends it.",
            "Mails of %(sources)d senders that have nothing to do with each other say almost the same words, and"
            " somebody refused one of them: further mail of it waits, whoever sends it.",
            sources,
        )
    if stage is Stage.SUSPECT:
        return ngettext(
            "Mails of %(sources)d sender that has nothing to do with others say almost the same words. Where"
            " %(enough)d strangers or more do so within a day, it is rarely honest mail.",
            "Mails of %(sources)d senders that have nothing to do with each other say almost the same words. Where"
            " %(enough)d strangers or more do so within a day, it is rarely honest mail.",
            sources,
        )
    return ngettext(
        "Mails of %(sources)d sender that has nothing to do with others say almost the same words: it may become a"
        " campaign when there are %(enough)d within a day.",
        "Mails of %(sources)d senders that have nothing to do with each other say almost the same words: it may become"
        " a campaign when there are %(enough)d within a day.",
        sources,
    )


def enough(kind: Common, terms: CampaignTerms) -> int:
    return terms.suspect if kind is Common.LINK else terms.suspect_text


def protection(kind: Common, terms: CampaignTerms) -> str:
    """What keeps something popular from becoming a campaign."""
    said = (
        _(
            "A popular place is no campaign: it is usual here once it was in mail of somebody whom you know (on"
            " %(known)s), or in other mail that came in and nobody minded (on %(quiet)s). One released mail clears it"
            " at once."
        )
        if kind is Common.LINK
        else _(
            "A text that many send is no campaign: it is usual here once it was in mail of somebody whom you know (on"
            " %(known)s), or in other mail that came in and nobody minded (on %(quiet)s). One released mail clears it"
            " at once."
        )
    )
    return said % {"known": on_days(terms.popular), "quiet": on_days(terms.popular_quiet)}


def learning(accepted: int, terms: CampaignTerms) -> str:
    """Said until it is known what is usual here; then ""."""
    if accepted >= terms.learn_until:
        return ""
    return ngettext(
        "Greygate still learns what is usual here (%(accepted)d of %(enough)d mail that came in). Until then nothing"
        " waits because of a campaign, and some of these may be honest.",
        "Greygate still learns what is usual here (%(accepted)d of %(enough)d mails that came in). Until then nothing"
        " waits because of a campaign, and some of these may be honest.",
        terms.learn_until,
    ) % {"accepted": accepted, "enough": terms.learn_until}


def on_days(number: int) -> str:
    return _("one day") if number == 1 else days(number)
