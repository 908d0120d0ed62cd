"""Campaigns in the words of an office: how far one is, why it is one, and what keeps a popular place from being one."""

from collections.abc import Mapping

from gateway.model import Common
from gateway.policy.campaign import CampaignTerms, Ruling, Stage

LEVELS: Mapping[Stage, str] = {
    Stage.NOTHING: "Quiet",
    Stage.WATCH: "Worth watching",
    Stage.SUSPECT: "Suspicious",
    Stage.CONFIRMED: "Confirmed",
}
RULINGS: Mapping[Ruling, str] = {
    Ruling.OPEN: "Nobody decided yet",
    Ruling.REFUSED: "Refused",
    Ruling.RELEASED: "Wanted: one of its mails was released",
    Ruling.USUAL: "Usual here: it was in mail that came in",
}
SHARED: Mapping[Common, str] = {Common.LINK: "lead to the same place", Common.TEXT: "say almost the same words"}


def why(kind: Common, sources: int, stage: Stage, ruling: Ruling, terms: CampaignTerms) -> str:
    """One sentence: why this is a campaign, or why it is none."""
    said = f"Mails of {sources} senders that have nothing to do with each other {SHARED[kind]}"
    if ruling is Ruling.RELEASED:
        return f"{said}, but somebody released one of them, so that counts against nobody."
    if ruling is Ruling.USUAL:
        return f"{said}, but mail that you wanted had it too, so that counts against nobody."
    if stage is Stage.CONFIRMED:
        return f"{said}, and somebody refused one of them: further mail of it waits, whoever sends it."
    if stage is Stage.SUSPECT:
        return f"{said}. Where {enough(kind, terms)} strangers or more do so within a day, it is rarely honest mail."
    return f"{said}: it may become a campaign when there are {enough(kind, terms)} within a day."


def enough(kind: Common, terms: CampaignTerms) -> int:
    return terms.suspect if kind is Common.LINK else terms.suspect_text


def protection(kind: Common, terms: CampaignTerms) -> str:
    """What keeps something popular from becoming a campaign."""
    what = "A popular place" if kind is Common.LINK else "A text that many send"
    known, quiet = days(terms.popular), days(terms.popular_quiet)
    return (
        f"{what} is no campaign: it is usual here once it was in mail of somebody whom you know (on {known}), or in "
        f"other mail that came in and nobody minded (on {quiet}). One released mail clears it at once."
    )


def learning(accepted: int, terms: CampaignTerms) -> str:
    """Said until it is known what is usual here; then ""."""
    if accepted >= terms.learn_until:
        return ""
    return (
        f"Greygate still learns what is usual here ({accepted} of {terms.learn_until} mails that came in). Until then "
        "nothing waits because of a campaign, and some of these may be honest."
    )


def days(number: int) -> str:
    return "one day" if number == 1 else f"{number} days"
