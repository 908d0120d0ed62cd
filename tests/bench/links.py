"""What programs that follow the links of a digest achieve, and how long a link takes that is nobody's.

Each link of a digest with hundreds of mails is fetched as scanners of mail do: HEAD, GET, a form without its fields,
and in Chromium, which runs the scripts, stays for a while, presses the button and sends the form. Then links that are
altered, expired or somebody else's are asked for in turn, so that what disturbs the machine disturbs all of them.
"""

import argparse
import asyncio
import http.client
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from rich.progress import Progress

from tests.bench.load import Broken
from tests.bench.report import Report, Table, Target, console, shown
from tests.gate import Gate, running, until
from tests.sink import Sink
from tests.talk import deliver, message
from tests.webui.browser import CHROMIUM, PASSWORD, invitation, web
from tests.webui.test_digest_in_browser import LINK, digests_at, text_of

WINDOWS = 6  # of Chromium at once
READERS = tuple(f"bo{number}@example.com" for number in range(5))  # a digest lists 200 mails at most
KINDS = ("altered", "expired", "somebody else's")


def settings() -> dict[str, dict[str, object]]:
    pages = web()
    pages["web"]["url"] = f"http://{pages['web']['listen']}"
    return {
        "protection": {"overrides": dict.fromkeys(READERS, "review-before")},
        "digest": {"send": "everybody", "times": [f"{datetime.now(UTC):%H:%M}"], "zone": "UTC"},
        **pages,
    }


def links_of(gate: Gate, sink: Sink, mails: int) -> list[str]:
    """Those of the digests about so many mails that wait."""
    for number in range(mails):
        sender, reader = f"ann{number}@elsewhere{number}.example", READERS[number % len(READERS)]
        if deliver(gate.port, sender, [reader], message(f"Offer {number}", sender=sender)).code != 250:
            raise Broken("mail was not held")
    until(lambda: len(waiting(gate)) == mails)
    for reader in READERS:
        gate.cli("admin", "invite", reader.partition("@")[0], "--address", reader)
    until(lambda: len(digests_at(sink)) == len(READERS))
    return [link for one in digests_at(sink) for _, link in LINK.findall(text_of(one))]


def waiting(gate: Gate) -> list[str]:
    with sqlite3.connect(f"file:{gate.folder}/gate.db?mode=ro", uri=True, timeout=20) as conn:
        return [row[0] for row in conn.execute("SELECT message FROM delivery WHERE state = 'held'")]


# ---- programs that follow links ------------------------------------------------------------------------------------


async def visit_all(links: list[str], dwell: float, told: Callable[[], None]) -> dict[str, int]:
    """How often each way of fetching them was answered with what."""
    from playwright.async_api import async_playwright

    answers: dict[str, int] = {}
    left = list(reversed(links))

    def note(way: str, status: int) -> None:
        answers[f"{way}: {status}"] = answers.get(f"{way}: {status}", 0) + 1

    async with async_playwright() as tools:
        browser = await tools.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )

        async def scanner() -> None:
            while left:
                link = left.pop()
                context = await browser.new_context()
                page = await context.new_page()
                note("HEAD", (await page.request.head(link)).status)
                note("GET", (await page.request.get(link)).status)
                note("POST without a form", (await page.request.post(link)).status)
                answer = await page.goto(link)
                note("Chromium", answer.status if answer else 0)
                await asyncio.sleep(dwell)
                await page.click("main button")  # the empty field for the code keeps it from being sent
                async with page.expect_navigation():
                    await page.evaluate("document.querySelector('main form').submit()")
                note("its form sent: wrong code told", await page.locator("text=That was not the code").count())
                await context.close()
                told()

        await asyncio.gather(*(scanner() for _ in range(WINDOWS)))
        await browser.close()
    return answers


# ---- links that are nobody's ---------------------------------------------------------------------------------------


