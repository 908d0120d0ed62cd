"""The tables of the statistics: what happened, counted, and how far that is done."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from sql.columns import ADDRESS, PLAIN, UTCDateTime, exact, metadata

tally = Table(  # what happened in an hour or on a day, counted for everybody, for each domain and for each account
    "tally",
    metadata,
    Column("scope", exact(ADDRESS), primary_key=True),  # "" is everybody's; a domain; an address, by the hour only
    Column("grain", exact(4), primary_key=True),  # hour | day
    Column("at", UTCDateTime, primary_key=True),  # when it began
    Column("kind", exact(12), primary_key=True),  # gateway.statistics.kinds
    Column("what", exact(40), primary_key=True),  # a ReasonCode, or the number of a bucket of waits
    Column("level", exact(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Index(None, "at", "grain"),  # in this order: SQLite would prefer the other one to the key when people ask
    sqlite_with_rowid=False,
    **PLAIN,
)

tally_sender = Table(  # the domains that sent most on a day; the rest of them together as "*"
    "tally_sender",
    metadata,
    Column("scope", exact(ADDRESS), primary_key=True),
    Column("at", UTCDateTime, primary_key=True),
    Column("sender", exact(200), primary_key=True),
    Column("kind", exact(12), primary_key=True),
    Column("personal", Boolean, nullable=False),  # the scope is an address
    Column("count", BigInteger, nullable=False),
    Index(None, "personal", "at"),
    sqlite_with_rowid=False,
    **PLAIN,
)

tally_progress = Table(  # how far each source is counted; whoever counts moves it on in the same transaction
    "tally_progress",
    metadata,
    Column("source", exact(10), primary_key=True),  # decision | event
    Column("began", BigInteger, nullable=False),  # the number before the first that was there
    Column("upto", BigInteger, nullable=False),  # counted
    Column("settled", BigInteger, nullable=False),  # nothing is written any more with a number up to this
    Column("seen", BigInteger, nullable=False),  # the highest at seen_at, which is settled some time later
    Column("seen_at", UTCDateTime, nullable=False),
    Column("counted_at", UTCDateTime, nullable=False),  # when all that was settled was counted last
    **PLAIN,
)
