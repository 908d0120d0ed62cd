"""What is amiss is told once it has been for a while, again each day, and when it is over; by mail and by a hook."""

import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from gateway.alerts import written
from gateway.alerts.channels import Mailed, Posted
from gateway.alerts.job import Alerts, Terms
from gateway.alerts.written import News
from gateway.i18n.languages import PSEUDO
from gateway.marked import N_, Said
from gateway.relay.factory import make_hop
from gateway.store import alerts
from gateway.vitals.trouble import Trouble
from tests.sink import Sink
from tests.store.making import DAY, HOUR, MINUTE, NOW

DISK = Trouble("The disk is nearly full.", "Make room.", kind="disk")
DOWN = Trouble(
    "The mail server cannot be reached.", "See whether it runs.", about="smtp://127.0.0.1:25", kind="backends"
)
HELD = Trouble("A mail has waited for 4 days.", "Decide about it.", False, kind="unattended", is_ours=False)


@dataclass
class Told:
    """A channel that remembers; `works` or not."""

    works: bool = True
    news: list[News] = field(default_factory=list)

    async def tell(self, news: News) -> bool:
        self.news.append(news)
        return self.works

    @property
    def amiss(self) -> list[list[str]]:
        return [[one.kind for one in news.amiss] for news in self.news]


@dataclass
class Watch:
    """The job of one node, with what it sees in the hands of the test."""

    engine: Engine
    node: str = "node1"
    amiss: list[Trouble] = field(default_factory=list)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        terms = Terms(5 * MINUTE, DAY)
        self.job = Alerts(self.engine, self.node, "gate", lambda: list(self.amiss), [self.told], terms)

    async def at(self, now: datetime, *amiss: Trouble) -> None:
        self.amiss = list(amiss)
        await self.job.turn(now)


@pytest.fixture
def watch(engine: Engine) -> Watch:
    return Watch(engine)


async def test_what_is_amiss_for_a_moment_is_not_told(watch: Watch) -> None:
    await watch.at(NOW, DISK)
    await watch.at(NOW + 4 * MINUTE, DISK)
    await watch.at(NOW + 5 * MINUTE)
    await watch.at(NOW + 6 * MINUTE, DISK)
    await watch.at(NOW + 10 * MINUTE, DISK)
    assert watch.told.news == []


async def test_it_is_told_once_again_each_day_and_when_it_is_over(watch: Watch) -> None:
    for minute in range(20):
        await watch.at(NOW + minute * MINUTE, DISK, DOWN) if minute > 9 else await watch.at(NOW + minute * MINUTE, DISK)
    assert watch.told.amiss == [["disk"], ["backends"]]
    assert [one.kind for one in watch.told.news[1].still] == ["disk"]
    await watch.at(NOW + DAY, DISK)
    assert watch.told.news[2].over == (DOWN.words,)
    await watch.at(NOW + DAY + 5 * MINUTE, DISK)
    assert watch.told.amiss[3:] == [["disk"]]
    await watch.at(NOW + DAY + 6 * MINUTE)
    assert watch.told.news[-1].over == (DISK.words,)
    await watch.at(NOW + 3 * DAY)
    assert len(watch.told.news) == 5


async def test_other_words_for_the_same_are_nothing_new(watch: Watch) -> None:
    await watch.at(NOW, HELD)
    await watch.at(NOW + HOUR, HELD)
    later = Trouble("A mail has waited for 5 days.", HELD.do, False, kind="unattended", is_ours=False)
    await watch.at(NOW + 2 * HOUR, later)
    assert watch.told.amiss == [["unattended"]]


