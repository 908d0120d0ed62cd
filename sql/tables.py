"""The schema: one place for SQLite and MariaDB."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sql.columns import ADDRESS, OPTIONS, PLAIN, Behind, BigId, Blob, Key, LongText, UTCDateTime, exact, metadata
from sql.counts import tally, tally_progress, tally_sender
from sql.letters import (
    alert,
    device,
    digest,
    digest_link,
    digest_wish,
    hook,
    hook_post,
    link_key,
    report,
    report_day,
    wish_to_release,
)
from sql.office import (
    account_level,
    api_answer,
    api_token,
    audit,
    audit_head,
    bulk,
    bulk_mail,
    directory_recipient,
    directory_round,
    failed_sign_in,
    invitation,
    passkey,
    person,
    person_address,
    person_link,
    person_role,
    web_session,
)

__all__ = [
    "account_level",
    "alert",
    "api_answer",
    "api_token",
    "audit",
    "audit_head",
    "body",
    "bulk",
    "bulk_mail",
    "campaign_accepted",
    "campaign_learnt",
    "campaign_sighting",
    "change_count",
    "copy",
    "decision",
    "delivery",
    "device",
    "digest",
    "digest_link",
    "digest_wish",
    "directory_recipient",
    "directory_round",
    "event",
    "expecting",
    "failed_sign_in",
    "hook",
    "hook_post",
    "hoster",
    "identity_use",
    "invitation",
    "lesson",
    "link_key",
    "listed",
    "log_position",
    "memory",
    "message",
    "metadata",
    "network",
    "outbound_message",
    "passkey",
    "person",
    "person_address",
    "person_link",
    "person_role",
    "report",
    "report_day",
    "sender_domain",
    "shared_identity",
    "sighting",
    "sighting_rung",
    "signature_use",
    "standing",
    "switch",
    "tally",
    "tally_progress",
    "tally_sender",
    "tombstone",
    "unsubscribe_target",
    "waited_once",
    "web_session",
    "wish_to_release",
]

sighting = Table(
    "sighting",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("size", BigInteger),
    Column("body", exact(64)),
    Column("message_id", exact(64)),  # digest: a Message-ID may be long
    Column("body_key", Key),  # digest of sender, recipient and body
    Column("message_id_key", Key),
    Column("passed_at", UTCDateTime),
    Column("network_only", Boolean, nullable=False),
    Index(None, "body_key"),
    Index(None, "message_id_key"),
    Index(None, "last_seen"),
    Index("ix_sighting_capped", "network_only", "passed_at"),
    **OPTIONS,
)

sighting_rung = Table(
    "sighting_rung",
    metadata,
    Column("key", Key, primary_key=True),  # digest of stage, kind, value, sender, recipient
    Column("sighting_id", BigId, ForeignKey("sighting.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("value", exact(255), nullable=False),
    Index(None, "sighting_id"),
    **PLAIN,
)

memory = Table(
    "memory",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind, value, normalised sender, recipient
    Column("kind", SmallInteger, nullable=False),
    Column("value", exact(255), nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("grade", SmallInteger, nullable=False),
    Column("earned", String(16), nullable=False),  # waited | two waited | accepted | released | imported | wrote | sent
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),
    Column("comment", Text, nullable=False),
    Index(None, "expires"),
    Index(None, "value", mysql_length=190, mariadb_length=190),
    Index(None, "sender", mysql_length=190, mariadb_length=190),
    Index(None, "recipient", mysql_length=190, mariadb_length=190),
    **PLAIN,
)

identity_use = Table(  # for whom an identity was seen to send; a few of its rows are enough to tell that it is shared
    "identity_use",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind and value
    Column("domain", exact(255), primary_key=True),  # organisational, of the author or the envelope sender
    Column("kind", SmallInteger, nullable=False),
    Column("value", exact(255), nullable=False),
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Index(None, "last_seen"),
    **PLAIN,
)

shared_identity = Table(
    "shared_identity",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind and value
    Column("kind", SmallInteger),  # NULL: whatever the kind, as people say it
    Column("value", exact(255), nullable=False),
    Column("shared", Boolean, nullable=False),  # False: a person said that it is not
    Column("since", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),  # "" is learnt
    Column("comment", Text, nullable=False),
    **PLAIN,
)

waited_once = Table(  # an identity and sender domain that one recipient waited for; a second makes it everybody's
    "waited_once",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind, value, sender domain
    Column("first_for", Key, nullable=False),  # digest of the recipient
    Column("expires", UTCDateTime, nullable=False),
    Index(None, "expires"),
    **PLAIN,
)

standing = Table(  # how parties fared; each node adds to its own counters
    "standing",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind and value
    Column("node", exact(120), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("value", exact(ADDRESS), nullable=False),
    Column("counter", Double, nullable=False),  # see gateway.policy.standing.grown
    Column("first_at", UTCDateTime, nullable=False),
    Column("last_at", UTCDateTime, nullable=False),
    Index(None, "value", mysql_length=190, mariadb_length=190),
    Index(None, "last_at"),
    **PLAIN,
)

listed = Table(
    "listed",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("verb", String(8), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", exact(ADDRESS), nullable=False),
    Column("network", String(50)),
    Column("scope", exact(ADDRESS)),
    Column("created", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime),
    Column("author", exact(255), nullable=False),
    Column("comment", Text, nullable=False),
    Column("signature", exact(255)),  # the domain that must have signed
    Column("binds", String(16), nullable=False, server_default="everything"),
    Column("message", exact(20)),  # the mail it was approved from
    Column("withdrawn_at", UTCDateTime),
    Column("withdrawn_by", exact(255)),
    **OPTIONS,
)

hoster = Table(
    "hoster",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # network | name | as
    Column("value", exact(255), nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),
    Column("comment", Text, nullable=False),
    UniqueConstraint("kind", "value"),
    **OPTIONS,
)

message = Table(
    "message",
    metadata,
    Column("id", exact(20), primary_key=True),
    Column("received_at", UTCDateTime, nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),  # as it is sent on; "" is null
    Column("sender_key", exact(ADDRESS), nullable=False),
    Column("peer", String(45), nullable=False),
    Column("helo", exact(255), nullable=False),
    Column("peer_name", exact(255)),
    Column("tls", Boolean, nullable=False),
    Column("esmtp", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body_8bit", Boolean, nullable=False),
    Column("smtputf8", Boolean, nullable=False),
    Column("ret", String(4)),
    Column("envid", exact(100)),
    Column("author", exact(400), nullable=False),
    Column("subject", exact(400), nullable=False),
    Column("whole", exact(64), nullable=False),
    Column("body", exact(64), nullable=False),
    Column("headers", exact(64)),
    Column("message_id", exact(64)),
    Column("rungs", JSON, nullable=False),
    Column("trace", LongText, nullable=False),  # the fields that we put on top
    Column("network", String(50), nullable=False),
    Column("stored", String(10), nullable=False),  # files | database | none
    Index(None, "whole"),
    Index(None, "received_at"),
    Index(None, "network"),
    Index(None, "message_id"),
    **PLAIN,
)

body = Table(
    "body",
    metadata,
    Column("message", exact(20), primary_key=True),
    Column("part", Integer, primary_key=True),  # 0 is the envelope, then the bytes in pieces
    Column("data", Blob, nullable=False),
    **PLAIN,
)

copy = Table(
    "copy",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", exact(20), ForeignKey("message.id"), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("recipient_raw", exact(ADDRESS), nullable=False),
    Column("notify", exact(60)),
    Column("orcpt", exact(520)),
    Column("state", String(12), nullable=False),
    Column("note", String(200), nullable=False),
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("lease_until", UTCDateTime),
    Column("lease_by", String(80)),
    Column("decided_by", exact(255)),
    Column("decided_at", UTCDateTime),
    Column("domain", exact(ADDRESS), Computed(Behind("recipient"), persisted=False)),
    UniqueConstraint("message", "recipient"),
    Index(None, "state", "last_seen"),
    Index(None, "state", "recipient", "last_seen"),
    Index(None, "state", "domain", "last_seen"),
    **OPTIONS,
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", exact(20), ForeignKey("message.id"), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("recipient_raw", exact(ADDRESS), nullable=False),
    Column("notify", exact(60)),
    Column("orcpt", exact(520)),
    Column("state", String(14), nullable=False),
    Column("reason", String(40), nullable=False),  # the ReasonCode it is here for
    Column("junk", Boolean, nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("release_at", UTCDateTime),  # a held mail that releases itself
    Column("expires", UTCDateTime),  # end of holding
    Column("due", UTCDateTime),  # next attempt
    Column("give_up", UTCDateTime),
    Column("attempts", Integer, nullable=False),
    Column("last_reply", String(500), nullable=False),
    Column("lease_until", UTCDateTime),
    Column("lease_by", String(80)),
    Column("decided_by", exact(255)),
    Column("decided_at", UTCDateTime),
    Column("ended_at", UTCDateTime),
    Column(
        "sender_domain", exact(255), nullable=False, server_default=text("''")
    ),  # what is alike is decided about together
    Column("domain", exact(ADDRESS), Computed(Behind("recipient"), persisted=False)),
    UniqueConstraint("message", "recipient"),
    Index(None, "state", "due"),
    Index(None, "state", "created"),
    Index(None, "state", "recipient", "created"),
    Index(None, "state", "domain", "created"),
    Index(None, "state", "expires"),
    Index(None, "state", "release_at"),
    Index(None, "state", "sender_domain", "created"),
    Index(None, "ended_at"),
    **OPTIONS,
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("pair", Key, nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("whole", exact(64), nullable=False),
    Column("body", exact(64), nullable=False),
    Column("headers", exact(64)),
    Column("message_id", exact(64)),
    Column("rungs", JSON, nullable=False),
    Column("outcome", String(14), nullable=False),
    Column("released", Boolean, nullable=False),
    Column("reply", String(500)),
    Column("message", exact(20)),
    Column("made_at", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("consumed_at", UTCDateTime),
    Index(None, "pair"),
    Index(None, "message"),
    Index(None, "expires"),
    **OPTIONS,
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("reply_id", exact(20), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("stage", String(4), nullable=False),
    Column("peer", String(45), nullable=False),
    Column("sender", exact(ADDRESS), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("action", String(8), nullable=False),
    Column("code", String(40), nullable=False),
    Column("message", exact(20)),
    Column("review", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),  # versioned: {"v": 2, "facts": …, "reasons": […], "reply": …}
    Index(None, "reply_id"),
    Index(None, "at"),
    Index(None, "recipient", "at"),  # whole, not their beginnings: else MariaDB sorts all that somebody ever got
    Index(None, "sender", "at"),
    Index(None, "review", "at"),
    **OPTIONS,
)

lesson = Table(
    "lesson",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UTCDateTime, nullable=False),
    Column("node", exact(120), nullable=False),
    Column("person", exact(255), nullable=False),
    Column("account", exact(ADDRESS), nullable=False),  # whose mail it was; "" for nobody's in particular
    Column("message", exact(20)),
    Column(
        "label", String(4), nullable=False
    ),  # spam | ham | undo | gone (an account was erased: features is its digest)
    Column("undoes", BigId),  # the lesson that was taken back
    Column("features", Blob),  # what the classifier learns of the mail; an undo has none
    Column("score", Double),  # what it had thought of the mail: z, from -3 (ham) to 3 (spam)
    Index(None, "at"),
    Index(None, "message"),
    **OPTIONS,
)

event = Table(
    "event",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UTCDateTime, nullable=False),
    Column("message", exact(20)),
    Column("recipient", exact(ADDRESS)),
    Column("kind", String(40), nullable=False),
    Column("who", exact(255), nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "message"),
    Index(None, "at"),
    **OPTIONS,
)

switch = Table(
    "switch",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("until", UTCDateTime, nullable=False),
    Column("who", exact(255), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    **PLAIN,
)

change_count = Table(
    "change_count",
    metadata,
    Column("node", exact(120), primary_key=True),
    Column("count", BigInteger, nullable=False),
    **PLAIN,
)

network = Table(
    "network",
    metadata,
    Column("network", String(50), primary_key=True),  # a /24 or /64
    Column("greeted_at", UTCDateTime, nullable=False),  # NEVER, 1970, is what has not happened
    Column("delivered_at", UTCDateTime, nullable=False),
    Column("trapped_until", UTCDateTime, nullable=False),
    Column("early_until", UTCDateTime, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),  # workers follow it
    Index(None, "changed_at"),
    Index(None, "delivered_at"),
    **PLAIN,
)

signature_use = Table(
    "signature_use",
    metadata,
    Column("key", Key, primary_key=True),  # digest of the signature (b=)
    Column("network", String(50), primary_key=True),  # that brought it to somebody it does not name
    Column("seen_at", UTCDateTime, nullable=False),
    Index(None, "seen_at"),
    **PLAIN,
)

expecting = Table(
    "expecting",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("domain", exact(255)),  # None: whoever can prove who it is
    Column("opened_at", UTCDateTime, nullable=False),
    Column("until", UTCDateTime, nullable=False),
    Column("who", exact(255), nullable=False),
    Column("closed_at", UTCDateTime),
    Index(None, "recipient", "opened_at", mysql_length={"recipient": 190}, mariadb_length={"recipient": 190}),
    Index(None, "until"),
    **OPTIONS,
)

sender_domain = Table(
    "sender_domain",
    metadata,
    Column("domain", exact(255), primary_key=True),
    Column("grade", SmallInteger, nullable=False),  # the best of its senders
    Column("first_seen", UTCDateTime, nullable=False),
    Column("last_seen", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Index(None, "expires"),
    **PLAIN,
)

outbound_message = Table(
    "outbound_message",
    metadata,
    Column("digest", Key, primary_key=True),  # of the Message-ID of a mail that we sent
    Column("at", UTCDateTime, nullable=False),
    Index(None, "at"),
    **PLAIN,
)

unsubscribe_target = Table(
    "unsubscribe_target",
    metadata,
    Column("digest", Key, primary_key=True),  # of an address that a mail named for unsubscribing
    Column("at", UTCDateTime, nullable=False),
    Index(None, "at"),
    **PLAIN,
)

campaign_sighting = Table(  # what a mail of a stranger may share with others: a link, a band of its text, its list
    "campaign_sighting",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind and value
    Column("whole", exact(64), primary_key=True),  # which mail
    Column("network", String(50), primary_key=True),  # /24 or /48 that brought it
    Column("kind", String(8), nullable=False),  # link | text | list
    Column("value", exact(255), nullable=False),  # of a link
    Column("identity", exact(255), nullable=False),
    Column("domain", exact(ADDRESS), nullable=False),  # the organisation of the envelope sender
    Column("at", UTCDateTime, nullable=False),  # the latest
    Column("reply_id", exact(20), nullable=False),  # of the latest decision
    Column("fate", String(10)),  # what a person said: refused | released
    Column("decided_by", exact(255)),
    Column("decided_at", UTCDateTime),
    Index(None, "whole"),
    Index(None, "at"),
    Index(None, "fate"),
    **PLAIN,
)

campaign_accepted = Table(  # the days on which something was in mail that nobody had anything against
    "campaign_accepted",
    metadata,
    Column("key", Key, primary_key=True),
    Column("day", Integer, primary_key=True),  # date.toordinal()
    Column("known", Boolean, primary_key=True),  # of a sender that our people know
    Index(None, "day"),
    **PLAIN,
)

campaign_learnt = Table(
    "campaign_learnt",
    metadata,
    Column("node", exact(120), primary_key=True),
    Column("accepted", BigInteger, nullable=False),  # mails
    **PLAIN,
)

log_position = Table(
    "log_position",
    metadata,
    Column("digest", Key, primary_key=True),  # of node and path
    Column("node", exact(120), nullable=False),
    Column("path", exact(500), nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("head", exact(64), nullable=False),  # digest of the first bytes: inodes are used again
    Column("waiting", LongText, nullable=False),  # mails whose end is not read yet
    Column("at", UTCDateTime, nullable=False),
    **PLAIN,
)
