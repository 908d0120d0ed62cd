"""Every reason in words for people: what happened, and what would have changed it."""

from dataclasses import dataclass

from gateway.model import ReasonCode


@dataclass(frozen=True, slots=True)
class Words:
    """`said` completes "because …"; `otherwise` tells what would have changed the decision."""

    said: str
    otherwise: str


WORDS: dict[ReasonCode, Words] = {
    ReasonCode.RELAY_DENIED: Words(
        "the recipient's domain is not one of ours",
        "the domain under [domains] local, if it is ours",
    ),
    ReasonCode.RELAY_DECLARED: Words(
        "a declared relay brought it, which does not wait and is judged by the hop before it",
        "the relay's address taken out of [smtp] relays",
    ),
    ReasonCode.RELAY_SPARED: Words(
        "it would have been refused, but its relay would have returned it to a sender that may be forged",
        "the same mail straight from its sender, which would have been refused",
    ),
    ReasonCode.RECIPIENT_UNKNOWN: Words(
        "nobody has this address here",
        "the address in the recipient list or at the backend",
    ),
    ReasonCode.RECIPIENT_UNVERIFIED: Words(
        "the backend did not say whether this address exists",
        "a backend that answers; nothing was decided about the mail",
    ),
    ReasonCode.RECIPIENT_HARVEST: Words(
        "the sender's network named too many recipients who do not exist, so it is not told about others for a while",
        "fewer guesses within the hour, or mail of this network that was delivered before",
    ),
    ReasonCode.RECIPIENT_EXEMPT: Words(
        "postmaster and abuse must always be reachable",
        "a blocklist entry for the sender",
    ),
    ReasonCode.RECIPIENT_OTHER_CLASS: Words(
        "its recipients need different treatment, so this one has to come in a transaction of its own",
        "a mail to this recipient alone; mail servers do that by themselves",
    ),
    ReasonCode.LIST_BLOCKED: Words(
        "the sender, its network or the recipient is on the private blocklist",
        "greygate known forget, with the entry's number",
    ),
    ReasonCode.LIST_ALLOWED: Words(
        "the sender, its network or the recipient is on the private allowlist",
        "greygate known forget, with the entry's number",
    ),
    ReasonCode.SWITCH_BYPASS: Words(
        "the panic switch bypass is on",
        "greygate bypass --off",
    ),
    ReasonCode.SWITCH_GREYLIST_OFF: Words(
        "greylisting is switched off for a while",
        "greygate greylist-off --off",
    ),
    ReasonCode.OBSERVE_LET_IN: Words(
        "for now we only observe, and let in what would have been delayed or held",
        "greygate observe arm",
    ),
    ReasonCode.LEVEL_OFF: Words(
        "the recipient's level of protection is off",
        "another level for the recipient",
    ),
    ReasonCode.LEVEL_WATCH: Words(
        "the recipient's level lets everything in and lists it for review",
        "another level for the recipient",
    ),
    ReasonCode.LEVEL_REVIEW_BEFORE: Words(
        "a person decides about strangers' mail for this recipient",
        "a sender that somebody here approved before",
    ),
    ReasonCode.LEVEL_KNOWN_ONLY: Words(
        "this recipient gets mail from approved addresses only",
        "a sender that somebody here approved before",
    ),
    ReasonCode.PARTY_KNOWN: Words(
        "one of our people wrote to this sender or approved it",
        "greygate known forget, with the sender's address",
    ),
    ReasonCode.PARTY_REMEMBERED: Words(
        "this sender came back after waiting, or its mail was accepted before",
        "a longer silence than [greylist] memory",
    ),
    ReasonCode.GREYLIST_NEW: Words(
        "this sender never wrote to this recipient from there",
        "the same mail again, after the wait",
    ),
    ReasonCode.GREYLIST_EARLY: Words(
        "the sender came back before the wait was over",
        "the same mail again, after the wait",
    ),
    ReasonCode.GREYLIST_LARGE: Words(
        "a stranger announced a large mail, which is asked to wait before it is uploaded",
        "the same mail again, after the wait",
    ),
    ReasonCode.GREYLIST_OTHER_CONTENT: Words(
        "this network tried before, but with a different mail",
        "the very same mail again, after the wait",
    ),
    ReasonCode.GREYLIST_DATA: Words(
        "a stranger's mail is looked at before it is asked to wait",
        '[greylist] stage = "rcpt"',
    ),
    ReasonCode.GREYLIST_PASSED: Words(
        "the sender waited and came back with it",
        "a retry before the wait was over",
    ),
    ReasonCode.GREYLIST_PATIENT: Words(
        "the sender waited for our answer for as long as [tarpit] patience asks, which counts like a retry",
        "a sender that hangs up earlier, or [tarpit] patience off",
    ),
    ReasonCode.GREYLIST_CARRIED: Words(
        "a known sender wrote to somebody it knows and to this recipient, who gets it after the wait",
        "a known sender that wrote to this recipient before",
    ),
    ReasonCode.GREYLIST_COMPANY: Words(
        "the mail was taken for another recipient, and this one gets it after the wait",
        "a mail to this recipient alone",
    ),
    ReasonCode.TRAP_HIT: Words(
        "this address is a trap: it never belonged to anybody",
        "the address out of [tarpit] traps",
    ),
    ReasonCode.TRAP_NETWORK: Words(
        "somebody in this network wrote to a trap within the last day, and nothing from it was ever delivered here",
        "a try after that day, an allowlist entry for the network, or greygate known forget with the network",
    ),
    ReasonCode.TARPIT_EARLY_TALKER: Words(
        "this network spoke before it was greeted, which mail servers never do",
        'a sender that waits for our 220, or [tarpit] early_talker = "slow"',
    ),
    ReasonCode.TAKEOVER_DUE: Words(
        "the sender has tried for so long that it would soon give up",
        "a retry that could be recognised as one",
    ),
    ReasonCode.RETRY_DELIVERED: Words(
        "this very mail was delivered before, so the second copy was dropped",
        "any difference in From, Subject, Date, Message-ID or content",
    ),
    ReasonCode.RETRY_IN_FLIGHT: Words(
        "this very mail is being delivered right now",
        "a retry a little later",
    ),
    ReasonCode.RETRY_REFUSED: Words(
        "a person refused this very mail",
        "any difference in From, Subject, Date, Message-ID or content",
    ),
    ReasonCode.RETRY_UNDELIVERABLE: Words(
        "this very mail was released and the backend refused it",
        "a backend that takes it",
    ),
    ReasonCode.CONTENT_SUSPICIOUS: Words(
        "its content looks suspicious",
        "a sender that is known here, or other content",
    ),
    ReasonCode.MESSAGE_LOOP: Words(
        "it passed too many mail servers and is going in circles",
        "a route that does not come back here",
    ),
    ReasonCode.MESSAGE_DEFECT: Words(
        "its data break the rules of SMTP",
        "a sender that ends its lines with CR LF, or its network under [smtp] bare_newline_ok",
    ),
    ReasonCode.NOTICE_EXPIRED: Words(
        "a mail to this recipient was held and nobody decided in time, so we tell",
        "a decision before the mail expired",
    ),
    ReasonCode.BACKEND_DEFERRED: Words(
        "the mail server behind us said to try later",
        "the backend's own log tells why",
    ),
    ReasonCode.BACKEND_REFUSED: Words(
        "the mail server behind us refused it",
        "the backend's own log tells why",
    ),
    ReasonCode.BACKEND_DOWN: Words(
        "the mail server behind us could not be reached",
        "a backend that answers under [backend] url",
    ),
    ReasonCode.BACKEND_SLOW: Words(
        "the mail server behind us took too long; the delivery went on and a retry is recognised",
        "a faster backend, or a longer [smtp] reply_within",
    ),
    ReasonCode.STORE_UNAVAILABLE: Words(
        "the database could not be asked",
        "a database that answers; known senders pass meanwhile",
    ),
    ReasonCode.STORAGE_FULL: Words(
        "there was no room to keep it",
        "more space under [storage] path",
    ),
    ReasonCode.INTERNAL_FAILURE: Words(
        "something failed on our side",
        "the log has the details under this id",
    ),
}


def sentence(code: ReasonCode) -> str:
    return WORDS[code].said
