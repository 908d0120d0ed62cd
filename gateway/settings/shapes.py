"""The types of settings: each reads its text, and knows how to say what it allows and how to write a value back."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, Strict, ValidationInfo

from gateway.model import IPNetwork
from gateway.settings.addresses import Endpoint, account, address, domain, endpoint, network, recipient, server
from gateway.settings.quantities import duration, duration_text, quoted, size, size_text
from gateway.settings.urls import BackendUrl, DatabaseUrl, backend_url, database_url

_PRINTABLE = re.compile(r"[ -~]+")
_FIELD = re.compile(r"[!-9;-~]+: ?[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a type allows, in words, for one value and for a list, and how a value is written as text.

    `masked` is how one is shown that may hold a secret: whoever reads settings reads nothing that opens a door.
    """

    one: str
    many: str = ""
    write: Callable[..., str] = str
    masked: Callable[..., str] | None = None


def _path(value: object, info: ValidationInfo) -> Path:
    """A path, relative to the folder in the validation context; raises ValueError for what names no path."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f'{quoted(value)} is not a path; write one such as "/var/lib/greygate"')
    folder = (info.context or {}).get("folder", Path())
    return Path(folder, value)


def printable(value: object) -> str:
    """Text that can stand in an SMTP reply: printable ASCII, 200 characters at most; raises ValueError otherwise."""
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value) or value.isspace():
        raise ValueError(f"{quoted(value)} cannot stand in a reply; write printable ASCII")
    if len(value) > 200:
        raise ValueError(f"{len(value)} characters are too many; write at most 200")
    return value


def header_field(value: object) -> str:
    """A header field on one line, "Name: value"; raises ValueError for anything else."""
    if not isinstance(value, str) or not _FIELD.fullmatch(value) or len(value) > 200:
        raise ValueError(f'{quoted(value)} is not a header field; write "Name: value" in printable ASCII')
    name, _, content = value.partition(":")
    return f"{name}: {content.strip()}"


def host_name(value: object) -> str:
    """A host name in lower case and A-labels, or nothing; raises ValueError for what is no name."""
    return "" if value == "" else domain(value)


WEB_ADDRESS = re.compile(r"https?://[!-~]{1,200}")


def web_address(value: object) -> str:
    """Where pages are, without a slash at the end, or nothing; raises ValueError for what is no such address."""
    if value == "":
        return ""
    if not isinstance(value, str) or not WEB_ADDRESS.fullmatch(value):
        raise ValueError(f"{value!r} is no address of pages; write such as https://gate.example.com")
    return value.rstrip("/")


def one_or_more(value: object) -> object:
    """A single text as a list of one."""
    return (value,) if isinstance(value, str | BackendUrl) else value


def distinct(values: tuple[object, ...]) -> tuple[object, ...]:
    """The list itself; raises ValueError when something is named twice."""
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        raise ValueError(f"{quoted(str(twice[0]))} is named twice; name it once")
    return values


def distinct_keys(value: object) -> object:
    """The table itself; raises ValueError when two keys differ only in upper and lower case."""
    keys = [str(key).lower() for key in value] if isinstance(value, dict) else []
    twice = [key for index, key in enumerate(keys) if key in keys[:index]]
    if twice:
        raise ValueError(f"{quoted(twice[0])} is named twice; name it once")
    return value


def fraction(value: object) -> float:
    """A part of one; raises ValueError for what is no number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{quoted(str(value))} is no share; write a number from 0 to 1")
    return float(value)


Duration = Annotated[timedelta, BeforeValidator(duration), Shape("a duration", "durations", duration_text)]
Size = Annotated[int, BeforeValidator(size), Shape("a size", "sizes", size_text)]
Number = Annotated[int, Strict(), Shape("a number")]
Percent = Annotated[int, Strict(), Field(ge=1, le=100), Shape("a number from 1 to 100")]
Fraction = Annotated[float, PlainValidator(fraction), Shape("a number from 0 to 1")]
Flag = Annotated[bool, Strict(), Shape("true or false")]
Text = Annotated[str, PlainValidator(printable), Shape("printable ASCII, at most 200 characters")]
HeaderField = Annotated[str, PlainValidator(header_field), Shape('a header field: "Name: value", printable ASCII')]
WebAddress = Annotated[str, PlainValidator(web_address), Shape('an address such as https://gate.example.com, or ""')]
HostName = Annotated[str, PlainValidator(host_name), Shape('a host name; "" is the name that the machine gives itself')]
Location = Annotated[Path, PlainValidator(_path), Shape("a path; a relative one starts at the folder of this file")]
Listener = Annotated[
    Endpoint,
    PlainValidator(endpoint),
    PlainSerializer(str),
    Shape('"host:port", IPv6 as "[::1]:25"', '"host:port", IPv6 as "[::1]:25"'),
]
Server = Annotated[
    Endpoint,
    PlainValidator(server),
    PlainSerializer(str),
    Shape("an IP address, with or without a port", "IP addresses, with or without a port"),
]
Network = Annotated[
    IPNetwork, PlainValidator(network), Shape("a network", 'networks such as "192.0.2.0/24" or single addresses')
]
Domain = Annotated[str, PlainValidator(domain), Shape("a domain", "domains, without wildcards")]
Account = Annotated[str, PlainValidator(account), Shape("an address or a domain", "addresses or domains")]
Mailbox = Annotated[str, PlainValidator(address), Shape("an address", "addresses")]
RecipientName = Annotated[
    str, PlainValidator(recipient), Shape("a recipient", 'addresses, or "@example.com" for all of a domain')
]
Backend = Annotated[BackendUrl, PlainValidator(backend_url), PlainSerializer(str)]
Database = Annotated[
    DatabaseUrl,
    PlainValidator(database_url),
    PlainSerializer(str),
    Shape("sqlite:///path or mysql://user:password@host:port/name", masked=str),
]
Backends = Annotated[
    tuple[Backend, ...],
    BeforeValidator(one_or_more),
    AfterValidator(distinct),
    Shape("smtp://host:port, lmtp://host:port, lmtp:///socket or maildir:///folder; one, or a list of them"),
]
Domains = Annotated[tuple[Domain, ...], AfterValidator(distinct)]
Listeners = Annotated[tuple[Listener, ...], AfterValidator(distinct)]


def toml_text(value: object) -> str:
    """A text as a TOML basic string: JSON's form, which TOML shares, with DEL escaped too."""
    return json.dumps(str(value)).replace("\x7f", "\\u007f")
