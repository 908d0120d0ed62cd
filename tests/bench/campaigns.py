"""What campaigns say of mail that others labelled: `python -m tests.bench.campaigns FOLDER [LEARN_UNTIL]`.

FOLDER holds messages and `index`, lines of `spam path` or `ham path` in the order of arrival. Every mail is compared
with those before it, by the gateway's own reading and rules, and scored by a classifier that was told the labels of
those before it. Wanted mail teaches what is usual after it was judged: as of a known sender where its author wrote
wanted mail before, else as of a remembered one. A person refuses each unwanted mail after it was judged, and releases
none: *suspect* needs no refusal, *confirmed* does.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from time import process_time

from classifier.mail import Mail, parse
from gateway.evidence.alike import bands_of, links_in
from gateway.evidence.domain import organisational
from gateway.evidence.looking import moment
from gateway.evidence.shingles import NEEDED
from gateway.model import Common, ContentFacts, Fate, Rung, RungKind, Shared, Source
from gateway.policy.campaign import USUAL, CampaignTerms, Stage, links_of, source_of, stage, tally
from gateway.policy.identity import quota_network
from gateway.policy.shared import NOTHING_LEARNT
from tests.bench import beyond
from tests.bench.beyond import Opinion, Pupil

ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
USUAL_FOR = timedelta(days=90)
Key = str | int


@dataclass
class Books:
    """What is on record while the mails come in."""

    sources: dict[Key, dict[str, Source]] = field(default_factory=lambda: defaultdict(dict))
    known: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    other: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    authors: set[str] = field(default_factory=set)
    accepted: int = 0

    def days(self, found: dict[Key, set[int]], key: Key, now: datetime) -> int:
        return sum(day > (now - USUAL_FOR).toordinal() for day in found.get(key, ()))

    def shared(self, links: tuple[str, ...], text: tuple[int, ...], mail: str, one: Source) -> Iterator[Shared]:
        for link in links:
            yield self.of(Common.LINK, link, self.sources.get(link, {}), mail, one, [link])
        often = Counter(name for band in text for name in self.sources.get(band, ()))
        alike = {
            name: source
            for band in text
            for name, source in self.sources.get(band, {}).items()
            if often[name] >= NEEDED
        }
        if text:
            yield self.of(Common.TEXT, "", alike, mail, one, list(text))

    def of(self, kind: Common, value: str, found: dict[str, Source], mail: str, one: Source, keys: list[Key]) -> Shared:
        enough = 1 if kind is Common.LINK else NEEDED
        known, other = (
            sorted((self.days(days, key, one.at) for key in keys), reverse=True)[enough - 1]
            for days in (self.known, self.other)
        )
        return tally(kind, value, list((found | {mail: one}).values()), one.at, known, other)


def come(mail: Mail) -> tuple[str, datetime | None]:
    """The first foreign network in its Received fields, and when it came."""
    received = mail.all("received")
    when = next((at for value in received if (at := moment(value.rpartition(";")[2])) is not None), None)
    for value in received:
        for text in ADDRESS.findall(value):
            try:
                address = ip_address(text)
            except ValueError:
                continue
            if address.is_global:
                return str(quota_network(address)), when
    return "nowhere", when


def sent_by(mail: Mail, network: str, at: datetime) -> tuple[Source, str]:
    """Who sent it, as its own fields say: nothing was signed then. And its author."""
    author = parseaddr(mail.first("from"))[1].lower()
    sender = parseaddr(mail.first("return-path"))[1].lower() or author
    domain = organisational(sender.rpartition("@")[2]) if "@" in sender else ""
    rungs = frozenset({Rung(RungKind.NETWORK, network)})
    source = source_of(network, rungs, sender, domain, at, NOTHING_LEARNT)
    return replace(source, identity=source.network), author


@dataclass(frozen=True)
class Arrived:
    """A mail as the rules see it. `known`: its author wrote wanted mail before."""

    name: str
    is_spam: bool
    mail: Mail
    content: ContentFacts
    source: Source
    author: str
    known: bool

    def keys(self, terms: CampaignTerms) -> tuple[Key, ...]:
        return (*links_of(self.content, (), terms), *self.content.minhash)


def arrived(folder: Path, books: Books, taken: list[tuple[float, float]]) -> Iterator[Arrived]:
    """The mails in their order; what reading each took is added to `taken`."""
    last = datetime(2001, 1, 1, tzinfo=UTC)
    for line in (folder / "index").read_text(encoding="utf-8").splitlines():
        label, _, name = line.partition(" ")
        data = re.sub(rb"\AFrom [^\n]*\n", b"", (folder / name).read_bytes())
        began = process_time()
        mail = parse(data)
        parsed = process_time()
        content = ContentFacts(urls=links_in(mail), minhash=bands_of(mail))
        taken.append((parsed - began, process_time() - parsed))
        network, when = come(mail)
        last = max(last, when) if when and when - last < timedelta(days=60) else last if when is None else when
        source, author = sent_by(mail, network, last)
        yield Arrived(name, label == "spam", mail, content, source, author, label == "ham" and author in books.authors)


def noted(one: Arrived, books: Books, terms: CampaignTerms) -> None:
    """What is on record after a person has said what it is: unwanted mail was refused, wanted mail is usual."""
    if not one.is_spam:
        books.accepted += 1
        books.authors.add(one.author)
        for key in one.keys(terms):
            (books.known if one.known else books.other)[key].add(one.source.at.toordinal())
    if not one.known:
        for key in one.keys(terms):
            books.sources[key][one.name] = replace(one.source, fate=Fate.REFUSED if one.is_spam else None)


def run(folder: Path, terms: CampaignTerms, *, prior: bool = False) -> None:
    books, pupil = Books(), Pupil(prior=prior)
    opinions, examples, taken = list[Opinion](), list[str](), list[tuple[float, float]]()
    for one in arrived(folder, books, taken):
        links = links_of(one.content, (), terms)
        shared = list(books.shared(links, one.content.minhash, one.name, one.source))
        counts = books.accepted >= terms.learn_until
        suspects = {
            found.kind: found.value
            for found in shared
            if counts and not one.known and stage(replace(found, refused=0), terms) is Stage.SUSPECT
        }
        confirmed = [found for found in shared if counts and stage(found, terms) is Stage.CONFIRMED]
        opinions.append(Opinion(one.is_spam, *pupil.thinks(one.mail), tuple(suspects), bool(confirmed)))
        if not one.is_spam:
            examples += [f"{one.name} suspect by {kind} {value}" for kind, value in suspects.items()]
            examples += [f"{one.name} confirmed by {found.kind} {found.value}" for found in confirmed]
        noted(one, books, terms)
        pupil.learns(one.is_spam)
    print(f"{folder.name}: counts from {terms.learn_until} accepted mails on")
    show(opinions, examples, taken)
    beyond.show(opinions, prior=prior)


def show(opinions: list[Opinion], examples: list[str], taken: list[tuple[float, float]]) -> None:
    many = Counter(one.label for one in opinions)
    for name, kinds in (("link", {Common.LINK}), ("text", {Common.TEXT}), ("either", set(Common))):
        hit = Counter(one.label for one in opinions if kinds & set(one.suspects))
        rates = (f"{label} {hit[label]:5} of {many[label]} ({100 * hit[label] / many[label]:.3f} %)" for label in many)
        print(f"  {name:7}", *rates)
    for name, times in (("parse", [one for one, _ in taken]), ("links and bands", [one for _, one in taken])):
        ordered = sorted(times)
        half, most = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
        print(f"  {name}: {half * 1000:.2f} ms p50, {most * 1000:.2f} ms p95, processor time")
    print(*(f"  ham: {one}" for one in examples[:40]), sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("learn_until", type=int, nargs="?", default=USUAL.learn_until)
    parser.add_argument("--prior", action="store_true", help="the classifier begins with the prior, not from nothing")
    options = parser.parse_args()
    run(options.folder, replace(USUAL, learn_until=options.learn_until), prior=options.prior)
