"""Links of a mail, read offline: found, brought to one form, unwrapped, and reduced to what campaigns share."""

from collections.abc import Iterable, Iterator

from gateway.evidence.urls.canonical import Url, canonical
from gateway.evidence.urls.finding import in_html, in_tags, in_text
from gateway.evidence.urls.hosts import is_address, registrable
from gateway.evidence.urls.skeleton import page_of
from gateway.evidence.urls.wrapped import DEEPEST, is_wrapper, leads_to
from gateway.model import Link

MOST_LINKS = 60  # of one mail


def links(text: str, html: str = "", *, text_has_html: bool = False) -> tuple[Link, ...]:
    """What a mail links to, wrappers undone; each once, in the order in which they stand in it, up to MOST_LINKS.

    `text_has_html`: what a reader sees of the HTML is in the text already.
    """
    written = [] if not html else in_tags(html) if text_has_html else in_html(html)
    return links_of([*written, *in_text(text)])


def links_of(written: Iterable[str]) -> tuple[Link, ...]:
    """What these lead to, wrappers undone; each once, up to MOST_LINKS."""
    found: dict[Link, None] = {}
    for url in unwrapped(written):
        found.setdefault(link_of(url))
        if len(found) >= MOST_LINKS:
            break
    return tuple(found)


def unwrapped(written: Iterable[str]) -> Iterator[Url]:
    """Each link in its one form, with all that it leads to."""
    seen: set[Url] = set()
    for one in written:
        url = canonical(one)
        if url is not None:
            yield from with_targets(url, seen, DEEPEST)


def with_targets(url: Url, seen: set[Url], deep: int) -> Iterator[Url]:
    if url in seen:
        return
    seen.add(url)
    targets = leads_to(url) if deep else []
    if not targets or not is_wrapper(url):
        yield url
    for target in targets:
        yield from with_targets(target, seen, deep - 1)


def link_of(url: Url) -> Link:
    domain = url.host if is_address(url.host) else registrable(url.host) or url.host
    return Link(url.host, domain, page_of(url))
