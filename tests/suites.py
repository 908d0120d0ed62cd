"""Suites that others wrote, through our own evaluation and a real name server: `python -m tests.suites FOLDER`.

The folder holds `rfc7208-tests.yml` (openspf's tests of SPF), `arc-draft-validation-tests.yml` (ValiMail's tests of
ARC), `dkim/` (Mail::DKIM's messages, with `FAKE_DNS.dat`), `spamassassin_text.txt` (links in texts) and `test_psl.txt`
(public suffixes); whichever are there are run. None of their text is kept
here. Where we differ on purpose, EXCEPTIONS says why; it exits with 1 for any other difference.
"""

import asyncio
import logging
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
import yaml

from gateway.evidence import dkim, spf
from gateway.evidence.budget import Budget
from gateway.evidence.gather import Evidence, Message
from gateway.evidence.resolver import DnsResolver
from gateway.model import AuthResult, Flaw, Signature
from tests import suites_urls
from tests.peers import nsd
from tests.peers.nsd import Nsd, quoted

WITHIN = 60.0  # seconds; the name server is next door

# (suite, pattern of the test's name) → why our result is another one.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("dkim", r"(good|bad)_dk_.*|dk_.*"): "DomainKeys (RFC 4870), which DKIM replaced, is not looked at",
    ("dkim", r"(good|mine)_ietf.*|no_body_.*|multiple_1"): "no version, or that of a draft: RFC 6376 3.5 wants v=1",
    ("dkim", r"badkey_(8|9|12|13)"): "a limit by g= in the key, which RFC 6376 withdrew",
}


@dataclass(frozen=True)
class Outcome:
    suite: str
    name: str
    expected: tuple[str, ...]
    found: str

    @property
    def agrees(self) -> bool:
        return self.found in self.expected

    @property
    def reason(self) -> str | None:
        return next(
            (
                why
                for (suite, pattern), why in EXCEPTIONS.items()
                if suite == self.suite and re.fullmatch(pattern, self.name)
            ),
            None,
        )


def serving(table: nsd.Table, broken: tuple[str, ...], ask: Callable[[DnsResolver], Any]) -> list[Outcome]:
    server = Nsd(table, broken)
    try:
        return list(asyncio.run(ask(server.start().resolver())))
    finally:
        server.remove()


# ---- SPF -----------------------------------------------------------------------------------------------------------


def run_spf(file: Path) -> Iterator[Outcome]:
    for scenario in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        table, broken = spf_zone(scenario["zonedata"])

        async def ask(resolver: DnsResolver, tests: dict[str, Any] = scenario["tests"]) -> list[Outcome]:
            return [await spf_outcome(name, test, resolver) for name, test in tests.items()]

        yield from serving(table, broken, ask)


def spf_zone(zonedata: dict[str, list[Any]]) -> tuple[nsd.Table, tuple[str, ...]]:
    """The names of a scenario. A server that times out is one that cannot answer; records of the old type SPF are TXT
    records too, unless there are TXT records."""
    table: dict[tuple[str, str], list[str]] = defaultdict(list)
    broken = []
    for name, entries in zonedata.items():
        records = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
        kinds = {kind for kind, _ in records}
        for kind, value in records:
            if value != "NONE":
                table[name, kind].append(zone_form(kind, value))
            if kind == "SPF" and "TXT" not in kinds:
                table[name, "TXT"].append(zone_form("TXT", value))
        if "TIMEOUT" in entries and ("TXT", "NONE") in [*records, *((("TXT", "NONE"),) if not kinds else ())]:
            broken.append(name)
            for key in [key for key in table if key[0] == name]:
                del table[key]
    return table, tuple(broken)


def zone_form(kind: str, value: Any) -> str:
    if kind in ("TXT", "SPF"):
        parts = (value if isinstance(value, list) else [value]) or [""]  # no server has a record without strings
        return " ".join(quoted(str(part)) for part in parts)
    if kind == "MX":
        preference, name = value
        return f"{preference} {nsd.absolute(name) or '.'}"
    return (nsd.absolute(value) or ".") if kind in ("PTR", "CNAME") else str(value)


async def spf_outcome(name: str, test: dict[str, Any], resolver: DnsResolver) -> Outcome:
    expected = test["result"] if isinstance(test["result"], list) else [test["result"]]
    budget = Budget(resolver, within=WITHIN, questions=200)
    found = await spf.check(ip_address(test["host"]), test["mailfrom"], test["helo"], budget)
    return Outcome("spf", name, tuple(expected), found.result.value)


# ---- ARC -----------------------------------------------------------------------------------------------------------


