"""The tables about what we write: digests, the links in them, alerts, what hooks are told, and reports to domains."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from sql.columns import ADDRESS, OPTIONS, PLAIN, BigId, Blob, Key, UTCDateTime, exact, metadata

digest_wish = Table(  # what somebody wants to be told of by mail; without a row it is as the settings say
    "digest_wish",
    metadata,
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    Column("wanted", Boolean, nullable=False),
    Column("times", String(60), nullable=False),  # "08:00 13:00"; "" is as the settings say
    Column("weekends", Boolean, nullable=False),
    Column("kinds", String(60), nullable=False),  # of what: held, listed, nobodys
    Column("address", exact(ADDRESS), nullable=False),  # which of their own; "" is the first
    Column("instant", Boolean, nullable=False),  # a word at once about what looks like a code to sign in
    Column("since", UTCDateTime, nullable=False),
    **PLAIN,
)

digest = Table(  # one person's, of one moment: whoever writes the row sends it
    "digest",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("slot", UTCDateTime, nullable=False),  # when it was due
    Column("made", UTCDateTime, nullable=False),
    Column("address", exact(ADDRESS), nullable=False),
    Column("mails", Integer, nullable=False),  # that it tells of
    Column("message", exact(20)),  # the mail that we wrote; None: there was nothing to tell
    UniqueConstraint("person_id", "slot"),
    Index(None, "slot"),
    **OPTIONS,
)

digest_link = Table(  # one mail, one recipient, one thing to do, one person, for a while
    "digest_link",
    metadata,
    Column("key", Key, primary_key=True),  # digest of what the link holds
    Column("digest", BigId, ForeignKey("digest.id", ondelete="CASCADE"), nullable=False),
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("message", exact(20), nullable=False),
    Column("recipient", exact(ADDRESS), nullable=False),
    Column("act", String(10), nullable=False),  # release | refuse | ask
    Column("code", Key),  # digest of what has to be typed; None where typing is not enough
    Column("tries", Integer, nullable=False),  # wrong codes
    Column("expires", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Index(None, "digest"),
    Index(None, "person_id"),
    Index(None, "expires"),
    **PLAIN,
)

link_key = Table(  # what links are sealed with: another one each month, the last two are valid
    "link_key",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("secret", exact(64), nullable=False),
    **PLAIN,
)

device = Table(  # a browser in which somebody may act on links without signing in again
    "device",
    metadata,
    Column("key", Key, primary_key=True),  # digest of what its cookie holds
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("seen", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("agent", String(200), nullable=False),
    Index(None, "person_id"),
    Index(None, "expires"),
    **PLAIN,
)

wish_to_release = Table(  # somebody asks an approver for a mail that they may not release themselves
    "wish_to_release",
    metadata,
    Column("message", exact(20), primary_key=True),
    Column("recipient", exact(ADDRESS), primary_key=True),
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("words", exact(300), nullable=False),
    Index(None, "at"),
    **PLAIN,
)

alert = Table(  # something is amiss, from when it was seen until it is not seen any more
    "alert",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind, what it is about, and the node that it is on
    Column("kind", String(40), nullable=False),
    Column("node", exact(120), nullable=False),  # "" where it is all nodes'
    Column("words", exact(500), nullable=False),
    Column("grave", Boolean, nullable=False),
    Column("since", UTCDateTime, nullable=False),
    Column("seen", UTCDateTime, nullable=False),  # last
    Column("told_at", UTCDateTime),  # when somebody was told last
    Column("owner", exact(255), nullable=False),  # who takes care of it; "" is nobody
    Column("silent_until", UTCDateTime),
    Index(None, "since"),
    **PLAIN,
)

hook = Table(  # a place that is told what happens: who tells it now, and up to where all is taken down for it
    "hook",
    metadata,
    Column("name", exact(60), primary_key=True),
    Column("holder", exact(120), nullable=False),  # the node that tells it
    Column("until", UTCDateTime, nullable=False),  # or another one does
    Column("delivery", BigInteger, nullable=False),  # the number up to which all deliveries are taken down
    Column("delivery_seen", BigInteger, nullable=False),  # the highest at seen_at: settled some time later
    Column("event", BigInteger, nullable=False),
    Column("event_seen", BigInteger, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
    **PLAIN,
)

hook_post = Table(  # what a place is to be told, or was told of late
    "hook_post",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("hook", exact(60), nullable=False),
    Column("source", exact(10), nullable=False),  # delivery | event
    Column("number", BigInteger, nullable=False),  # of its row there
    Column("kind", exact(40), nullable=False),  # gateway.model.HookEvent
    Column("at", UTCDateTime, nullable=False),
    Column("message", exact(20), nullable=False),
    Column("recipient", exact(ADDRESS)),  # None: of all of them
    Column("reason", exact(40), nullable=False),  # the ReasonCode, where it is known
    Column("who", exact(255), nullable=False),
    Column("state", String(10), nullable=False),  # waiting | sent | given_up
    Column("tries", Integer, nullable=False),
    Column("noted", UTCDateTime, nullable=False),
    Column("due", UTCDateTime, nullable=False),
    Column("ended", UTCDateTime),
    Column("said", exact(200), nullable=False),  # what went wrong last
    UniqueConstraint("hook", "source", "number"),
    Index(None, "hook", "state", "due"),
    Index(None, "ended"),
    **OPTIONS,
)

report_day = Table(  # a UTC day that reports are gathered about: whoever claims it does so
    "report_day",
    metadata,
    Column("kind", exact(10), primary_key=True),  # dmarc
    Column("day", UTCDateTime, primary_key=True),  # its beginning
    Column("due", UTCDateTime, nullable=False),  # from when on it may be claimed, and the end of the claim
    Column("gathered_at", UTCDateTime),  # None: not yet
    **PLAIN,
)

report = Table(  # to one domain about one day: whoever claims it sends it
    "report",
    metadata,
    Column("kind", exact(10), primary_key=True),
    Column("day", UTCDateTime, primary_key=True),
    Column("domain", exact(255), primary_key=True),
    Column("number", exact(20), nullable=False),  # of the report: the same each time it is sent
    Column("rua", JSON, nullable=False),  # where it is wanted, as the domain says
    Column("mails", Integer, nullable=False),
    Column("document", Blob, nullable=False),  # as it is attached
    Column("state", String(10), nullable=False),  # open | sent | dropped
    Column("due", UTCDateTime, nullable=False),  # when it is tried next, or the end of a claim
    Column("attempts", Integer, nullable=False),
    Column("told", JSON, nullable=False),  # by address, the last word of the next hop
    Column("said", exact(500), nullable=False),  # why it did not leave
    Index(None, "state", "due"),
    **PLAIN,
)
