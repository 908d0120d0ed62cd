"""The senders of the world that are simulated. When they come back is what their makers document or others measured.

Pools are those that give greylisting its bad name: the next attempt comes from another network.
"""

from gateway.simulate.model import (
    DAY,
    HOUR,
    Kind,
    Model,
    Pick,
    Pool,
    Vouched,
    by_age,
    doubling,
    every,
    growing,
    squares,
    then,
)

POSTFIX = by_age(5, 4000 / 60, 5 * DAY)
EXIM = then(
    (*every(15, 2 * HOUR), *(2 * HOUR + pause for pause in growing(60, 1.5, DAY, 14 * HOUR))), 6 * HOUR, 4 * DAY
)
GMAIL = (6 + 2 / 60, 29, 57, 99, 162, 230, *(230 + pause for pause in growing(90, 1.4, 12 * HOUR, 3 * DAY - 230)))
QQ = (5, 10, 15, 25, 40, 60, 85, 110, 140, 170, 204 + 56 / 60)

SERVERS = (
    Model("postfix", POSTFIX, late=5, mails=4),
    Model("exim", EXIM, splits=True),
    Model("qmail", squares(400, 7 * DAY), Pool(spf=Vouched.NOTHING)),
    Model("opensmtpd", squares(400, 4 * DAY)),
    Model("sendmail", every(30, 5 * DAY), Pool(spf=Vouched.NOTHING)),
    Model("exchange", then(every(5, 30), 10, 2 * DAY)),
    Model("haraka", doubling(64, 12)),
    Model("zonemta", then((5, 12, 20, 45), 2 * HOUR, 48 * HOUR)),
    Model("kumomta", growing(20, 2, DAY, 7 * DAY), late=3),
    Model("stalwart", then((2, 7, 17, 32, 62), HOUR, 3 * DAY)),
    Model("mox", growing(7.5, 2, 8 * HOUR, 32 * HOUR)),
    Model("maddy", growing(15, 1.25, 6 * HOUR, 3 * DAY)),
    Model("postal", growing(5, 1.3, 6 * HOUR, 2 * DAY), obeys=True),
    Model("bitdefender", every(30, 4 * HOUR), Pool(4, 2, Pick.TURN)),
    Model("nameless server", POSTFIX, Pool(named=False, spf=Vouched.NOTHING), late=5),
)

POOLS = (
    Model("gmail", GMAIL, Pool(7, 7, Pick.TURN), tenants=1, signs=True, mails=4),
    Model("outlook.com", every(4, DAY), Pool(15, 5, Pick.TURN), tenants=1, signs=True, mails=4),
    Model("exchange online", every(15, DAY), Pool(15, 6, Pick.ANY), tenants=4, signs=True, splits=True, mails=4),
    Model("yahoo", growing(2 + 7 / 60, 2, 4 * HOUR, 3 * DAY), tenants=1, signs=True),
    Model("gmx", then((5 + 1 / 60, 17, 35, 65), HOUR, 3 * DAY), Pool(3, 2, Pick.ANY), tenants=1, signs=True),
    Model("ses", growing(5, 2, HOUR, 12 * HOUR), Pool(20, 6, Pick.ANY), tenants=4, signs=True),
    Model("sendgrid", then((1, 11, 71), HOUR, 3 * DAY), Pool(6, 3, Pick.ANY), tenants=4, signs=True),
    Model("sparkpost", then((20, 60, 140), 2 * HOUR, 3 * DAY), Pool(6, 3, Pick.ANY), tenants=4, signs=True),
    Model("mailgun", (10, 25, 55, 115, 235, 475), Pool(4, 2, Pick.SAME), tenants=4, signs=True),
    Model("aol-like quitter", (4, 10, 20, 31 + 32 / 60), Pool(5, 2, Pick.TURN), tenants=1),
    Model("qq-like quitter", QQ, Pool(2, 2, Pick.TURN), tenants=1),
    Model("ipv6 pool", POSTFIX, Pool(8, 8, Pick.ANY, ipv6=True), late=5),
    Model("pool without spf", every(15, DAY), Pool(6, 6, Pick.TURN, spf=Vouched.NOTHING), tenants=1),
)

KINDS = (
    Model("one-time codes", growing(5, 2, HOUR, 12 * HOUR), Pool(8, 4, Pick.ANY), Kind.CODE, tenants=3, mails=2),
    Model("list with verp", POSTFIX, kind=Kind.LIST, late=5, mails=5),
    Model("pool list with verp", growing(5, 2, HOUR, 12 * HOUR), Pool(9, 4, Pick.ANY), Kind.LIST, mails=5),
    Model("bounces", POSTFIX, kind=Kind.NOTICE, late=5, mails=2),
    Model("pool bounces", every(15, DAY), Pool(15, 6, Pick.ANY), Kind.NOTICE, mails=2),
    Model("call-outs", (), kind=Kind.ASKING, mails=3),
    Model("bad line", POSTFIX, late=5, loses=0.3, mails=5),
    Model("many recipients", POSTFIX, late=5, company=3, mails=4),
    Model("many recipients from a pool", every(15, DAY), Pool(15, 6, Pick.ANY), company=3, splits=True, mails=4),
)

KNOWN = (
    Model("known", POSTFIX, late=5, known=True, mails=4),
    Model("known in company", POSTFIX, late=5, known=True, company=1, mails=4),
    Model("known by signature", GMAIL, Pool(7, 7, Pick.TURN), known=True, known_by_signature=True, signs=True, mails=4),
)

HELPLESS = (
    Model("script that sends once", (), Pool(named=False, spf=Vouched.NOTHING), Kind.BARE),
    Model("service that sends once", (), Pool(3, 2, Pick.ANY)),
    Model("forgets who waits", POSTFIX, careless=True, company=2, mails=2),
)

BOT = Pool(named=False, spf=Vouched.NOTHING)
FOR_ALL = Pool(named=False, spf=Vouched.WIDE)
SPAM = (
    Model("bot that sends once", (), BOT, wanted=False, pairs=15, mails=1),
    Model("bot with spf for all", (), FOR_ALL, wanted=False, pairs=5, mails=1),
    Model("bot back after 5 min", (5, 15, 30), BOT, wanted=False, pairs=3, mails=1),
    Model("bot that varies its mail", (6, 15, 40, 90), BOT, wanted=False, varies=True, pairs=3, mails=1),
    Model("spray", (), BOT, wanted=False, spray=6, pairs=1, mails=1),
    Model("spray that comes twice", (), BOT, wanted=False, spray=6, again=90, pairs=1, mails=1),
    Model("spray with spf for all", (), FOR_ALL, wanted=False, spray=6, again=90, pairs=1, mails=1),
    Model("rider that sends once", (), wanted=False, rides="exchange online", pairs=2, mails=1),
    Model("rider whose pool retries", every(15, DAY), wanted=False, rides="exchange online", pairs=1, mails=1),
)  # fmt: skip


def crowd() -> tuple[Model, ...]:
    """All that are simulated unless somebody chooses."""
    return (*SERVERS, *POOLS, *KINDS, *KNOWN, *HELPLESS, *SPAM)
