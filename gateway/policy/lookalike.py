"""Domains that look like those that our people know.

A look-alike proves perfectly well who it is, so nothing else finds it. It counts only against strangers, and only
beside a domain that is ours or that an act of our people stands behind.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from gateway.model import Likeness, Mark, Reason, ReasonCode

# A small table: what is drawn like a Latin letter in the usual typefaces. The Unicode Consortium's list (UTS 39) is
# much longer; most of its rest is in no domain that can be registered. Cyrillic, Greek, Armenian and Latin extensions.
ALIKE = {
    "a": "\u0430\u0251\u03b1", "b": "\u044c", "c": "\u0441\u03f2", "d": "\u0501\u0257", "e": "\u0435\u04bd",
    "g": "\u0261\u0581", "h": "\u04bb\u0570", "i": "\u0456\u0131\u0269\u03b9", "j": "\u0458", "k": "\u03ba\u043a",
    "l": "\u04cf\u217c1", "m": "\u043c", "n": "\u043f\u0578\u03b7", "o": "\u043e\u03bf\u0585\u03c30",
    "p": "\u0440\u03c1", "q": "\u051b", "r": "\u0433", "s": "\u0455\ua731", "t": "\u0442\u03c4", "u": "\u03c5\u057d",
    "v": "\u0475\u03bd", "w": "\u051d\u0461\u03c9", "x": "\u0445\u03c7", "y": "\u0443\u03b3\u04af", "z": "\u1d22",
}  # fmt: skip
DRAWN_ALIKE = str.maketrans({odd: plain for plain, odds in ALIKE.items() for odd in odds})
DOTS_BELOW = dict.fromkeys(map(ord, "\u0323\u0331\u0332"))  # hardly seen below a letter; other accents are spelling
TOGETHER = (("rn", "m"), ("vv", "w"))
ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})  # that nobody mixes in one word

MOST = 5000  # domains that are known by heart
MOST_LABELS = 12
SHORTEST_READ = 4  # letters; shorter names are alike by chance
SHORTEST_OURS, SHORTEST_KNOWN = 5, 8  # of names with one letter changed: there are many more known than ours
ADDRESS = re.compile(r"[^\s<>()\"',;:@]+@([^\s<>()\"',;:@]+\.[^\s<>()\"',;:@.]+)")


class KnownDomains:
    """What a domain may resemble, made when it changes. An answer takes as many look-ups as the name has letters.

    `ours` and `known` are organisational domains in A-labels.
    """

    __slots__ = ("changed", "named", "ours", "read", "there")

    def __init__(self, ours: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        self.ours = frozenset(ours)
        self.there = frozenset(known) | self.ours
        self.read: dict[tuple[str, str], str] = {}  # (as it is read, suffix)
        self.named: dict[str, str] = {}  # by the name without its suffix
        self.changed: dict[tuple[str, str], list[str]] = {}  # (the name less a letter, suffix)
        for domain in sorted(self.there, key=lambda one: (one not in self.ours, one)):
            name, suffix = parts(domain)
            shortest = SHORTEST_OURS if domain in self.ours else SHORTEST_KNOWN
            if len(name) >= SHORTEST_READ:
                self.read.setdefault((skeleton(name), suffix), domain)
                self.named.setdefault(name, domain)
            for less in with_one_less(name) if len(name) >= shortest else ():
                self.changed.setdefault((less, suffix), []).append(domain)


def marks(domain: str, organisation: str, known: KnownDomains) -> tuple[Mark, ...]:
    """What a domain resembles. `organisation` is the part of it that somebody registered; both in A-labels."""
    if not domain or domain.startswith("[") or organisation in known.there:
        return ()
    found: dict[str, Likeness] = {}
    for kind, other in resembled(domain, organisation, known):
        found.setdefault(other, kind)
    told = [Mark(kind, domain, other, other in known.ours) for other, kind in found.items()]
    if any(is_mixed(shown(label)) for label in domain.split(".")):
        told.append(Mark(Likeness.MIXED_SCRIPTS, domain))
    return tuple(told)


def resembled(domain: str, organisation: str, known: KnownDomains) -> Iterator[tuple[Likeness, str]]:
    """The worst first."""
    name, suffix = parts(organisation)
    if (other := known.read.get((skeleton(name), suffix))) is not None:
        yield Likeness.CONFUSABLE, other
    for less in with_one_less(name):
        for other in known.changed.get((less, suffix), ()):
            if is_one_letter(name, parts(other)[0]):
                yield Likeness.ONE_LETTER, other
    for other in embedded(domain, organisation):
        if other in known.there:
            yield Likeness.EMBEDDED, other
    if (other := known.named.get(name)) is not None:
        yield Likeness.OTHER_SUFFIX, other


def displayed(author: str, authors: Sequence[str], organisations: Sequence[str], known: KnownDomains) -> Iterator[Mark]:
    """Addresses in the From field's words that are not its own, of a domain that it has nothing to do with.

    `author` is the field as people read it, `authors` its addresses, `organisations` theirs.
    """
    for found in ADDRESS.finditer(author.lower()):
        if found[0] in authors:
            continue
        for domain in known.there.intersection(ends(found[1].rstrip("."))).difference(organisations):
            yield Mark(Likeness.DISPLAYED, organisations[0] if organisations else "", domain, domain in known.ours)


def reason(found: Iterable[Mark]) -> Reason | None:
    """Evidence, if one of them counts. The name of a partner under another ending is usually its own or another's."""
    for mark in found:
        if mark.kind is Likeness.MIXED_SCRIPTS:
            continue
        if mark.ours or mark.kind not in (Likeness.OTHER_SUFFIX, Likeness.DISPLAYED):
            evidence = {"domain": mark.domain, "resembles": mark.resembles, "how": str(mark.kind)}
            return Reason(ReasonCode.SENDER_LOOKALIKE, evidence)
    return None


