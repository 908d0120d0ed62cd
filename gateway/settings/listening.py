"""The sections about our side of the net: listeners, limits, encryption, names, and the log."""

import socket
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.settings.addresses import Endpoint
from gateway.settings.quantities import GIB, KIB, MIB, MILLISECOND, MINUTE, SECOND
from gateway.settings.shapes import (
    Domains,
    Duration,
    Flag,
    HostName,
    Listener,
    Listeners,
    Location,
    Mailbox,
    Network,
    Number,
    Percent,
    Server,
    Size,
    WebAddress,
)


class Section(BaseModel):
    """A section of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Smtp(Section):
    """Where mail comes in."""

    listen: Listeners = Field(
        default=(Endpoint("127.0.0.1", 2525),), min_length=1, description="Where we listen for SMTP."
    )
    hostname: HostName = Field(default="", description="What we call ourselves in the greeting and in trace fields.")
    workers: Number = Field(default=2, ge=1, le=64, description="How many processes take mail in.")
    proxy_from: tuple[Network, ...] = Field(
        default=(), description="The load balancers whose PROXY header (v1 or v2) we believe."
    )
    relays: tuple[Network, ...] = Field(
        default=(),
        description="Our backup MX and our users' forwarders: their mail is judged by the hop before them.",
    )
    bare_newline_ok: tuple[Network, ...] = Field(
        default=(), description="The peers whose bare CR or LF we repair instead of refusing the mail."
    )
    size: Size = Field(default=50 * MIB, ge=64 * KIB, description="The largest mail that we take.")
    reply_within: Duration = Field(
        default=60 * SECOND,
        ge=MILLISECOND,
        le=10 * MINUTE,
        description="How long the end of the data may wait for our reply; then it is 451 and the backend goes on.",
    )
    reply_within_unmatchable: Duration = Field(
        default=9 * MINUTE,
        ge=MILLISECOND,
        le=10 * MINUTE,
        description="The same for mail whose retry could not be recognised.",
    )

    @property
    def name(self) -> str:
        """The host name to announce: the one that is set, else the machine's, which may ask DNS."""
        return self.hostname or socket.getfqdn()


class Limits(Section):
    """What one peer, one session and all of them together may use."""

    connections: Number = Field(default=2000, ge=1, description="Sessions at a time, over all workers.")
    connections_per_address: Number = Field(default=20, ge=1, description="Sessions at a time from one address.")
    connections_per_network: Number = Field(default=50, ge=1, description="Sessions at a time from one /24 or /64.")
    connections_per_home: Number = Field(
        default=75, ge=1, description="Sessions at a time from one IPv6 /56, which is what a home gets."
    )
    connections_per_site: Number = Field(
        default=100, ge=1, description="Sessions at a time from one IPv6 /48, which is what a site gets."
    )
    connections_per_known_network: Number = Field(
        default=500,
        ge=1,
        description="Sessions at a time from a network whose mail was delivered, instead of all these.",
    )
    connections_tls: Number = Field(default=1000, ge=1, description="Encrypted sessions at a time, over all workers.")
    stress_on: Percent = Field(
        default=70, description="Per cent of the sessions at which we hurry: strangers get 10s, 1 error, a short pause."
    )
    stress_off: Percent = Field(default=50, description="Per cent of the sessions at which that ends.")
    errors: Number = Field(default=20, ge=1, description="Commands answered with an error before a session ends.")
    junk_commands: Number = Field(default=100, ge=1, description="Commands that bring no mail before a session ends.")
    transactions: Number = Field(default=100, ge=1, description="Mails in one session.")
    recipients: Number = Field(default=100, ge=1, description="Recipients of one mail from somebody we do not know.")
    unknown_recipients: Number = Field(
        default=20,
        ge=1,
        description="Recipients who do not exist, per hour and network, before we stop looking them up.",
    )
    recipients_known: Number = Field(default=1000, ge=1, description="Recipients of one mail from a known sender.")
    command_line: Number = Field(default=2048, ge=512, le=65535, description="Bytes in a command line.")
    data_line: Number = Field(default=65535, ge=1000, le=MIB, description="Bytes in a line of a mail.")
    received: Number = Field(default=50, ge=10, description="Received fields at which a mail counts as looping.")
    command_timeout: Duration = Field(
        default=300 * SECOND, ge=MILLISECOND, description="How long we wait for the next command."
    )
    data_timeout: Duration = Field(
        default=180 * SECOND, ge=MILLISECOND, description="How long we wait for the next bytes of a mail."
    )
    data_rate: Size = Field(
        default=500, ge=1, description="Bytes a second that a mail has to come with, after the first data_timeout."
    )
    session: Duration = Field(default=30 * MINUTE, ge=MILLISECOND, description="How long a session may last.")
    tls_handshake: Duration = Field(
        default=10 * SECOND, ge=MILLISECOND, description="How long a TLS handshake may take."
    )
    memory_per_session: Size = Field(
        default=64 * KIB, ge=4 * KIB, description="Bytes of a mail kept in memory; the rest goes to disk."
    )
    spooled: Size = Field(
        default=2 * GIB, ge=MIB, description="Bytes of mails being received at a time, over all workers; above it, 452."
    )


