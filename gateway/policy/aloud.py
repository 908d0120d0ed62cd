"""The rules read aloud: a sentence for each, so that whoever runs the house can read in which order mail is judged."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.marked import N_
from gateway.policy import expecting, inbound
from gateway.policy.authentication import forged_author
from gateway.policy.bounce import bounce_of_ours
from gateway.policy.hidden import hidden_sender
from gateway.policy.listing import allowed_party, blocked_author, blocked_party
from gateway.policy.pressure import early_talker, harvester, patient_client, trap, trapped_network
from gateway.policy.relayed import declared_relay, not_admitted
from gateway.policy.settled import copy_in_flight, looping_message, settled_mail

SENTENCES: Mapping[Callable[..., Any], str] = {
    inbound.relay_denied: N_("Mail for a domain that is not ours is refused."),
    trap: N_("Mail to a trap, an address that nobody ever had, is refused."),
    harvester: N_("Who guesses addresses is sent away for a while and not told which of them exist."),
    inbound.unknown_recipient: N_(
        "Mail for an address that does not exist is refused; who cannot be told yet comes back."
    ),
    inbound.bypassed: N_("While “Let everything in” is on, everything else is let in."),
    declared_relay: N_("Mail through a relay of ours is taken, and judged afterwards by who stands behind the relay."),
    blocked_party: N_("Whom somebody here keeps out is refused."),
    inbound.exempt_recipient: N_("Mail for postmaster and abuse never waits: who has trouble with us can say so."),
    inbound.exempt_level: N_("For accounts at “off” and “watch” everything comes in at once."),
    allowed_party: N_("Whom somebody here let in comes in."),
    inbound.store_unavailable: N_("While the database is away, strangers have to come back, unless [fail] says else."),
    inbound.known_correspondent: N_(
        "Known senders come in; remembered ones too, unless a person sees their mail first."
    ),
    trapped_network: N_("A network that wrote to a trap is sent away for a day."),
    early_talker: N_("A program that talks before it is greeted is refused, where [tarpit] early_talker says so."),
    expecting.expected_mail: N_("Mail that its recipient expects comes in, if the network proves whose it is."),
    inbound.holding_level: N_(
        "For accounts at “review-before” and “known-only”, mail of strangers is held for a person."
    ),
    inbound.greylist_switched_off: N_("While “Nobody waits” is on, strangers come in."),
    patient_client: N_("Who waited patiently for our answer does not have to come back."),
    inbound.deferred_before_data: N_(
        "A stranger with a large mail, or who is back too early, is sent away without it."
    ),
    inbound.waiting_stranger: N_("Every other stranger may send the mail, and is then asked to come back."),
    looping_message: N_("Mail that runs in circles is refused."),
    settled_mail: N_("A mail that was delivered or refused already is not done again: its sender is told so."),
    copy_in_flight: N_("A mail that is on its way this moment has to come back."),
    not_admitted: N_("Who stands behind a relay of ours, and would have been refused or sent away, is."),
    blocked_author: N_("Whom somebody here keeps out is refused as the author in the mail, too."),
    forged_author: N_("Mail that its author's domain asks to reject is refused, where [authentication] says so."),
    expecting.expected_after_all: N_("Mail that its recipient expects comes in, if its signature proves whose it is."),
    inbound.carried_along: N_("Mail of a known sender is taken for everybody; who would have waited gets it later."),
    hidden_sender: N_("Strangers who hide who they are behind a new domain wait for a person when they are back."),
    inbound.passing_class: N_("Who was let in above has the mail delivered; where it looks suspicious it is held."),
    bounce_of_ours: N_("A notice about mail that we really sent comes in."),
    inbound.holding_class: N_("What was to be held above is held."),
    inbound.store_lost: N_(
        "While the database is away, a stranger who returns is not recognised and has to come back."
    ),
    inbound.patient_stranger: N_(
        "A stranger who came back in time is let in; where the mail looks suspicious it is held."
    ),
    inbound.taken_over: N_("Mail whose sender will soon give up is taken and held, so that it is not lost."),
    inbound.deferred_stranger: N_("Every other stranger is asked to come back."),
}

# The rules of the policy in their order: when a recipient is named, and when the mail is there.
WHEN_NAMED = tuple(SENTENCES[rule] for rule in inbound.RCPT_RULES)
WHEN_THERE = tuple(SENTENCES[rule] for rule in inbound.DATA_RULES)