async def test_whose_it_is_and_who_wants_quiet(watch: Watch, engine: Engine) -> None:
    await watch.at(NOW, DISK, DOWN)
    await watch.at(NOW + HOUR, DISK, DOWN)
    assert watch.told.amiss == [["disk", "backends"]]
    with engine.begin() as conn:
        keys = {row["kind"]: row["key"] for row in alerts.open_ones(conn)}
        alerts.change(conn, keys["disk"], {"owner": "olga"})
        alerts.change(conn, keys["backends"], {"silent_until": NOW + 3 * DAY})
    await watch.at(NOW + 2 * DAY, DISK, DOWN)
    assert len(watch.told.news) == 1
    await watch.at(NOW + 4 * DAY, DISK, DOWN)
    assert watch.told.amiss[1:] == [["backends"]]


async def test_of_two_nodes_one_tells_what_is_everybodys_and_each_its_own(engine: Engine) -> None:
    one, two = Watch(engine), Watch(engine, "node2")
    for now in (NOW, NOW + HOUR):
        await one.at(now, HELD, DISK)
        await two.at(now, HELD, DISK)
    assert one.told.amiss == [["unattended", "disk"]]
    assert two.told.amiss == [["disk"]]
    await one.at(NOW + 2 * HOUR, HELD)
    assert one.told.news[-1].over == (DISK.words,)
    assert len(two.told.news) == 1, "its own is not over by that"


async def test_what_came_to_nobody_is_told_at_the_next_look(watch: Watch) -> None:
    await watch.at(NOW, DISK)
    watch.told.works = False
    await watch.at(NOW + HOUR, DISK)
    watch.told.works = True
    await watch.at(NOW + HOUR + MINUTE, DISK)
    await watch.at(NOW + HOUR + 2 * MINUTE, DISK)
    assert watch.told.amiss == [["disk"], ["disk"]]


async def test_what_is_over_is_told_once_it_comes_to_somebody(watch: Watch) -> None:
    await watch.at(NOW, DISK)
    await watch.at(NOW + HOUR, DISK)
    watch.told.works = False
    await watch.at(NOW + 2 * HOUR)
    watch.told.works = True
    await watch.at(NOW + 2 * HOUR + MINUTE)
    await watch.at(NOW + 2 * HOUR + 2 * MINUTE)
    assert [list(news.over) for news in watch.told.news] == [[], [DISK.words], [DISK.words]]


async def test_whoever_read_nothing_ends_nothing_of_others(watch: Watch) -> None:
    down = Trouble("The database does not answer.", "See to it.", kind="database")
    await watch.at(NOW, HELD)
    await watch.at(NOW + HOUR, HELD)
    await watch.at(NOW + 2 * HOUR, down)
    assert [list(news.over) for news in watch.told.news] == [[]]
    await watch.at(NOW + 3 * HOUR)
    assert HELD.words in watch.told.news[-1].over


async def test_without_the_database_this_node_tells_by_heart() -> None:
    gone = create_engine("sqlite:////no/such/folder/gate.db")
    watch, down = Watch(gone), Trouble("The database does not answer.", "See to it.", kind="database")
    await watch.at(NOW, down)
    watch.told.works = False
    await watch.at(NOW + 5 * MINUTE, down, DISK)
    watch.told.works = True
    for minute in range(6, 30):
        await watch.at(NOW + minute * MINUTE, down, DISK)
    assert watch.told.amiss == [["database"], ["database"], ["disk"]]


# ---- channels ------------------------------------------------------------------------------------------------------

NEWS = News(NOW, "gate.example.com", [DOWN, HELD], [DISK], ["It was amiss."], "https://gate.example.com/health")


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


async def test_a_mail_says_what_is_amiss_and_what_to_do(sink: Sink) -> None:
    hop = make_hop(sink.url, hostname="gate.example.com")
    assert await Mailed(hop, "postmaster@example.com", "olga@example.com").tell(NEWS)
    await hop.close()
    (mail,) = sink.wait_for(1)
    read = message_from_bytes(mail.data, policy=default)
    assert read["Subject"] == "[gate.example.com] The mail server cannot be reached (and 1 more)"
    assert (read["Auto-Submitted"], read["Importance"]) == ("auto-generated", "high")
    text = read.get_content()
    for words in (DOWN.words, DOWN.do, HELD.words, DISK.words, "It was amiss.", NEWS.health):
        assert words in text