class Tarpit(Section):
    """How strangers are slowed down; never a network whose mail was delivered within [greylist] memory."""

    greet_pause: Duration = Field(
        default=6 * SECOND,
        le=10 * SECOND,
        description="How long a network waits for our greeting, once a day; 0s is off.",
    )
    early_talker: Literal["slow", "reject"] = Field(
        default="slow",
        description="What a network that speaks before it is greeted meets for a day: each time the pause, or 550.",
    )
    stutter: Duration = Field(
        default=0 * SECOND,
        le=10 * MINUTE,
        description="How long replies to poor strangers are sent byte by byte, a byte a second; 0s is off.",
    )
    share: Percent = Field(default=50, description="Per cent of the sessions that may be slowed down at a time.")
    patience: Duration = Field(
        default=0 * SECOND,
        le=4 * MINUTE,
        description="How long a stranger may wait for our answer instead of coming back, such as 65s; 0s is off.",
    )
    traps: tuple[Mailbox, ...] = Field(
        default=(), description="Addresses that nobody ever had: who writes to one is sent away for a day."
    )


class Tls(Section):
    """Encryption of incoming mail; offered when both files are given."""

    certificate: Location | None = Field(default=None, description="The certificate and its chain, in PEM.")
    key: Location | None = Field(default=None, description="Its private key, in PEM, without a passphrase.")


class Web(Section):
    """The web pages."""

    enabled: Flag = Field(default=True, description="Whether they are served.")
    listen: Listener = Field(
        default=Endpoint("127.0.0.1", 8025), description="Where: by HTTP, for this machine or a reverse proxy with TLS."
    )
    url: WebAddress = Field(
        default="", description="How people reach them, such as https://gate.example.com; for links that are sent."
    )
    proxies: tuple[Network, ...] = Field(
        default=(),
        description="The reverse proxies that we believe who asks, and how (X-Forwarded-For, -Proto, -Host).",
    )
    plain: Flag = Field(
        default=False, description="Whether people may sign in from other machines without TLS: passwords can be read."
    )
    threads: Number = Field(default=24, ge=4, le=500, description="How many answers are made at once.")
    streams: Number = Field(
        default=64,
        ge=0,
        le=400,
        description="How many open pages are told of changes at once, by further threads; the others ask by turns.",
    )
    second_factor: Literal["offered", "required"] = Field(
        default="offered", description="Whether whoever decides about the mail of others must have a second factor."
    )
    passkeys: Flag = Field(
        default=True, description="Whether people may sign in with a passkey; they belong to the host name of url."
    )
    sender_held: Literal["approvers", "recipient"] = Field(
        default="approvers",
        description="Who may read mail that its sender still has: approvers of the domain, or its recipient alone.",
    )
    language: Literal["en", "de", "fr", "es", "ar"] = Field(
        default="en",
        description="In which language people are written to, and read the pages, that chose none and whose browser"
        " asks for none that there is: English, German, French, Spanish or Arabic.",
    )
    undo: Duration = Field(
        default=10 * SECOND, le=5 * MINUTE, description="How long a release waits, so that it can be taken back."
    )
    four_eyes: Literal["off", "everybody", "bulk", "both"] = Field(
        default="off",
        description="What a second approver has to confirm: whom somebody lets in or keeps out for everybody, decisions"
        " about many mails at once, or both.",
    )
    four_eyes_over: Number = Field(
        default=50, ge=1, description="About how many mails at once one approver may decide, where that is asked for."
    )


class Dns(Section):
    """Whom we ask for names."""

    servers: tuple[Server, ...] = Field(default=(), description="The resolvers; none: those of the system.")
    timeout: Duration = Field(default=2 * SECOND, ge=MILLISECOND, description="How long one answer may take.")
    within: Duration = Field(
        default=2500 * MILLISECOND,
        ge=MILLISECOND,
        description="How long all answers about a peer's name may take, and all about its sender's SPF record.",
    )


class AuthenticationSettings(Section):
    """What follows when a mail cannot prove who it is from."""

    refuse_forged: Flag = Field(
        default=False,
        description="Whether mail is refused that its author's domain asks to reject (DMARC); otherwise it is held.",
    )
    sealers: Domains = Field(
        default=(), description="Forwarders and lists whose ARC seals are believed, by their signing domain."
    )


class Metrics(Section):
    """Numbers for Prometheus."""

    listen: Listener | None = Field(
        default=None, description="Where they are served, by HTTP and to everybody who asks; without it nowhere."
    )


class Log(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least serious events that are logged."
    )
    format: Literal["text", "json"] = Field(default="text", description="Lines for people, or objects for programs.")
