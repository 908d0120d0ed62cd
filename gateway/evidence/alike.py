"""What a mail may have in common with others: its links, and the bands of its text."""

from collections.abc import Sequence

from classifier.mail import Mail
from gateway.evidence import urls
from gateway.evidence.shingles import bands
from gateway.model import Link
from gateway.policy.neutral import HOSTED

MOST_KEY = 255  # characters


def links_in(mail: Mail, enclosed: Sequence[str] = ()) -> tuple[str, ...]:
    """By what its links are known again, those in its files included."""
    found = urls.links(mail.text, "\n".join(mail.html), text_has_html=True)
    return tuple(dict.fromkeys(map(key_of, (*found, *urls.links_of(enclosed)))))


def bands_of(mail: Mail) -> tuple[int, ...]:
    """Of the text that its reader sees."""
    return bands(mail.text)


def key_of(link: Link) -> str:
    """The domain that somebody registered; on a host where strangers put up pages, the page."""
    return (link.page if link.host in HOSTED else link.domain)[:MOST_KEY]
