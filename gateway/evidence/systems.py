"""The admin's file of autonomous systems: which network belongs to which."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from gateway.model import IPNetwork
from gateway.policy.hosters import Systems

NUMBER = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
MOST_NUMBER = 2**32 - 1  # RFC 6793
MOST_PROBLEMS = 20


class BadSystems(ValueError):
    """The file has lines that say nothing. args[0] names them, a line each."""


def read(file: Path | None) -> Systems:
    """What the file says; nothing where there is none. Raises OSError and BadSystems."""
    if file is None:
        return Systems()
    problems: list[str] = []
    found = Systems(networks(file, problems))
    if problems:
        raise BadSystems("\n".join(problems))
    return found


def networks(file: Path, problems: list[str]) -> Iterator[tuple[IPNetwork, int]]:
    """Each line is a network, a tab, its number, and perhaps a tab and a name; # begins a comment."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                yield parsed(text)
            except ValueError as error:
                problems.append(f"{file}, line {number}: {error}")
                if len(problems) >= MOST_PROBLEMS:
                    return


def parsed(text: str) -> tuple[IPNetwork, int]:
    """Raises ValueError with what is wrong."""
    network, tab, rest = text.partition("\t")
    system = NUMBER.fullmatch(rest.partition("\t")[0].strip())
    if not tab or system is None or not 0 < int(system[1]) <= MOST_NUMBER:
        raise ValueError("a line is a network, a tab, and the number of its system, such as 64500 or AS64500")
    try:
        return ip_network(network.strip(), strict=False), int(system[1])
    except ValueError:
        raise ValueError("its first word is no network, such as 192.0.2.0/24") from None
