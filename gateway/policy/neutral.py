"""Hosts that everybody links to, whoever they are: to share such a link is no evidence of anything.

A short list of what no gateway could learn fast enough; hosts that are seen in accepted mail here need not be on it,
and [campaigns] neutral adds to it. Each name stands for all below it.
"""

from collections.abc import Iterator, Set

SHORTENERS = frozenset({
    "bit.ly", "buff.ly", "cutt.ly", "dlvr.it", "goo.gl", "ht.ly", "is.gd", "j.mp", "lnkd.in", "ow.ly", "rb.gy",
    "rebrand.ly", "shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "trib.al", "v.gd", "wp.me", "youtu.be",
    "aka.ms", "amzn.to", "apple.co", "fb.me", "g.co", "g.page", "spoti.fi",
})  # fmt: skip
MEETINGS = frozenset({
    "bluejeans.com", "calendly.com", "doodle.com", "gotomeet.me", "gotomeeting.com", "join.skype.com",
    "meet.google.com", "meet.jit.si", "ringcentral.com", "teams.live.com", "teams.microsoft.com",
    "webex.com", "whereby.com", "zoom.us",
})  # fmt: skip
MEDIA = frozenset({
    "dailymotion.com", "facebook.com", "flickr.com", "giphy.com", "instagram.com", "linkedin.com", "pinterest.com",
    "spotify.com", "threads.net", "tiktok.com", "twitch.tv", "twitter.com", "vimeo.com", "whatsapp.com",
    "wikipedia.org", "x.com", "xing.com", "youtube.com",
})  # fmt: skip
COUNTERS = frozenset({
    "awstrack.me", "click.email", "cmail19.com", "cmail20.com", "constantcontact.com", "createsend.com", "ctctcdn.com",
    "doubleclick.net", "emltrk.com", "exacttarget.com", "feedburner.com", "google-analytics.com", "hs-sites.com",
    "hubspotlinks.com", "klclick.com", "list-manage.com", "list-manage1.com", "list-manage2.com", "mailchi.mp",
    "mailchimp.com", "mailjet.com", "mandrillapp.com", "mcusercontent.com", "mjt.lu", "mktoweb.com", "rs6.net",
    "sendgrid.net", "sendibm1.com", "sendinblue.com", "sparkpostmail.com", "track.customer.io", "urldefense.com",
})  # fmt: skip
PARTS_OF_PAGES = frozenset({
    "adobe.com", "apple.com", "bootstrapcdn.com", "cloudflare.com", "fontawesome.com", "gmail.com", "google.com",
    "googleapis.com", "googletagmanager.com", "googleusercontent.com", "gravatar.com", "gstatic.com", "jquery.com",
    "jsdelivr.net", "microsoft.com", "mozilla.org", "office.com", "outlook.com", "purl.org", "w3.org", "xmlsoap.org",
    "ietf.org", "iana.org", "schema.org", "openxmlformats.org", "yahoo.com", "live.com", "hotmail.com", "aol.com",
})  # fmt: skip
SHIPPED = SHORTENERS | MEETINGS | MEDIA | COUNTERS | PARTS_OF_PAGES

# Where strangers put up pages under one name, which nobody registered one by one: how many segments of the path, behind
# the host, tell one of them from the next. They are judged page by page, though all else of their owner is neutral.
HOSTED = {
    "docs.google.com": 4, "drive.google.com": 3, "sites.google.com": 2, "storage.googleapis.com": 1,
    "firebasestorage.googleapis.com": 3, "forms.office.com": 2, "dropbox.com": 3, "www.dropbox.com": 3,
    "s3.amazonaws.com": 1, "t.me": 1, "telegra.ph": 1, "wetransfer.com": 3, "www.canva.com": 2, "sway.office.com": 1,
    "onedrive.live.com": 2, "1drv.ms": 3, "gist.github.com": 2, "www.evernote.com": 4,
}  # fmt: skip


def is_neutral(host: str, more: Set[str] = frozenset()) -> bool:
    """True when a link to this host says nothing. `more`: what the admin added."""
    return any(name in SHIPPED or name in more for name in above(host))


def above(host: str) -> Iterator[str]:
    """The host and all above it."""
    while host:
        yield host
        host = host.partition(".")[2]