async def test_a_mail_is_in_the_language_of_the_house_and_what_is_posted_in_english(sink: Sink, hook: Any) -> None:
    full = Trouble(Said(N_("The disk of %(path)s is nearly full."), {"path": "/var"}), N_("Make room."), kind="disk")
    news = News(NOW, "gate.example.com", [full], [full], [full.said], NEWS.health)
    hop = make_hop(sink.url, hostname="gate.example.com")
    assert await Mailed(hop, "postmaster@example.com", "olga@example.com", PSEUDO).tell(news)
    await hop.close()
    (mail,) = sink.wait_for(1)
    read = message_from_bytes(mail.data, policy=default)
    assert read["Content-Language"] == "en-XA"
    assert "nearly" not in read["Subject"] + read.get_content()
    assert read.get_content().count("/var") == 3
    assert await Posted(f"http://127.0.0.1:{hook.server_port}/", b"s" * 32).tell(news)
    told = json.loads(hook.told[0][1])["data"]
    assert (told["text"], told["over"]) == ("The disk of /var is nearly full", ["The disk of /var is nearly full."])
    assert (told["amiss"][0]["words"], told["amiss"][0]["do"]) == ("The disk of /var is nearly full.", "Make room.")


async def test_what_is_over_can_still_be_said_in_other_languages(watch: Watch) -> None:
    said = Said("%(count)d mails wait.", {"count": 4})
    await watch.at(NOW, Trouble(said, "Decide.", kind="unattended", is_ours=False))
    await watch.at(NOW + HOUR, Trouble(said, "Decide.", kind="unattended", is_ours=False))
    await watch.at(NOW + 2 * HOUR)
    assert watch.told.news[-1].over == (said,)


async def test_a_mail_server_that_is_down_is_no_reason_to_fall() -> None:
    hop = make_hop("smtp://127.0.0.1:9", hostname="gate.example.com")
    assert not await Mailed(hop, "postmaster@example.com", "olga@example.com").tell(NEWS)
    await hop.close()


class Hook(BaseHTTPRequestHandler):
    """Answers as its server says, and keeps what it was told."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Hook)
    server.told, server.status = [], 204
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


async def test_a_hook_gets_json_that_it_can_check(hook: Any) -> None:
    secret = b"s" * 32
    assert await Posted(f"http://127.0.0.1:{hook.server_port}/x?y=1", secret).tell(NEWS)
    ((headers, body),) = hook.told
    told = json.loads(body)
    assert told["data"]["text"] == "The mail server cannot be reached (and 1 more)"
    assert told["data"]["amiss"][0] == {
        "kind": "backends",
        "about": DOWN.about,
        "words": DOWN.words,
        "do": DOWN.do,
        "grave": True,
    }
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    seal = hmac.new(secret, signed, sha256).digest()
    assert headers["webhook-signature"] == "v1," + b64encode(seal).decode()
    assert b64decode(headers["webhook-signature"][3:]) != hmac.new(b"t" * 32, signed, sha256).digest()


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_a_hook_that_does_not_take_it_is_not_told(hook: Any, status: int) -> None:
    hook.status = status
    assert not await Posted(f"http://127.0.0.1:{hook.server_port}/", b"s" * 32).tell(NEWS)
    assert len(hook.told) == 1


async def test_a_hook_that_is_away_is_no_reason_to_fall(hook: Any) -> None:
    port = hook.server_port
    hook.server_close()
    assert not await Posted(f"http://127.0.0.1:{port}/", b"s" * 32).tell(NEWS)


def test_what_is_over_has_a_headline_too() -> None:
    over = News(NOW, "gate", [], over=["It was amiss.", "So was that."])
    assert over.headline == "Over: It was amiss (and 1 more)"
    assert written.as_json(over)["data"]["over"] == ["It was amiss.", "So was that."]
