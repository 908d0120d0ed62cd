"""The sections and keys of the settings file, with their defaults and what they mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.model import Level, Mode, Tells
from gateway.settings.campaigns import CampaignSettings
from gateway.settings.judging import Attachments, Clamav, Content, ScoreSettings
from gateway.settings.listening import (
    AuthenticationSettings,
    Dns,
    Limits,
    Log,
    Metrics,
    Section,
    Smtp,
    Tarpit,
    Tls,
    Web,
)
from gateway.settings.quantities import DAY, GIB, HOUR, MIB, MILLISECOND, MINUTE, SECOND
from gateway.settings.sending import Submission
from gateway.settings.shapes import (
    Account,
    Backends,
    Database,
    Domains,
    Duration,
    Flag,
    Fraction,
    HeaderField,
    Location,
    Number,
    RecipientName,
    Shape,
    Size,
    Text,
    distinct_keys,
)
from gateway.settings.signin import DirectorySettings, ImapSettings, Oidc
from gateway.settings.urls import BackendUrl, DatabaseUrl
from gateway.settings.writing import AlertSettings, DigestSettings, HookSettings, ReportSettings

Overrides = Annotated[
    Mapping[Account, Level], BeforeValidator(distinct_keys), Shape("a table of addresses or domains and their levels")
]


class DomainSettings(Section):
    """Whose mail we take."""

    local: Domains = Field(default=(), description="Our domains; mail for any other is refused. Required.")


class Recipients(Section):
    """Who exists at our domains."""

    verify: Literal["accept-all", "list", "backend", "directory"] = Field(
        default="accept-all",
        description="How we learn whether a recipient exists: not at all, from a list, by asking, from [directory].",
    )
    list: tuple[RecipientName, ...] = Field(
        default=(), description='Recipients that exist, for verify = "list" or "directory".'
    )
    file: Location | None = Field(
        default=None, description="A file of more of them: one on each line, # starts a comment."
    )
    positive: Duration = Field(default=24 * HOUR, description="How long the backend's yes is remembered.")
    negative: Duration = Field(default=2 * HOUR, description="How long the backend's no is remembered.")


class BackendSettings(Section):
    """The mail server behind us."""

    url: Backends = Field(
        default=(), description="Where mail goes; with several, the next is tried when one is down. Required."
    )
    tls: Literal["may", "require", "off"] = Field(
        default="may", description="Whether we encrypt to it: where offered, always, or never."
    )
    parallel: Number = Field(default=20, ge=1, le=1000, description="Connections at a time, in each worker.")
    connect_timeout: Duration = Field(default=10 * SECOND, ge=MILLISECOND, description="How long connecting may take.")
    final_timeout: Duration = Field(
        default=300 * SECOND, ge=MILLISECOND, description="How long its reply to a whole mail may take."
    )


class Route(Section):
    """Some of our domains that another mail server keeps; may stand any number of times."""

    domains: Domains = Field(min_length=1, description="Which of the local domains.")
    url: Backends = Field(min_length=1, description="Where their mail goes, in the form of [backend] url.")


class DatabaseSettings(Section):
    """What we remember, and where."""

    url: Database = Field(
        default=DatabaseUrl("sqlite", path=Path("/var/lib/greygate/greygate.db")),
        description="The database; special characters in user and password are percent-encoded.",
    )
    password_file: Location | None = Field(
        default=None, description="A file whose first line is the password, instead of one in url."
    )

    @property
    def kind(self) -> Literal["sqlite", "mysql"]:
        """Which kind of database."""
        return self.url.kind

    @property
    def path(self) -> Path | None:
        """The absolute path of an SQLite database; None for any other."""
        return self.url.path

    def password(self) -> str:
        """The password from the file or the URL; raises OSError when the file cannot be read."""
        if self.password_file is None:
            return self.url.password
        return self.password_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


class Greylist(Section):
    """How strangers wait."""

    wait: Duration = Field(default=180 * SECOND, description="How long a new sender has to wait.")
    window: Duration = Field(
        default=4 * DAY, le=30 * DAY, description="How long it has to come back; our copy of its mail is kept as long."
    )
    memory: Duration = Field(default=36 * DAY, description="How long a sender that came back is remembered.")
    memory_act: Duration = Field(
        default=400 * DAY, description="The same where one of our people was involved: wrote to it, or approved it."
    )
    stage: Literal["data", "rcpt"] = Field(
        default="data", description="Whether it is told to wait after its mail, which we then have seen, or before."
    )
    give_up: Duration = Field(
        default=8 * HOUR,
        ge=MILLISECOND,
        description="When a sender we cannot judge is taken to give up; from half of it on we take its mail over.",
    )
    large: Size = Field(
        default=2 * MIB, description="Strangers announcing more than this wait once before they may send it."
    )
    code: Literal[450, 451] = Field(default=451, description="The reply code of the wait.")
    enhanced: Literal["4.7.0", "4.7.1", "4.2.0"] = Field(default="4.7.0", description="Its enhanced status code.")
    text: Text = Field(default="Greylisted, retry later", description="Its text.")


class Protection(Section):
    """How much protection whom; docs/glossary.md explains the levels."""

    mode: Mode = Field(
        default=Mode.ENFORCE,
        description="Whether it is in force, only observed what it would do, or in force with a draft beside it; "
        "greygate observe comes before it.",
    )
    level: Level = Field(default=Level.GREYLIST, description="The level of everybody without one of their own.")
    overrides: Overrides = Field(
        default={}, description='Levels of single accounts and domains: { "boss@example.com" = "off" }.'
    )


class Shadow(Section):
    """A draft of the settings that decides beside those in force and changes nothing, with mode = "shadow"."""

    settings: Location | None = Field(
        default=None, description="The draft: a whole settings file. What it would change is logged and kept on record."
    )


class Hold(Section):
    """Mail that waits for a person."""

    keep: Duration = Field(default=30 * DAY, ge=DAY, description="How long held mail is kept.")
    reviewed: Flag = Field(
        default=False, description="Whether somebody looks at held mail; if not, suspicious mail is tagged instead."
    )
    dangerous: Literal["anybody", "approvers"] = Field(
        default="anybody",
        description="Who may release mail with a program, a virus, a forged or look-alike sender or of a refused "
        "campaign: whoever it is for, or approvers of the domain, whom the others can ask.",
    )
    junk_header: HeaderField = Field(
        default="X-Spam-Flag: YES", description="The header field that tags mail for the Junk folder."
    )


class Audit(Section):
    """Delivered mail that is listed for somebody to look at, and what of it is chosen to see what slips through."""

    share: Fraction = Field(
        default=0.01, description="About which share of the mail that was let in without a person is chosen; 0 is none."
    )
    keep: Duration = Field(
        default=14 * DAY, le=90 * DAY, description="How long listed mail, chosen or not, is kept to be looked at."
    )


class Expecting(Section):
    """Mail that an account says it expects: it neither waits nor is held if its sender proves who it is."""

    enabled: Flag = Field(default=True, description="Whether accounts may say so.")
    anybody: Duration = Field(
        default=10 * MINUTE,
        ge=MINUTE,
        le=10 * MINUTE,
        description="For how long at most mail of anybody may be expected.",
    )
    named: Duration = Field(
        default=HOUR, ge=MINUTE, le=HOUR, description="For how long at most mail of one domain may be expected."
    )
    per_day: Number = Field(default=20, ge=1, le=1000, description="How often an account may say so within a day.")


class HostersSettings(Section):
    """Places that anybody can rent, as you list them with greygate hosters."""

    action: Literal["wait", "hold"] = Field(
        default="wait",
        description="Whether their strangers wait longer, or a person decides about them (else tagged for Junk).",
    )
    wait: Duration = Field(default=HOUR, le=DAY, description="How long a stranger from there waits.")
    asn_file: Location | None = Field(
        default=None, description="Which network is of which AS: on each line network, tab, number."
    )


class Storage(Section):
    """Where messages are kept, and how much of them."""

    path: Location = Field(default=Path("/var/lib/greygate"), description="The folder of messages.")
    bodies: Literal["files", "database"] = Field(
        default="files", description="Whether messages are files here, or in the database that several nodes share."
    )
    copies: Size = Field(default=2 * GIB, description="Room for copies of mail that its sender still has.")
    copies_per_network: Size = Field(default=64 * MIB, description="The share of one /24 or /48 in it.")
    keep_copies: Flag = Field(default=True, description="Whether such copies are kept at all.")
    reserve: Size = Field(default=512 * MIB, description="Room that copies may not take: for mail we answer for.")
    sightings: Number = Field(
        default=200000, ge=1, description="How many first attempts known by nothing but their network are remembered."
    )


class Retention(Section):
    """How long records are kept."""

    events: Duration = Field(default=90 * DAY, ge=DAY, description="How long the history of mail is kept.")
    tombstones: Duration = Field(
        default=8 * DAY, ge=8 * DAY, description="How long we recognise the retry of a mail that was delivered."
    )
    lessons: Duration = Field(
        default=400 * DAY, ge=30 * DAY, description="How long the classifier's journal keeps what people said of mail."
    )
    statistics: Duration = Field(
        default=730 * DAY,
        ge=DAY,
        description="How long what is counted by the day is kept; single accounts and hours as long as `events`.",
    )


class Fail(Section):
    """What happens when a part is down."""

    database: Literal["defer", "pass"] = Field(
        default="defer", description="Whether strangers have to come back or are let in while the database is down."
    )


class Settings(Section):
    """All that can be set."""

    smtp: Smtp = Smtp()
    limits: Limits = Limits()
    tarpit: Tarpit = Tarpit()
    domains: DomainSettings = DomainSettings()
    recipients: Recipients = Recipients()
    backend: BackendSettings = BackendSettings()
    route: tuple[Route, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    greylist: Greylist = Greylist()
    protection: Protection = Protection()
    shadow: Shadow = Shadow()
    hold: Hold = Hold()
    audit: Audit = Audit()
    digest: DigestSettings = DigestSettings()
    alerts: AlertSettings = AlertSettings()
    hook: tuple[HookSettings, ...] = ()
    reports: ReportSettings = ReportSettings()
    expecting: Expecting = Expecting()
    submission: Submission = Submission()
    hosters: HostersSettings = HostersSettings()
    storage: Storage = Storage()
    retention: Retention = Retention()
    fail: Fail = Fail()
    tls: Tls = Tls()
    web: Web = Web()
    oidc: Oidc = Oidc()
    directory: DirectorySettings = DirectorySettings()
    imap: ImapSettings = ImapSettings()
    dns: Dns = Dns()
    authentication: AuthenticationSettings = AuthenticationSettings()
    content: Content = Content()
    attachments: Attachments = Attachments()
    clamav: Clamav = Clamav()
    score: ScoreSettings = ScoreSettings()
    campaigns: CampaignSettings = CampaignSettings()
    log: Log = Log()
    metrics: Metrics = Metrics()

    @property
    def tells(self) -> Tells:
        """Who gets digests: nobody while there is nowhere that their links could lead."""
        is_possible = self.web.enabled and self.web.url and self.digest.send != "off"
        return Tells(self.digest.send) if is_possible else Tells.NOBODY

    def backends(self, domain: str) -> tuple[BackendUrl, ...]:
        """The backends of a local domain, in the order to try them."""
        routes = (route.url for route in self.route if domain in route.domains)
        return next(routes, self.backend.url)


REPEATED: Mapping[str, type[Section]] = {"route": Route, "hook": HookSettings}  # sections in double brackets
