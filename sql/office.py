"""The tables about people who sign in to the pages: who they are, what they chose, and what they did."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from sql.columns import ADDRESS, OPTIONS, PLAIN, BigId, Digest, Key, LongText, UTCDateTime, exact, metadata

person = Table(  # who may sign in
    "person",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", exact(255), nullable=False),  # what they sign in with, in small letters
    Column("password", String(255), nullable=False),  # argon2id; "" is none yet
    Column("totp", exact(64)),  # the secret of the second factor (RFC 6238), in base32
    Column("totp_step", BigInteger, nullable=False),  # the latest that was used: no code counts twice
    Column("recovery", JSON, nullable=False),  # digests of the codes that are left
    Column("wishes", JSON, nullable=False),  # how they want the pages: their language
    Column("created", UTCDateTime, nullable=False),
    Column("created_by", exact(255), nullable=False),
    Column("disabled_at", UTCDateTime),
    UniqueConstraint("name"),
    **OPTIONS,
)

person_role = Table(
    "person_role",
    metadata,
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("domain", exact(255), primary_key=True),  # "" is all of them
    **PLAIN,
)

person_address = Table(  # whose mail somebody sees and decides about
    "person_address",
    metadata,
    Column("key", Key, primary_key=True),  # digest of person and address
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("address", exact(ADDRESS), nullable=False),
    Column("kind", String(10), nullable=False),  # own | delegate
    Column("since", UTCDateTime),  # of a substitute; None: at once
    Column("until", UTCDateTime),  # of a substitute
    Column("author", exact(255), nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Index(None, "person_id"),
    Index(None, "address", mysql_length=190, mariadb_length=190),
    **PLAIN,
)

passkey = Table(  # a key that lets somebody in without a password (WebAuthn)
    "passkey",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("key", Key, nullable=False),  # digest of the credential's id
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("credential", LargeBinary, nullable=False),  # its id, as the browser names it
    Column("public_key", LargeBinary, nullable=False),  # COSE (RFC 9052)
    Column("uses", BigInteger, nullable=False),  # as the key itself counts them; 0 is one that does not
    Column("name", exact(60), nullable=False),  # what its person calls it
    Column("site", exact(255), nullable=False),  # the host name that it was made for
    Column("synced", Boolean, nullable=False),  # whether its maker keeps it on several machines
    Column("created", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Column("doubted_at", UTCDateTime),  # when its count went back: somebody may have copied it
    UniqueConstraint("key"),
    Index(None, "person_id"),
    **OPTIONS,
)

person_link = Table(  # who somebody is elsewhere: at an issuer, in the directory, at the mail server
    "person_link",
    metadata,
    Column("key", Key, primary_key=True),  # digest of issuer and subject
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("issuer", exact(255), nullable=False),
    Column("subject", exact(255), nullable=False),
    Column("address", exact(ADDRESS), nullable=False),  # theirs over there, as it was last seen
    Column("roles", JSON, nullable=False),  # those that they have here because of their groups there
    Column("addresses", JSON, nullable=False),  # and addresses
    Column("made", Boolean, nullable=False),  # the person is here because of it
    Column("created", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Column("left_at", UTCDateTime),  # when they were not there any more
    Index(None, "person_id"),
    **PLAIN,
)

directory_recipient = Table(  # which addresses the directory says exist
    "directory_recipient",
    metadata,
    Column("key", Key, primary_key=True),  # digest of the address
    Column("address", exact(ADDRESS), nullable=False),
    **PLAIN,
)

directory_round = Table(  # the last time that the directory was read: one row
    "directory_round",
    metadata,
    Column("name", exact(60), primary_key=True),
    Column("began", UTCDateTime, nullable=False),
    Column("ended", UTCDateTime),  # None: it was not read to the end, or was refused
    Column("problem", String(500), nullable=False),
    Column("stamp", BigInteger, nullable=False),  # grows when the recipients change
    **PLAIN,
)

web_session = Table(
    "web_session",
    metadata,
    Column("key", Key, primary_key=True),  # digest of what the cookie holds
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE")),
    Column("data", JSON, nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("seen", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("peer", String(45), nullable=False),
    Column("agent", String(200), nullable=False),
    Index(None, "person_id"),
    Index(None, "expires"),
    **PLAIN,
)

invitation = Table(  # to choose a password: once
    "invitation",
    metadata,
    Column("key", Key, primary_key=True),  # digest of what the link holds
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("expires", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Column("author", exact(255), nullable=False),
    Index(None, "person_id"),
    Index(None, "expires"),
    **PLAIN,
)

failed_sign_in = Table(  # by name, and by network
    "failed_sign_in",
    metadata,
    Column("key", Key, primary_key=True),  # digest of kind and value
    Column("fails", Integer, nullable=False),  # in a row
    Column("last_at", UTCDateTime, nullable=False),
    Index(None, "last_at"),
    **PLAIN,
)

api_token = Table(  # what a program shows instead of a password
    "api_token",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("digest", Digest, nullable=False),  # SHA-256 of all of it
    Column("person_id", BigId, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("name", exact(100), nullable=False),  # what it is for, as its owner says it
    Column("begins", exact(12), nullable=False),  # its first letters, to tell it from others
    Column("scopes", JSON, nullable=False),
    Column("created", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),  # who made it: its owner, or somebody at the terminal
    Column("expires", UTCDateTime, nullable=False),
    Column("used", UTCDateTime),  # the beginning of the last day on which it was
    Column("revoked_at", UTCDateTime),
    UniqueConstraint("digest"),
    Index(None, "person_id"),
    Index(None, "expires"),
    **OPTIONS,
)

api_answer = Table(  # what was answered to a call with an Idempotency-Key, so that it happens once
    "api_answer",
    metadata,
    Column("key", Key, primary_key=True),  # digest of the token and the key
    Column("asked", exact(64), nullable=False),  # digest of all that was asked for
    Column("claim", exact(20), nullable=False),  # who answers it
    Column("status", Integer),  # None: it is being answered
    Column("sealed", LongText, nullable=False),  # the answer, which only whoever has the token can read
    Column("created", UTCDateTime, nullable=False),
    Index(None, "created"),
    **PLAIN,
)

account_level = Table(  # the level that people chose, before that of the settings
    "account_level",
    metadata,
    Column("key", Key, primary_key=True),  # digest of the account
    Column("account", exact(ADDRESS), nullable=False),  # an address or a domain
    Column("level", String(16), nullable=False),
    Column("since", UTCDateTime, nullable=False),
    Column("author", exact(255), nullable=False),
    **PLAIN,
)

audit = Table(  # what people did and saw; each row holds the digest of the one before it, so that none can be missing
    "audit",
    metadata,
    Column("node", exact(120), primary_key=True),  # each has a chain of its own
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False),
    Column("who", exact(255), nullable=False),
    Column("peer", String(45), nullable=False),  # "" at a terminal
    Column("act", String(40), nullable=False),
    Column("about", exact(ADDRESS), nullable=False),  # an address, the id of a mail, a name
    Column("detail", LongText, nullable=False),  # JSON, as it was hashed
    Column("previous", exact(64), nullable=False),
    Column("digest", exact(64), nullable=False),
    Index(None, "at"),
    Index(None, "who", "at"),
    Index(None, "about", "at"),
    **PLAIN,
)

audit_head = Table(  # the end of each chain: whoever adds to it locks it
    "audit_head",
    metadata,
    Column("node", exact(120), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("digest", exact(64), nullable=False),
    **PLAIN,
)

bulk = Table(  # one decision about many mails: what was asked, by whom, and how far it has come
    "bulk",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("who", exact(255), nullable=False),
    Column("person", BigId),  # None: somebody at the terminal
    Column("peer", String(45), nullable=False),
    Column("verb", String(8), nullable=False),  # release | refuse
    Column("choice", Integer),  # the place of the proposed entry that is put on the lists with it
    Column("trust", Boolean, nullable=False),  # whether the senders of what is released are known from then on
    Column("about", exact(300), nullable=False),  # what its mails have in common; "" they were picked one by one
    Column("state", String(10), nullable=False),
    Column("mails", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("senders", Integer, nullable=False),
    Column("networks", Integer, nullable=False),
    Column("sampled", Integer, nullable=False),  # how many of them somebody looks at first
    Column("reached", Integer, nullable=False),  # the place of the last mail that was decided about
    Column("created", UTCDateTime, nullable=False),
    Column("begins", UTCDateTime),  # not before
    Column("expires", UTCDateTime, nullable=False),  # of what nobody went on with
    Column("ended_at", UTCDateTime),
    Column("second", exact(255)),  # who confirmed it
    Index(None, "state"),
    Index(None, "created"),
    **OPTIONS,
)

bulk_mail = Table(
    "bulk_mail",
    metadata,
    Column("bulk", BigId, ForeignKey("bulk.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("message", exact(20), nullable=False),
    Column("sample", Boolean, nullable=False),  # somebody looks at it before all are decided about
    Column("looked_at", UTCDateTime),
    Column("outcome", String(10)),
    Column("faster", exact(255), nullable=False),  # who had decided about it
    **PLAIN,
)