# ---- names ---------------------------------------------------------------------------------------------------------


def parts(organisation: str) -> tuple[str, str]:
    """The name that somebody chose, as it is shown, and the ending below which it is."""
    name, _, suffix = organisation.partition(".")
    return shown(name), suffix


def shown(label: str) -> str:
    """A label as mail programs show it (RFC 3492); as it is where it is none."""
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFC", label[4:].encode("ascii").decode("punycode").lower())
    except (UnicodeError, OverflowError, ValueError):
        return label


def skeleton(name: str) -> str:
    """How a name is read at a glance: two names with the same one are hard to tell apart."""
    plain = unicodedata.normalize("NFD", name).translate(DOTS_BELOW)
    read = unicodedata.normalize("NFC", plain).translate(DRAWN_ALIKE).replace("-", "")
    for pair, letter in TOGETHER:
        read = read.replace(pair, letter)
    return read


def with_one_less(name: str) -> set[str]:
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


def is_one_letter(name: str, other: str) -> bool:
    """One letter more, less or other, or two in another order. Numbers count on: news2 is not a forged news1."""
    if name == other:
        return False
    start = next((place for place, pair in enumerate(zip(name, other, strict=False)) if len(set(pair)) > 1), None)
    if start is None:  # one begins with the other
        return abs(len(name) - len(other)) == 1
    mine, theirs = name[start:], other[start:]
    if len(mine) != len(theirs):
        return mine[1:] == theirs or mine == theirs[1:]
    if mine[1:] == theirs[1:]:
        return not (mine[0].isdigit() and theirs[0].isdigit())
    return mine[:2] == theirs[1::-1] and mine[2:] == theirs[2:]


def embedded(domain: str, organisation: str) -> Iterator[str]:
    """The names within what stands before the organisation's own."""
    labels = domain.removesuffix(organisation).rstrip(".").split(".")[:MOST_LABELS]
    for begin, end in combinations(range(len(labels) + 1), 2):
        if end - begin > 1:
            yield ".".join(labels[begin:end])


def ends(domain: str) -> Iterator[str]:
    labels = domain.split(".")[-MOST_LABELS:]
    return (".".join(labels[place:]) for place in range(len(labels)))


def is_mixed(label: str) -> bool:
    """Letters of several alphabets in one word. Japanese mixes its scripts and Latin, and is not meant."""
    used = {unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()}
    return len(used & ALPHABETS) > 1
