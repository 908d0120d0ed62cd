"""Rules about strangers that misbehave, and about one that proves its patience. Their order is in `inbound`."""

from typing import TYPE_CHECKING

from gateway.model import Action, Grade, Level, RcptFacts, ReasonCode, RecipientClass, Verdict
from gateway.policy.hosters import waits_longer
from gateway.policy.opinion import admit, is_role, verdict

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy


def trap(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """Nobody has this address, and only machines that took it from somewhere write to it."""
    if facts.pressure.trap:
        return verdict(Action.REJECT, ReasonCode.TRAP_HIT)
    return None


def harvester(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """Who guesses addresses is not told which exist; postmaster and abuse are no secret."""
    if facts.pressure.harvesting and facts.grade is Grade.STRANGER and not is_role(facts):
        return verdict(Action.DEFER, ReasonCode.RECIPIENT_HARVEST)
    return None


def trapped_network(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """For a day a network that writes to traps is sent away, but for the null sender: it may be asking about us."""
    if facts.pressure.trapped and facts.sender:
        return verdict(Action.DEFER, ReasonCode.TRAP_NETWORK)
    return None


def early_talker(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    if facts.pressure.early_talker and policy.refuse_early_talkers and facts.sender:
        return verdict(Action.REJECT, ReasonCode.TARPIT_EARLY_TALKER)
    return None


def patient_client(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """It waited for our answer for as long as we asked: that is the proof a retry would have been.

    Not where a retry would have to wait longer.
    """
    if facts.pressure.patient and facts.sender and not waits_longer(facts, policy):
        return admit(RecipientClass.PASS, ReasonCode.GREYLIST_PATIENT, review=facts.level is Level.REVIEW_AFTER)
    return None
