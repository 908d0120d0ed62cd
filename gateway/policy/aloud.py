"""The rules read aloud: a sentence for each, so that whoever runs the house can read in which order mail is judged."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.policy import expecting, inbound
from gateway.policy.authentication import forged_author
from gateway.policy.bounce import bounce_of_ours
from gateway.policy.hidden import hidden_sender
from gateway.policy.listing import allowed_party, blocked_author, blocked_party
from gateway.policy.pressure import early_talker, harvester, patient_client, trap, trapped_network
from gateway.policy.relayed import declared_relay, not_admitted
from gateway.policy.settled import copy_in_flight, looping_message, settled_mail

SENTENCES: Mapping[Callable[..., Any], str] = {
    inbound.relay_denied: "Mail for a domain that is not ours is refused.",
    trap: "Mail to a trap, an address that nobody ever had, is refused.",
    harvester: "Who guesses addresses is sent away for a while and not told which of them exist.",
    inbound.unknown_recipient: "Mail for an address that does not exist is refused; who cannot be told yet comes back.",
    inbound.bypassed: "While “Let everything in” is on, everything else is let in.",
    declared_relay: "Mail through a relay of ours is taken, and judged afterwards by who stands behind the relay.",
    blocked_party: "Whom somebody here keeps out is refused.",
    inbound.exempt_recipient: "Mail for postmaster and abuse never waits: who has trouble with us can say so.",
    inbound.exempt_level: "For accounts at “off” and “watch” everything comes in at once.",
    allowed_party: "Whom somebody here let in comes in.",
    inbound.store_unavailable: "While the database is away, strangers have to come back, unless [fail] says else.",
    inbound.known_correspondent: "Known senders come in; remembered ones too, unless a person sees their mail first.",
    trapped_network: "A network that wrote to a trap is sent away for a day.",
    early_talker: "A program that talks before it is greeted is refused, where [tarpit] early_talker says so.",
    expecting.expected_mail: "Mail that its recipient expects comes in, if the network proves whose it is.",
    inbound.holding_level: "For accounts at “review-before” and “known-only”, mail of strangers is held for a person.",
    inbound.greylist_switched_off: "While “Nobody waits” is on, strangers come in.",
    patient_client: "Who waited patiently for our answer does not have to come back.",
    inbound.deferred_before_data: "A stranger with a large mail, or who is back too early, is sent away without it.",
    inbound.waiting_stranger: "Every other stranger may send the mail, and is then asked to come back.",
    looping_message: "Mail that runs in circles is refused.",
    settled_mail: "A mail that was delivered or refused already is not done again: its sender is told so.",
    copy_in_flight: "A mail that is on its way this moment has to come back.",
    not_admitted: "Who stands behind a relay of ours, and would have been refused or sent away, is.",
    blocked_author: "Whom somebody here keeps out is refused as the author in the mail, too.",
    forged_author: "Mail that its author's domain asks to reject is refused, where [authentication] says so.",
    expecting.expected_after_all: "Mail that its recipient expects comes in, if its signature proves whose it is.",
    inbound.carried_along: "Mail of a known sender is taken for everybody; who would have waited gets it later.",
    hidden_sender: "Strangers who hide who they are behind a new domain wait for a person when they are back.",
    inbound.passing_class: "Who was let in above has the mail delivered; where it looks suspicious it is held.",
    bounce_of_ours: "A notice about mail that we really sent comes in.",
    inbound.holding_class: "What was to be held above is held.",
    inbound.store_lost: "While the database is away, a stranger who returns is not recognised and has to come back.",
    inbound.patient_stranger: "A stranger who came back in time is let in; where the mail looks suspicious it is held.",
    inbound.taken_over: "Mail whose sender will soon give up is taken and held, so that it is not lost.",
    inbound.deferred_stranger: "Every other stranger is asked to come back.",
}

# The rules of the policy in their order: when a recipient is named, and when the mail is there.
WHEN_NAMED = tuple(SENTENCES[rule] for rule in inbound.RCPT_RULES)
WHEN_THERE = tuple(SENTENCES[rule] for rule in inbound.DATA_RULES)
