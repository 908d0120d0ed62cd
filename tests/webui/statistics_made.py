"""A month of made-up mail, counted: what the page Statistics is asked about."""

import random
from datetime import timedelta

from gateway.model import Level, ReasonCode
from gateway.statistics import count_decisions, count_events
from gateway.store import decisions
from gateway.store.tallies import SETTLED_AFTER
from tests.statistics.recount import hold, made_up, write
from tests.store.making import BO, CY
from tests.webui.conftest import Office

DAYS = timedelta(days=65)
HOSTILE = '=cmd("calc")|\u202egpj.exe<b>'


def a_month(office: Office, rows: int = 1500, seed: int = 1, *, holds: int = 12) -> None:
    """Decisions of the last weeks, held mail that was decided about, and a sender who makes up names."""
    chance = random.Random(seed)
    with office.begin() as conn:
        made = made_up(chance, rows, office.now, DAYS)
        for one in made[: rows // 50]:
            one["sender"] = f"x@{HOSTILE}"
        write(conn, made)
        for place in range(holds):
            number, to, at = f"s{place:012}", (BO, CY)[place % 2], office.now - (place + 1) * timedelta(hours=30)
            hold(conn, number, to, ReasonCode.CONTENT_SUSPICIOUS, Level.GREYLIST, at)
            said = ("released", "refused", "expired")[place % 3]
            decisions.happened(conn, said, at + timedelta(hours=1), message=number, recipient=to, who="cy")
    counted(office)


def counted(office: Office) -> None:
    for after in range(3):
        for work in (count_decisions, count_events):
            done = 1
            while done:
                with office.begin() as conn:
                    done = work(conn, office.now + after * SETTLED_AFTER)