def run_arc(file: Path) -> Iterator[Outcome]:
    for scenario in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        table = {(name, "TXT"): [quoted(record)] for name, record in (scenario["txt-records"] or {}).items()}

        async def ask(resolver: DnsResolver, tests: dict[str, Any] = scenario["tests"]) -> list[Outcome]:
            return [await arc_outcome(name, test, resolver) for name, test in tests.items()]

        yield from serving(table, (), ask)


async def arc_outcome(name: str, test: dict[str, Any], resolver: DnsResolver) -> Outcome:
    evidence = Evidence(resolver, own_servers=True, within=WITHIN)
    found = await evidence.authentication_of(as_sent(test["message"].encode()), "", None, datetime.now(UTC))
    # A chain whose newest seal says that it is broken has no result in the suite; RFC 8617 5.2 says that it fails.
    expected = (test["cv"] or "").strip().lower() or "fail"
    return Outcome("arc", name, (expected,), found.arc.result.value if found.arc else "none")


def as_sent(text: bytes) -> Message:
    data = re.sub(rb"\r?\n", b"\r\n", text)
    return Message(lambda: [data], len(data))


# ---- DKIM ----------------------------------------------------------------------------------------------------------


def run_dkim(folder: Path) -> Iterator[Outcome]:
    table: dict[tuple[str, str], list[str]] = {}
    broken = []
    for line in (folder / "FAKE_DNS.dat").read_text(encoding="utf-8").splitlines():
        name, _, record = line.partition(" ")
        if record.strip().startswith("~~"):
            broken.append(name)
        elif name and not name.startswith("#") and record.strip() != "NXDOMAIN":
            table[name, "TXT"] = [quoted(record.strip().strip('"'))]

    async def ask(resolver: DnsResolver) -> list[Outcome]:
        return [await dkim_outcome(file, resolver) for file in sorted(folder.glob("*.txt"))]

    yield from serving(table, tuple(broken), ask)


async def dkim_outcome(file: Path, resolver: DnsResolver) -> Outcome:
    message = re.sub(rb"\r?\n", b"\r\n", file.read_bytes())
    signatures = await dkim.verify(message, Budget(resolver, within=WITHIN, questions=60), datetime.now(UTC))
    expected = {"good": "good", "goodkey": "good", "mine": "good", "no": "good", "multiple": "good"}
    kind = expected.get(file.stem.partition("_")[0], "bad")
    return Outcome("dkim", file.stem, (kind,), verdict_of(signatures))


def verdict_of(signatures: tuple[Signature, ...]) -> str:
    """Good also where a signature verifies that RFC 8301 forbids to count: these messages are older."""
    held = any(one.result is AuthResult.PASS or one.flaws & {Flaw.WEAK_KEY, Flaw.SHA1} for one in signatures)
    held = held and not any(Flaw.EXPIRED in one.flaws for one in signatures)
    return "good" if held else ("bad" if signatures else "none")


# ---- links ---------------------------------------------------------------------------------------------------------


def agreeing(suite: str, run: Callable[[Path], Iterator[tuple[str, bool]]]) -> Callable[[Path], Iterator[Outcome]]:
    def outcomes(file: Path) -> Iterator[Outcome]:
        return (
            Outcome(suite, name, ("as expected",), "as expected" if agrees else "not") for name, agrees in run(file)
        )

    return outcomes


# ---- the table -----------------------------------------------------------------------------------------------------

SUITES: dict[str, tuple[str, Callable[[Path], Iterator[Outcome]]]] = {
    "SPF": ("rfc7208-tests.yml", run_spf),
    "ARC": ("arc-draft-validation-tests.yml", run_arc),
    "DKIM": ("dkim", run_dkim),
    "URLs": ("spamassassin_text.txt", agreeing("urls", suites_urls.run_links)),
    "PSL": ("test_psl.txt", agreeing("psl", suites_urls.run_suffixes)),
}


def main(folder: Path) -> int:
    outcomes = [outcome for file, run in SUITES.values() if (folder / file).exists() for outcome in run(folder / file)]
    if not outcomes:
        print(f"{folder} holds none of {', '.join(file for file, _ in SUITES.values())}")
        return 2
    for one in outcomes:
        if not one.agrees:
            print(
                f"{one.suite:5} {one.name:36} {'/'.join(one.expected):18} {one.found:10} {one.reason or 'UNEXPLAINED'}"
            )
    counts = Counter(
        (one.suite, "agree" if one.agrees else "explained" if one.reason else "unexplained") for one in outcomes
    )
    for suite in dict.fromkeys(one.suite for one in outcomes):
        print(f"{suite:5}", *(f"{counts[suite, kind]:4} {kind}" for kind in ("agree", "explained", "unexplained")))
    return 1 if any(kind == "unexplained" and count for (_, kind), count in counts.items()) else 0


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
