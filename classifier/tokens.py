"""Words of a mail, each with the place that it comes from: what the word view and the Bayes voice look at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from classifier.mail import Mail

SENDER, PATH, SUBJECT, BODY, LINKS, STRUCTURE = "sender", "received path", "subject", "body", "links", "structure"
SOURCES = (SENDER, PATH, SUBJECT, BODY, LINKS, STRUCTURE)

MOST_BODY = 500  # words
MOST_IN_FIELD = 40  # words
MOST_FIELDS = 60
MOST_LINKS = 40
MOST_LETTERS = 24  # of a word

WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*|[$\u20ac\u00a3%!]+")
IN_FIELD = re.compile(r"[^\W_]+|[@<>()\[\]=;:!$%*?]")
HOST = re.compile(r"@([\w.-]{1,255})")
LINK = re.compile(r"https?://([^\s/?#\"'<>\\]{1,255})([^\s\"'<>]{0,300})", re.IGNORECASE)
ZONE = re.compile(r"[+-][0-9]{4}\b|\b[A-Z]{3,4}$")

# What filters before us, mailboxes and readers wrote; it tells of them and not of the sender.
FOREIGN = re.compile(
    r"x-(?:spam|bogosity|greygate|rspamd|virus|dspam|crm114|barracuda|proofpoint|ms-exchange-organization|mimedefang|amavis"
    r"|pyzor|razor|dcc|spambayes|sa-exim|ham|pmx|ironport|keywords|uid|status|mozilla|evolution|gmail|folder|pyzor)"
    r"|(?:status|lines|content-length|replied|forwarded|delivered-to|authentication-results|received-spf|arc-)"
)
FROM = {"from": SENDER, "reply-to": SENDER, "sender": SENDER, "return-path": SENDER, "message-id": SENDER}
FROM |= {"errors-to": SENDER, "received": PATH, "subject": SUBJECT}


@dataclass(frozen=True, slots=True)
class Group:
    """Words in a row. `prefix` keeps them apart from the same words elsewhere; `in_pairs`: neighbours count."""

    source: str
    prefix: str
    words: list[str]
    in_pairs: bool = True


@lru_cache(maxsize=4096)
def is_foreign(field: str) -> bool:
    return FOREIGN.match(field) is not None


def source_of(field: str) -> str:
    """Where the words of a field (name in lower case) are counted."""
    return FROM.get(field, STRUCTURE)


def groups(mail: Mail) -> Iterator[Group]:
    """All words, in the order of the mail."""
    kept = [(name, value) for name, value in mail.fields[:MOST_FIELDS] if not is_foreign(name)]
    yield Group(STRUCTURE, "has", [name for name, _ in kept])
    for name, value in kept:
        yield of_field(name, value)
    yield Group(SENDER, "at", [found[1].lower() for name in ("from", "reply-to") for found in hosts(mail.first(name))])
    yield Group(BODY, "", [word[:MOST_LETTERS].lower() for word in first_words(mail.text[:20_000])])
    yield Group(BODY, "hidden", [word[:MOST_LETTERS].lower() for word in WORD.findall(mail.hidden[:2000])], False)
    links = found_links(mail)
    yield Group(LINKS, "host", [part for host, _ in links for part in parents(host)], False)
    yield Group(LINKS, "path", [word[:MOST_LETTERS] for _, path in links for word in WORD.findall(path)[:6]], False)
    yield Group(STRUCTURE, "is", shape(mail, len(links)), False)


def first_words(text: str) -> list[str]:
    """At most MOST_BODY of them. Most texts have more, and few letters have enough."""
    found = WORD.findall(text[: 10 * MOST_BODY])
    if len(found) <= MOST_BODY:  # the last may be cut
        found = WORD.findall(text)
    return found[:MOST_BODY]


def of_field(name: str, value: str) -> Group:
    if name == "date":
        return Group(STRUCTURE, "date", ZONE.findall(value[:100]), False)
    words = [word[:MOST_LETTERS] for word in IN_FIELD.findall(value[:1000])[:MOST_IN_FIELD]]
    return Group(source_of(name), name, words)


def hosts(value: str) -> list["re.Match[str]"]:
    return list(HOST.finditer(value[:1000]))[:5]


def found_links(mail: Mail) -> list[tuple[str, str]]:
    """Hosts (lower case) and what follows them, each once, in their order."""
    texts = [*mail.html, *(part.text for part in mail.parts if part.is_shown and part.kind != "text/html")]
    found: dict[tuple[str, str], None] = {}
    for text in texts:
        for link in LINK.finditer(text[:100_000]):
            found[link[1].lower(), link[2]] = None
            if len(found) >= MOST_LINKS:
                return list(found)
    return list(found)


def parents(host: str) -> list[str]:
    """A host's name and those above it: a.b.example gives itself, b.example and example."""
    labels = host.split(".")[-5:]
    return [".".join(labels[n:]) for n in range(len(labels))]


def shape(mail: Mail, links: int) -> list[str]:
    """How a mail is built, as words: kinds of its parts, and how much of everything."""
    words = [f"flaw:{flaw}" for flaw in mail.flaws]
    for part in mail.parts[:20]:
        extension = part.name.rpartition(".")[2].lower()[:8] if part.name else ""
        words += [f"kind:{part.kind}", f"charset:{part.charset}", f"encoding:{part.encoding}", f"file:{extension}"]
    counts = {"parts": len(mail.parts), "links": links, "tags": sum(page.tags for page in mail.pages)}
    counts |= {"text": len(mail.text), "hidden": len(mail.hidden), "fields": len(mail.fields), "raw": len(mail.raw)}
    return words + [f"{name}:{count.bit_length()}" for name, count in counts.items()]
