"""Every reason in words for people: what happened, and what would have changed it."""

from dataclasses import dataclass

from gateway.marked import N_
from gateway.model import ReasonCode


@dataclass(frozen=True, slots=True)
class Words:
    """`said` completes "because …"; `otherwise` tells what would have changed the decision. In English: whoever shows
    them to people says them in their language."""

    said: str
    otherwise: str


WORDS: dict[ReasonCode, Words] = {
    ReasonCode.RELAY_DENIED: Words(
        N_("the recipient's domain is not one of ours"),
        N_("the domain under [domains] local, if it is ours"),
    ),
    ReasonCode.RELAY_DECLARED: Words(
        N_("a declared relay brought it, which does not wait and is judged by the hop before it"),
        N_("the relay's address taken out of [smtp] relays"),
    ),
    ReasonCode.RELAY_SPARED: Words(
        N_("it would have been refused, but its relay would have returned it to a sender that may be forged"),
        N_("the same mail straight from its sender, which would have been refused"),
    ),
    ReasonCode.RECIPIENT_UNKNOWN: Words(
        N_("nobody has this address here"),
        N_("the address in the recipient list or at the backend"),
    ),
    ReasonCode.RECIPIENT_UNVERIFIED: Words(
        N_("the backend did not say whether this address exists"),
        N_("a backend that answers; nothing was decided about the mail"),
    ),
    ReasonCode.RECIPIENT_HARVEST: Words(
        N_(
            "the sender's network named too many recipients who do not exist, so it is not told about others "
            "for a while"
        ),
        N_("fewer guesses within the hour, or mail of this network that was delivered before"),
    ),
    ReasonCode.RECIPIENT_EXEMPT: Words(
        N_("postmaster and abuse must always be reachable"),
        N_("a blocklist entry for the sender"),
    ),
    ReasonCode.RECIPIENT_OTHER_CLASS: Words(
        N_("its recipients need different treatment, so this one has to come in a transaction of its own"),
        N_("a mail to this recipient alone; mail servers do that by themselves"),
    ),
    ReasonCode.LIST_BLOCKED: Words(
        N_("the sender, its network or the recipient is on the private blocklist"),
        N_("greygate known forget, with the entry's number"),
    ),
    ReasonCode.LIST_ALLOWED: Words(
        N_("the sender, its network or the recipient is on the private allowlist"),
        N_("greygate known forget, with the entry's number"),
    ),
    ReasonCode.SWITCH_BYPASS: Words(
        N_("the panic switch bypass is on"),
        N_("greygate bypass --off"),
    ),
    ReasonCode.SWITCH_GREYLIST_OFF: Words(
        N_("greylisting is switched off for a while"),
        N_("greygate greylist-off --off"),
    ),
    ReasonCode.OBSERVE_LET_IN: Words(
        N_("for now we only observe, and let in what would have been delayed or held"),
        N_("greygate observe arm"),
    ),
    ReasonCode.LEVEL_OFF: Words(
        N_("the recipient's level of protection is off"),
        N_("another level for the recipient"),
    ),
    ReasonCode.LEVEL_WATCH: Words(
        N_("the recipient's level lets everything in and lists it for review"),
        N_("another level for the recipient"),
    ),
    ReasonCode.LEVEL_REVIEW_BEFORE: Words(
        N_("a person decides about strangers' mail for this recipient"),
        N_("a sender that somebody here approved before"),
    ),
    ReasonCode.LEVEL_KNOWN_ONLY: Words(
        N_("this recipient gets mail from approved addresses only"),
        N_("a sender that somebody here approved before"),
    ),
    ReasonCode.PARTY_KNOWN: Words(
        N_("one of our people wrote to this sender or approved it"),
        N_("greygate known forget, with the sender's address"),
    ),
    ReasonCode.PARTY_REMEMBERED: Words(
        N_("this sender came back after waiting, or its mail was accepted before"),
        N_("a longer silence than [greylist] memory"),
    ),
    ReasonCode.SENDER_LOOKALIKE: Words(
        N_("its domain looks like one that our people know and is another"),
        N_("a sender whose mail somebody here released before"),
    ),
    ReasonCode.SENDER_HIDDEN: Words(
        N_(
            "its server has no name, and its domain, which is new here, neither permits that server nor signed the mail"
        ),
        N_("a confirmed host name, an SPF record that permits the server, or a signature"),
    ),
    ReasonCode.HELO_FORGED: Words(
        N_("its server called itself by our own name"),
        N_("a server that gives its own name in HELO, or a sender that is known or allowed"),
    ),
    ReasonCode.EXPECTED_MAIL: Words(
        N_("the recipient expected it, and its sender proved who it is"),
        N_("greygate expect close, or a mail without that proof"),
    ),
    ReasonCode.AUDIT_SAMPLED: Words(
        N_(
            "it is one of the few that were let in by themselves and are listed, for somebody to see what slips through"
        ),
        N_("[audit] share"),
    ),
    ReasonCode.GREYLIST_NEW: Words(
        N_("this sender never wrote to this recipient from there"),
        N_("the same mail again, after the wait"),
    ),
    ReasonCode.GREYLIST_EARLY: Words(
        N_("the sender came back before the wait was over"),
        N_("the same mail again, after the wait"),
    ),
    ReasonCode.GREYLIST_LARGE: Words(
        N_("a stranger announced a large mail, which is asked to wait before it is uploaded"),
        N_("the same mail again, after the wait"),
    ),
    ReasonCode.GREYLIST_OTHER_CONTENT: Words(
        N_("this network tried before, but with a different mail"),
        N_("the very same mail again, after the wait"),
    ),
    ReasonCode.GREYLIST_DATA: Words(
        N_("a stranger's mail is looked at before it is asked to wait"),
        N_('[greylist] stage = "rcpt"'),
    ),
    ReasonCode.GREYLIST_PASSED: Words(
        N_("the sender waited and came back with it"),
        N_("a retry before the wait was over"),
    ),
    ReasonCode.GREYLIST_PATIENT: Words(
        N_("the sender waited for our answer for as long as [tarpit] patience asks, which counts like a retry"),
        N_("a sender that hangs up earlier, or [tarpit] patience off"),
    ),
    ReasonCode.GREYLIST_CARRIED: Words(
        N_("a known sender wrote to somebody it knows and to this recipient, who gets it after the wait"),
        N_("a known sender that wrote to this recipient before"),
    ),
    ReasonCode.GREYLIST_COMPANY: Words(
        N_("the mail was taken for another recipient, and this one gets it after the wait"),
        N_("a mail to this recipient alone"),
    ),
    ReasonCode.AUTH_FORGED: Words(
        N_(
            "its author's domain asks to treat mail like this as forged: neither its signature nor SPF is the "
            "author's own"
        ),
        N_("a signature of the author's domain, a sealer under [authentication] sealers, or a list that we know"),
    ),
    ReasonCode.HOSTER_WAIT: Words(
        N_("a stranger at one of your private hosters waits longer"),
        N_("the same mail again, after [hosters] wait, or greygate hosters remove"),
    ),
    ReasonCode.HOSTER_HOLD: Words(
        N_("a person decides about strangers at your private hosters"),
        N_('greygate hosters remove, [hosters] action = "wait", or a sender that somebody here knows'),
    ),
    ReasonCode.TRAP_HIT: Words(
        N_("this address is a trap: it never belonged to anybody"),
        N_("the address out of [tarpit] traps"),
    ),
    ReasonCode.TRAP_NETWORK: Words(
        N_("somebody in this network wrote to a trap within the last day, and nothing from it was ever delivered here"),
        N_("a try after that day, an allowlist entry for the network, or greygate known forget with the network"),
    ),
    ReasonCode.TARPIT_EARLY_TALKER: Words(
        N_("this network spoke before it was greeted, which mail servers never do"),
        N_('a sender that waits for our 220, or [tarpit] early_talker = "slow"'),
    ),
    ReasonCode.TAKEOVER_DUE: Words(
        N_("the sender has tried for so long that it would soon give up"),
        N_("a retry that could be recognised as one"),
    ),
    ReasonCode.BOUNCE_OURS: Words(
        N_("it is about a mail that one of our people sent"),
        N_("a Message-ID that we did not send"),
    ),
    ReasonCode.BOUNCE_FOREIGN: Words(
        N_("it reports on a mail that we never sent, so somebody forged one of our addresses"),
        N_('[submission] backscatter = "off", or the way of that mail past greygate learn outbound'),
    ),
    ReasonCode.RETRY_DELIVERED: Words(
        N_("this very mail was delivered before, so the second copy was dropped"),
        N_("any difference in From, Subject, Date, Message-ID or content"),
    ),
    ReasonCode.RETRY_IN_FLIGHT: Words(
        N_("this very mail is being delivered right now"),
        N_("a retry a little later"),
    ),
    ReasonCode.RETRY_REFUSED: Words(
        N_("a person refused this very mail"),
        N_("any difference in From, Subject, Date, Message-ID or content"),
    ),
    ReasonCode.RETRY_UNDELIVERABLE: Words(
        N_("this very mail was released and the backend refused it"),
        N_("a backend that takes it"),
    ),
    ReasonCode.CAMPAIGN_SHARED_URL: Words(
        N_("senders that have nothing to do with each other sent the same link within a day"),
        N_(
            "a link that is usual in mail accepted here, a sender that is known here, or a released mail with this link"
        ),
    ),
    ReasonCode.CAMPAIGN_SHARED_TEXT: Words(
        N_("senders that have nothing to do with each other sent nearly the same text within a day"),
        N_(
            "a text that is usual in mail accepted here, a sender that is known here, or a released mail with this text"
        ),
    ),
    ReasonCode.CAMPAIGN_CONFIRMED: Words(
        N_("a person refused a mail with which it shares a link or its text, and so do several senders"),
        N_("the refusal taken back, or one of these mails released"),
    ),
    ReasonCode.CONTENT_SUSPICIOUS: Words(
        N_("its content looks suspicious"),
        N_("a sender that is known here, or other content"),
    ),
    ReasonCode.CONTENT_UNPARSEABLE: Words(
        N_("nothing could make out what is in it"),
        N_("a mail that keeps to MIME; by itself this holds nothing"),
    ),
    ReasonCode.CONTENT_LEARNED: Words(
        N_("the classifier finds it like mail that people here kept, or refused"),
        N_("verdicts of your people on mail like it, or another weight under [score]"),
    ),
    ReasonCode.SCORE_CREDIT: Words(
        N_("its sender is known or remembered here, which counts for it"),
        N_("another credit under [score]"),
    ),
    ReasonCode.STRUCTURE_FIELDS: Words(
        N_("fields that every mail program writes are missing or broken"),
        N_("a mail with Date, From and Message-ID"),
    ),
    ReasonCode.STRUCTURE_DATE: Words(
        N_("its date is far from now, or no date"),
        N_("a sender whose clock is right"),
    ),
    ReasonCode.STRUCTURE_DOUBLED: Words(
        N_("it has a field twice that may be there once, so two readers may see two mails"),
        N_("a mail with one From, Subject, Date and To"),
    ),
    ReasonCode.STRUCTURE_RECEIVED: Words(
        N_("its Received fields are out of order or have no date"),
        N_("a mail whose servers have their clocks right"),
    ),
    ReasonCode.STRUCTURE_HELO: Words(
        N_("its server calls itself one of its author's, and neither its name nor SPF nor a signature says so"),
        N_("a confirmed host name, an SPF record that permits the server, or a signature"),
    ),
    ReasonCode.STRUCTURE_PARTS: Words(
        N_("its parts are not put together as MIME says"),
        N_("a mail program that keeps to MIME"),
    ),
    ReasonCode.STRUCTURE_LETTERS: Words(
        N_("it has letters that are not seen, that turn the line around, or that are drawn like others"),
        N_("words in one alphabet, without marks that nobody sees"),
    ),
    ReasonCode.STRUCTURE_HIDDEN: Words(
        N_("it has text that its style keeps from the reader"),
        N_("a mail that shows all it says"),
    ),
    ReasonCode.ATTACHMENT_PROGRAM: Words(
        N_("a file in it runs when it is opened"),
        N_("the file sent by another way, or its kind out of [attachments] hold"),
    ),
    ReasonCode.ATTACHMENT_MACRO: Words(
        N_("an office document in it has a program inside"),
        N_("the document without macros, or its kind out of [attachments] hold"),
    ),
    ReasonCode.ATTACHMENT_DISGUISED: Words(
        N_("the name of a file in it hides what the file is"),
        N_("a file that is called what it is"),
    ),
    ReasonCode.ATTACHMENT_CLOSED: Words(
        N_("nobody can look into an archive in it: it is locked, or larger inside than is looked into"),
        N_("an archive without a password, of ordinary size"),
    ),
    ReasonCode.ATTACHMENT_VIRUS: Words(
        N_("the virus scanner knows what is in it"),
        N_("another verdict of the scanner under [clamav]"),
    ),
    ReasonCode.MESSAGE_LOOP: Words(
        N_("it passed too many mail servers and is going in circles"),
        N_("a route that does not come back here"),
    ),
    ReasonCode.MESSAGE_DEFECT: Words(
        N_("its data break the rules of SMTP"),
        N_("a sender that ends its lines with CR LF, or its network under [smtp] bare_newline_ok"),
    ),
    ReasonCode.NOTICE_DIGEST: Words(
        N_("it is a mail of ours: a digest of what waits"),
        N_("no digest, on the page Protection"),
    ),
    ReasonCode.NOTICE_EXPIRED: Words(
        N_("a mail to this recipient was held and nobody decided in time, so we tell"),
        N_("a decision before the mail expired"),
    ),
    ReasonCode.BACKEND_DEFERRED: Words(
        N_("the mail server behind us said to try later"),
        N_("the backend's own log tells why"),
    ),
    ReasonCode.BACKEND_REFUSED: Words(
        N_("the mail server behind us refused it"),
        N_("the backend's own log tells why"),
    ),
    ReasonCode.BACKEND_DOWN: Words(
        N_("the mail server behind us could not be reached"),
        N_("a backend that answers under [backend] url"),
    ),
    ReasonCode.BACKEND_SLOW: Words(
        N_("the mail server behind us took too long; the delivery went on and a retry is recognised"),
        N_("a faster backend, or a longer [smtp] reply_within"),
    ),
    ReasonCode.STORE_UNAVAILABLE: Words(
        N_("the database could not be asked"),
        N_("a database that answers; known senders pass meanwhile"),
    ),
    ReasonCode.STORAGE_FULL: Words(
        N_("there was no room to keep it"),
        N_("more space under [storage] path"),
    ),
    ReasonCode.INTERNAL_FAILURE: Words(
        N_("something failed on our side"),
        N_("the log has the details under this id"),
    ),
}


def sentence(code: ReasonCode) -> str:
    return WORDS[code].said
