"""Identities that many unrelated people share: they may match a retry, and lend nobody standing.

To be on this page, or learnt as shared, is no verdict about anybody's mail. It only takes away what an identity would
lend: who sends by it is remembered by the exact address, and one customer earns nothing for the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.model import Rung, RungKind

MOST_DOMAINS = 20  # unrelated domains that one identity may serve before it counts as shared

# What everybody would learn within a day; each with all that is below it.
FREEMAIL = frozenset({
    "aol.com", "fastmail.com", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net",
    "googlemail.com", "hotmail.com", "icloud.com", "libero.it", "live.com", "mac.com", "mail.com", "mail.ru",
    "me.com", "msn.com", "orange.fr", "outlook.com", "proton.me", "protonmail.com", "qq.com",
    "rediffmail.com", "t-online.de", "tutanota.com", "wanadoo.fr", "web.de", "yahoo.co.jp", "yahoo.co.uk",
    "yahoo.com", "yahoo.de", "yahoodns.net", "yandex.ru", "ymail.com", "zoho.com", "163.com",
})  # fmt: skip
# Who sends, signs or keeps servers for customers.
POOLS = frozenset({
    "amazonses.com", "brevo.com", "constantcontact.com", "cmail20.com", "createsend.com", "exacttarget.com",
    "google.com", "hubspotemail.net", "hostedemail.com", "hubspot.com", "kundenserver.de", "mailchimpapp.net",
    "mailgun.net", "mailgun.org", "mailjet.com", "mandrillapp.com", "mcdlv.net", "mcsv.net",
    "messagelabs.com", "mimecast.com", "mktomail.com", "mtasv.net", "onmicrosoft.com", "ovh.net",
    "pphosted.com", "postmarkapp.com", "ppe-hosted.com", "privateemail.com", "rsgsv.net", "salesforce.com",
    "secureserver.net", "sendgrid.net", "sendinblue.com", "sparkpostmail.com", "strato.de", "zendesk.com",
})  # fmt: skip
SHIPPED = FREEMAIL | POOLS


@dataclass(frozen=True, slots=True)
class Shared:
    """What counts as shared here: what was learnt, what people said, and what everybody knows."""

    learnt: frozenset[Rung] = frozenset()
    said: frozenset[str] = frozenset()  # domains, with all below them
    not_shared: frozenset[str] = frozenset()  # domains that people took out, whatever else says otherwise

    def has(self, rung: Rung) -> bool:
        """True when this identity lends nobody standing. A network is nobody's identity, and never here."""
        if rung.kind is RungKind.NETWORK or rung.value in self.not_shared:
            return False
        return rung in self.learnt or any(name in self.said or name in SHIPPED for name in above(rung.value))


def above(domain: str) -> Iterator[str]:
    """The domain and all above it."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


NOTHING_LEARNT = Shared()
