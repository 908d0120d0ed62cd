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
    ReasonCode.SENDER_LOOKALIKE: Words(
        "its domain looks like one that our people know and is another",
        "a sender whose mail somebody here released before",
    ),
    ReasonCode.SENDER_HIDDEN: Words(
        "its server has no name, and its domain, which is new here, neither permits that server nor signed the mail",
        "a confirmed host name, an SPF record that permits the server, or a signature",
    ),
    ReasonCode.HELO_FORGED: Words(
        "its server called itself by our own name",
        "a server that gives its own name in HELO, or a sender that is known or allowed",
    ),
    ReasonCode.EXPECTED_MAIL: Words(
        "the recipient expected it, and its sender proved who it is",
        "greygate expect close, or a mail without that proof",
    ),
    ReasonCode.AUDIT_SAMPLED: Words(
        "it is one of the few that were let in by themselves and are listed, for somebody to see what slips through",
        "[audit] share",
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
    ReasonCode.AUTH_FORGED: Words(
        "its author's domain asks to treat mail like this as forged: neither its signature nor SPF is the author's own",
        "a signature of the author's domain, a sealer under [authentication] sealers, or a list that we know",
    ),
    ReasonCode.HOSTER_WAIT: Words(
        "a stranger at one of your private hosters waits longer",
        "the same mail again, after [hosters] wait, or greygate hosters remove",
    ),
    ReasonCode.HOSTER_HOLD: Words(
        "a person decides about strangers at your private hosters",
        'greygate hosters remove, [hosters] action = "wait", or a sender that somebody here knows',
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
    ReasonCode.BOUNCE_OURS: Words(
        "it is about a mail that one of our people sent",
        "a Message-ID that we did not send",
    ),
    ReasonCode.BOUNCE_FOREIGN: Words(
        "it reports on a mail that we never sent, so somebody forged one of our addresses",
        '[submission] backscatter = "off", or the way of that mail past greygate learn outbound',
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
    ReasonCode.CAMPAIGN_SHARED_URL: Words(
        "senders that have nothing to do with each other sent the same link within a day",
        "a link that is usual in mail accepted here, a sender that is known here, or a released mail with this link",
    ),
    ReasonCode.CAMPAIGN_SHARED_TEXT: Words(
        "senders that have nothing to do with each other sent nearly the same text within a day",
        "a text that is usual in mail accepted here, a sender that is known here, or a released mail with this text",
    ),
    ReasonCode.CAMPAIGN_CONFIRMED: Words(
        "a person refused a mail with which it shares a link or its text, and so do several senders",
        "the refusal taken back, or one of these mails released",
    ),
    ReasonCode.CONTENT_SUSPICIOUS: Words(
        "its content looks suspicious",
        "a sender that is known here, or other content",
    ),
    ReasonCode.CONTENT_UNPARSEABLE: Words(
        "nothing could make out what is in it",
        "a mail that keeps to MIME; by itself this holds nothing",
    ),
    ReasonCode.CONTENT_LEARNED: Words(
        "the classifier finds it like mail that people here kept, or refused",
        "verdicts of your people on mail like it, or another weight under [score]",
    ),
    ReasonCode.SCORE_CREDIT: Words(
        "its sender is known or remembered here, which counts for it",
        "another credit under [score]",
    ),
    ReasonCode.STRUCTURE_FIELDS: Words(
        "fields that every mail program writes are missing or broken",
        "a mail with Date, From and Message-ID",
    ),
    ReasonCode.STRUCTURE_DATE: Words(
        "its date is far from now, or no date",
        "a sender whose clock is right",
    ),
    ReasonCode.STRUCTURE_DOUBLED: Words(
        "it has a field twice that may be there once, so two readers may see two mails",
        "a mail with one From, Subject, Date and To",
    ),
    ReasonCode.STRUCTURE_RECEIVED: Words(
        "its Received fields are out of order or have no date",
        "a mail whose servers have their clocks right",
    ),
    ReasonCode.STRUCTURE_HELO: Words(
        "its server calls itself one of its author's, and neither its name nor SPF nor a signature says so",
        "a confirmed host name, an SPF record that permits the server, or a signature",
    ),
    ReasonCode.STRUCTURE_PARTS: Words(
        "its parts are not put together as MIME says",
        "a mail program that keeps to MIME",
    ),
    ReasonCode.STRUCTURE_LETTERS: Words(
        "it has letters that are not seen, that turn the line around, or that are drawn like others",
        "words in one alphabet, without marks that nobody sees",
    ),
    ReasonCode.STRUCTURE_HIDDEN: Words(
        "it has text that its style keeps from the reader",
        "a mail that shows all it says",
    ),
    ReasonCode.ATTACHMENT_PROGRAM: Words(
        "a file in it runs when it is opened",
        "the file sent by another way, or its kind out of [attachments] hold",
    ),
    ReasonCode.ATTACHMENT_MACRO: Words(
        "an office document in it has a program inside",
        "the document without macros, or its kind out of [attachments] hold",
    ),
    ReasonCode.ATTACHMENT_DISGUISED: Words(
        "the name of a file in it hides what the file is",
        "a file that is called what it is",
    ),
    ReasonCode.ATTACHMENT_CLOSED: Words(
        "nobody can look into an archive in it: it is locked, or larger inside than is looked into",
        "an archive without a password, of ordinary size",
    ),
    ReasonCode.ATTACHMENT_VIRUS: Words(
        "the virus scanner knows what is in it",
        "another verdict of the scanner under [clamav]",
    ),
    ReasonCode.MESSAGE_LOOP: Words(
        "it passed too many mail servers and is going in circles",
        "a route that does not come back here",
    ),
    ReasonCode.MESSAGE_DEFECT: Words(
        "its data break the rules of SMTP",
        "a sender that ends its lines with CR LF, or its network under [smtp] bare_newline_ok",
    ),
    ReasonCode.NOTICE_DIGEST: Words(
        "it is a mail of ours: a digest of what waits",
        "no digest, on the page Protection",
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