def cookie_of(gate: Gate, base: str) -> str:
    """Somebody's who is signed in, and whose the links are not."""
    link = urlsplit(invitation(gate))
    connection = http.client.HTTPConnection(link.netloc, timeout=60)
    connection.request(
        "POST",
        link.path,
        f"password={PASSWORD.replace(' ', '+')}&again={PASSWORD.replace(' ', '+')}",
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": base, "Sec-Fetch-Site": "same-origin"},
    )
    answer = connection.getresponse()
    answer.read()
    if answer.status != 302:
        raise Broken(f"the invitation was answered with {answer.status}")
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def refusals(gate: Gate, links: list[str], times: int, told: Callable[[], None]) -> dict[str, list[float]]:
    """Milliseconds of each answer, by why the link is refused. All are asked for by somebody who is signed in, whose
    they are not."""
    base = f"http://{urlsplit(links[0]).netloc}"
    theirs = cookie_of(gate, base)
    half = len(links) // 2
    over, good = links[:half], links[half:]
    expire(gate, over)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    connections = {kind: http.client.HTTPConnection(urlsplit(base).netloc, timeout=60) for kind in KINDS}
    luck = Random(1)
    for number in range(times):
        for kind in luck.sample(KINDS, len(KINDS)):
            link = (over if kind == "expired" else good)[number % half]
            path = urlsplit(link).path
            path = altered(path) if kind == "altered" else path
            began = time.perf_counter()
            connections[kind].request("GET", path, headers={"Cookie": theirs})
            answer = connections[kind].getresponse()
            answer.read()
            took[kind].append((time.perf_counter() - began) * 1000)
            if answer.status != 403:
                raise Broken(f"a link that is {kind} was answered with {answer.status}")
        told()
    return took


def altered(path: str) -> str:
    """One letter is another one, and not the last: of its bits some say nothing."""
    place = len(path) - 10
    return path[:place] + ("A" if path[place] != "A" else "B") + path[place + 1 :]


def expire(gate: Gate, links: list[str]) -> None:
    """As time does."""
    from gateway.digest.links import key_of, opened

    past = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    keys = [key_of(opened(urlsplit(link).path.rpartition("/")[2], [])[0]) for link in links]
    with sqlite3.connect(f"{gate.folder}/gate.db", timeout=60) as conn:
        done = sum(
            conn.execute("UPDATE digest_link SET expires = ? WHERE key = ?", (past, key)).rowcount for key in keys
        )
    if done != len(links):
        raise Broken(f"{done} of {len(links)} links were found")


# ---- the whole -----------------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mails", type=int, default=500, metavar="N", help="that wait, with two links each")
    parser.add_argument("--dwell", type=float, default=2.0, metavar="S", help="that Chromium stays on each page")
    parser.add_argument("--times", type=int, default=1000, metavar="N", help="each kind of bad link is asked for")


def quick(options: argparse.Namespace) -> None:
    options.mails, options.dwell, options.times = 5, 0.1, 20


def measure(options: argparse.Namespace) -> Report:
    if not CHROMIUM:
        raise Broken("Chromium is not installed: apt-get install chromium")
    sink = Sink()
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as folder, Progress(console=console) as bar:
        gate = Gate(Path(folder), sink.url, settings())
        try:
            with running(gate):
                links = links_of(gate, sink, options.mails)
                before = set(waiting(gate))
                step = bar.add_task("links followed", total=len(links))
                answers = asyncio.run(visit_all(links, options.dwell, lambda: bar.advance(step)))
                released = len(before - set(waiting(gate)))
                step = bar.add_task("bad links asked for", total=options.times)
                took = refusals(gate, links, options.times, lambda: bar.advance(step))
        finally:
            sink.close()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    report = Report("links", {**options.facts, "load after": load, "links": str(len(links))})
    medians = {kind: statistics.median(times) for kind, times in took.items()}
    rows = [
        (kind, shown(medians[kind]), shown(statistics.quantiles(times, n=20)[-1]), shown(max(times)))
        for kind, times in took.items()
    ]
    report.tables = [
        Table(
            "links followed by programs", ("how, and the answer", "links"), [(w, str(n)) for w, n in answers.items()]
        ),
        Table("403, in milliseconds", ("a link that is", "median", "p95", "slowest"), rows),
    ]
    spread = max(medians.values()) - min(medians.values())
    report.targets = [
        Target("mails released or refused by it", float(released), 0.0),
        Target("medians of the 403s differ by", spread, 1.0, "ms"),
    ]
    report.raw = {"answers": answers, "took": took}
    return report
