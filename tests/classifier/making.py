"""Made-up mail: offers and talk of an office, each a little different."""

import random
from datetime import UTC, datetime, timedelta

from classifier.features import Features
from classifier.mail import Mail, parse
from classifier.state import Entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OFFERS = (
    "winner",
    "prize",
    "casino",
    "bonus",
    "claim",
    "limited",
    "offer",
    "click",
    "free",
    "pills",
    "cheap",
    "urgent",
)
OFFICE = ("meeting", "invoice", "project", "draft", "team", "budget", "review", "minutes", "agenda", "regards", "plan")
BOTH = ("the", "a", "of", "and", "to", "in", "we", "you", "please", "for", "with", "this", "is", "on", "our", "your")


def letter(seed: int, *, is_spam: bool) -> bytes:
    draw = random.Random(seed)
    pool = (OFFERS if is_spam else OFFICE) * 2 + BOTH
    words = [draw.choice(pool) for _ in range(draw.randint(20, 60))]
    host = f"h{draw.randint(1, 40)}.{'offers' if is_spam else 'office'}.example"
    lines = [
        f"Received: from {host} by mx.example.net; Mon, 2 Mar 2026 10:00:00 +0000",
        f"From: {draw.choice(words)} <{draw.choice(BOTH)}@{host}>",
        f"Subject: {' '.join(draw.sample(pool, 5))}",
        f"Message-ID: <{seed}@{host}>",
        "",
        " ".join(words),
        f"http://www.{host}/{draw.choice(pool)}",
    ]
    return "\r\n".join(lines).encode()


def mail(seed: int, *, is_spam: bool) -> Mail:
    return parse(letter(seed, is_spam=is_spam))


def entry(seed: int, *, is_spam: bool | None = None, account: str = "", person: str = "bo") -> Entry:
    """Odd seeds are spam; a label of its own contradicts that."""
    found = Features.of(mail(seed, is_spam=seed % 2 == 1))
    label = seed % 2 == 1 if is_spam is None else is_spam
    return Entry(f"{seed}-{label:d}", label, found, NOW + timedelta(minutes=seed), account, person)
