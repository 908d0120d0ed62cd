"""Where links are in a text and in HTML, in time that grows with the text alone."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from urllib.parse import urljoin

from gateway.evidence.urls.canonical import LONGEST, canonical
from gateway.evidence.urls.hosts import INVISIBLE, is_plain_name, readable

MOST_TEXT = 512 * 1024  # characters that are searched
MOST_FOUND = 400  # links, in the order of the text
WORD = re.compile(rf"[^\s<>\"\x00-\x1f\x7f\u3000]{{1,{LONGEST}}}")
SCHEME = re.compile(r"(?:https?|ftp):[/\\]{1,3}", re.IGNORECASE)
RUN = re.compile(r"[\w.-]+")
IN_TEXT = INVISIBLE | dict.fromkeys([0x3002, 0xFF0E, 0xFF61], ".")  # browsers take these of other alphabets for dots
PORT = re.compile(r":[0-9]{1,5}(?![0-9])")
LOCAL = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-=%~!#$&*/?^{|}"
LONGEST_LOCAL = 80  # characters before the @ that are looked at
BEHIND = ".,;:!?'\")]}>*_~|`"  # what a sentence puts after a link
WITH_USER = re.compile(r"www\d{0,3}\.[^/?#@:]{0,200}:[^/?#@]{0,200}@", re.IGNORECASE)

ATTRIBUTE = re.compile(
    r"(?<![\w-])(href|src|action|formaction|background|poster|data|codebase|content|srcset|longdesc|cite|ping)"
    rf"\s{{0,20}}=\s{{0,20}}(?:\"([^\"]{{0,{LONGEST}}})|'([^']{{0,{LONGEST}}})|([^\s\"'>]{{1,{LONGEST}}}))",
    re.IGNORECASE,
)
BASE = re.compile(rf"<base\s[^<>]{{0,200}}?href\s{{0,20}}=\s{{0,20}}[\"']?([^\"'\s<>]{{1,{LONGEST}}})", re.IGNORECASE)
WITHIN_WORDS = re.compile(
    r"</?(?:a|abbr|b|big|em|font|i|ins|mark|s|small|span|strong|sub|sup|tt|u|wbr)(?:\s[^<>]*)?>", re.IGNORECASE
)
BEGIN = re.compile(r"<(?:!--|(script|style|head)\b)", re.IGNORECASE)
ENDS = {"<!--": re.compile("-->")} | {
    name: re.compile(rf"</{name}\s{{0,20}}>", re.IGNORECASE) for name in ("script", "style", "head")
}
TAG = re.compile(r"<[^<>]*>")
TOO_MUCH = re.compile(r"&#x?[0-9a-f]{9,}", re.IGNORECASE)  # no character has so high a number


def in_text(text: str) -> list[str]:
    """The links of a text as they were written, with the scheme that they mean; addresses as mailto:."""
    text = text[:MOST_TEXT]
    if not text.isascii():
        text = text.translate(IN_TEXT)
    words = (word for word in WORD.findall(text) if "." in word or "://" in word or ":\\" in word)
    return list(dict.fromkeys(islice((one for word in words for one in in_word(word)), MOST_FOUND)))


def in_html(html: str) -> list[str]:
    """The links of HTML: of its attributes, and those that can be read in its text."""
    return list(dict.fromkeys([*in_tags(html), *in_text(seen_text(html[:MOST_TEXT]))]))


def in_tags(html: str) -> list[str]:
    """The links of its attributes, against its base."""
    html = html[:MOST_TEXT]
    base = BASE.search(html)
    home = plain(base[1]) if base else ""
    return list(dict.fromkeys(islice(in_attributes(html, home), MOST_FOUND)))


# ---- text ----------------------------------------------------------------------------------------------------------


def in_word(word: str) -> Iterator[str]:
    """The links of one word; a word may be "<see:www.example.com>," or hold an address."""
    if (scheme := SCHEME.search(word)) is not None:
        link = without_end(word[scheme.start() :])
        if canonical(link) is not None:
            yield link
        word = word[: scheme.start()]
    elif WITH_USER.match(word):
        yield f"http://{without_end(word)}"
    place = 0
    while "." in word and (run := RUN.search(word, place)) is not None:
        place = run.end()
        if "." not in run[0]:
            continue
        name = run[0].strip(".-_")
        begins = run.start() + run[0].index(name) if name else run.start()
        if word[begins - 1 : begins] == "@":
            yield from address(word, begins, name)
        elif word[place : place + 1] != "@" and is_plain_name(name):
            link, place = with_path(word, begins, name, place)
            yield link


def with_path(word: str, begins: int, name: str, ends: int) -> tuple[str, int]:
    """A bare name with the port and the path behind it; and where the search goes on."""
    if name != word[begins:ends]:
        word = word[: begins + len(name)]
    else:
        if port := PORT.match(word, ends):
            ends = port.end()
        if word[ends : ends + 1] in ("/", "?", "#"):
            ends = len(word)
    scheme = "ftp" if name.lower().startswith("ftp.") else "http"
    return f"{scheme}://{without_end(word[begins:ends])}", ends


def address(word: str, begins: int, domain: str) -> Iterator[str]:
    """The mail address whose domain begins there."""
    before = word[max(0, begins - 1 - LONGEST_LOCAL) : begins - 1]
    scheme = before.rstrip(LOCAL)
    local = before[len(scheme) :]
    if local.strip("/") and is_plain_name(f"www.{domain}"):
        named = scheme[-7:] if scheme.lower().endswith("mailto:") else "mailto:"
        yield f"{named}{local}@{domain}"


def without_end(link: str) -> str:
    """The link without the end of its sentence; a closing bracket stays where an open one is inside."""
    short = link.rstrip(BEHIND)
    if link[len(short) : len(short) + 1] == ")" and short.count("(") > short.count(")"):
        return short + ")"
    return short


# ---- HTML ----------------------------------------------------------------------------------------------------------


def in_attributes(html: str, home: str) -> Iterator[str]:
    for name, double, single, bare in ATTRIBUTE.findall(html):
        value = plain(double or single or bare)
        if name.lower() == "content":
            value = refreshed(value)
        if value:
            yield resolved(value, home)


def refreshed(content: str) -> str:
    """Where "0; url=…" leads; empty when it leads nowhere."""
    place = content.lower().find("url")
    rest = content[place + 3 :].lstrip()
    return rest[1:].strip(" '\"") if place >= 0 and rest.startswith("=") else ""


def plain(value: str) -> str:
    """The value of an attribute as a browser takes it."""
    return readable(unescape(TOO_MUCH.sub("", value))).replace("\t", "").replace("\r", "").replace("\n", "").strip()


def resolved(value: str, home: str) -> str:
    if value.startswith("//"):
        return f"http:{value}"
    if not home or re.match(r"[a-z][a-z0-9+.-]{0,20}:", value, re.IGNORECASE):
        return value
    try:
        return urljoin(home, value)
    except ValueError:
        return value


def seen_text(html: str) -> str:
    """Roughly what a reader sees: a tag inside a word does not part it."""
    text = TAG.sub(" ", WITHIN_WORDS.sub("", without_unseen(html)))
    return unescape(TOO_MUCH.sub("", text))


def without_unseen(html: str) -> str:
    """Without comments, scripts and styles. Whatever never ends is cut there, once: no second search to the end."""
    kept, place = [], 0
    while (begin := BEGIN.search(html, place)) is not None:
        kept.append(html[place : begin.start()])
        end = ENDS["<!--" if begin[1] is None else begin[1].lower()].search(html, begin.end())
        if end is None:
            return " ".join(kept)
        place = end.end()
    return " ".join([*kept, html[place:]])
