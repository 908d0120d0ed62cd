"""Real mail through the real program, compared byte by byte: `python -m tests.bench.corpus CORPUS [options]`.

CORPUS is a folder or a tar of raw messages; with a file `index` in it (`label path`, one a line) these, else all.
Each mail gets an envelope of its own. What a mail server itself changes is told from what we change by handing it
the same bytes directly.
"""

import argparse
import itertools
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.gate import Gate, free_port, running
from tests.mariadb import MariaDB
from tests.peers.dovecot import Dovecot
from tests.peers.letters import split
from tests.peers.postfix import Postfix
from tests.talk import Answer, Closed, Talk

WAIT = 3  # seconds that strangers wait with --greylist
MAILS_PER_CONNECTION = 50
LONE_LF = re.compile(rb"(?<!\r)\n")
RCPT = re.compile(rb"^(?:X-Rcpt-Args: <|X-Original-To: |Delivered-To: )([^>\r\n]+)", re.MULTILINE)

Arrived = dict[str, list[bytes]]  # by recipient


# ---- the mail ------------------------------------------------------------------------------------------------------


def unpacked(corpus: Path, folder: Path) -> Path:
    """The folder of the messages."""
    if corpus.is_dir():
        return corpus
    with tarfile.open(corpus) as tar:
        tar.extractall(folder, filter="data")
    return next((index.parent for index in folder.rglob("index")), folder)


def paths(folder: Path) -> list[Path]:
    index = folder / "index"
    if index.exists():
        return [folder / line.split(maxsplit=1)[1] for line in index.read_text().splitlines() if line.strip()]
    return sorted(path for path in folder.rglob("*") if path.is_file())


def as_sent(raw: bytes) -> bytes:
    """Without an mbox "From " line, with CRLF line ends; bare CR and NUL stay."""
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    raw = LONE_LF.sub(b"\r\n", raw)
    return raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n"


# ---- backends ------------------------------------------------------------------------------------------------------


@dataclass
class Backend:
    url: str
    arrived: Callable[[], Iterator[bytes]]
    is_idle: Callable[[], bool] = lambda: True
    control: Callable[[str, str, bytes], None] | None = None  # hand over directly

    def collect(self) -> Arrived:
        """Everything that is there, once nothing more is under way."""
        while not self.is_idle():
            time.sleep(0.2)
        found: Arrived = {}
        for mail in self.arrived():
            recipient = RCPT.search(mail)
            assert recipient, mail[:500]
            found.setdefault(recipient[1].decode(), []).append(mail)
        return found


@contextmanager
def smtp_sink(folder: Path) -> Iterator[Backend]:
    """Postfix' own sink, which writes what it got with LF line ends and an empty line after it."""
    port = free_port()
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    process = subprocess.Popen([program, "-u", "root", "-d", f"{folder}/mails/m.", f"127.0.0.1:{port}", "256"])

    def arrived() -> Iterator[bytes]:
        for path in (folder / "mails").glob("m.*"):
            yield path.read_bytes()[:-1].replace(b"\n", b"\r\n")

    try:
        time.sleep(0.5)
        yield Backend(f"smtp://127.0.0.1:{port}", arrived)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postfix(folder: Path) -> Iterator[Backend]:
    server = Postfix({"virtual_mailbox_maps": "static:all/"})

    def control(sender: str, recipient: str, mail: bytes) -> None:
        with Talk(server.port) as talk:
            talk.envelope(sender, [recipient])
            talk.data(mail)

    try:
        server.start()
        yield Backend(server.url, lambda: iter(server.mails("all")), lambda: server.queued() == 0, control)
    finally:
        server.remove()


@contextmanager
def dovecot(folder: Path) -> Iterator[Backend]:
    server = Dovecot(everybody=True)

    def control(sender: str, recipient: str, mail: bytes) -> None:
        with Talk(server.port) as talk:
            talk.say("LHLO peer.example.net")
            talk.say(f"MAIL FROM:<{sender}>")
            talk.say(f"RCPT TO:<{recipient}>")
            talk.data(mail)

    def arrived() -> Iterator[bytes]:
        return (path.read_bytes() for path in (server.folder / "mail").glob("*/new/*"))

    try:
        yield Backend(server.start().socket_url, arrived, control=control)
    finally:
        server.remove()


BACKENDS = {"sink": smtp_sink, "postfix": postfix, "dovecot": dovecot}


# ---- sending -------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    sent: int = 0
    seconds: float = 0.0
    replies: Counter[str] = field(default_factory=Counter)
    taken: set[int] = field(default_factory=set)


def sender_of(number: int) -> str:
    return f"ann{number}@elsewhere.example"


def recipient_of(number: int) -> str:
    return f"bo{number}@example.com"


def said(answer: Answer) -> str:
    """A reply without its id and what else is different each time."""
    text = re.sub(r" *\[[0-9a-z]{13}\]|(?<=queued as )\w+|<bo\d+@[^>]*> *|\S+(?= Saved)", "", str(answer))
    return text.replace("\n", " ")


def one_mail(talk: Talk, number: int, mail: bytes) -> Answer:
    answer = talk.say(f"MAIL FROM:<{sender_of(number)}> SIZE={len(mail)} BODY=8BITMIME")
    if answer.code == 250:
        answer = talk.say(f"RCPT TO:<{recipient_of(number)}>")
    if answer.code == 250:
        return talk.data(mail)
    talk.say("RSET")
    return answer


def send_some(port: int, mails: list[tuple[int, Path]]) -> list[tuple[int, Answer]]:
    """One connection, and another one after the gate closed it."""
    answers: list[tuple[int, Answer]] = []
    while len(answers) < len(mails):
        with Talk(port, timeout=120) as talk:
            try:
                talk.say("EHLO peer.example.net")
                for number, path in mails[len(answers) :]:
                    answers.append((number, one_mail(talk, number, as_sent(path.read_bytes()))))
            except Closed:
                pass
    return answers


def send(port: int, mails: list[tuple[int, Path]], connections: int) -> Outcome:
    outcome = Outcome(len(mails))
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        batches = (list(batch) for batch in batched(mails, MAILS_PER_CONNECTION))
        for answers in pool.map(lambda batch: send_some(port, batch), batches):
            for number, answer in answers:
                outcome.replies[said(answer)] += 1
                if answer.code == 250:
                    outcome.taken.add(number)
    outcome.seconds = time.perf_counter() - began
    return outcome


def batched(mails: list[tuple[int, Path]], size: int) -> Iterator[list[tuple[int, Path]]]:
    rest = iter(mails)
    while batch := list(itertools.islice(rest, size)):
        yield batch


# ---- comparing -----------------------------------------------------------------------------------------------------


@dataclass
class Compared:
    identical: int = 0
    changed_behind_us: list[Path] = field(default_factory=list)
    different: list[Path] = field(default_factory=list)
    not_once: list[Path] = field(default_factory=list)
    not_ours: list[str] = field(default_factory=list)  # arrived and was never accepted


def compare(backend: Backend, mails: list[tuple[int, Path]], outcome: Outcome) -> Compared:
    arrived = backend.collect()
    result = Compared()
    differing: dict[int, Path] = {}
    for number, path in mails:
        found = arrived.pop(recipient_of(number), [])
        if number not in outcome.taken:
            result.not_ours += [recipient_of(number)] if found else []
        elif len(found) != 1:
            result.not_once.append(path)
        elif split(found[0])[2] == as_sent(path.read_bytes()):
            result.identical += 1
        else:
            differing[number] = path
            arrived[recipient_of(number)] = found
    result.not_ours += [recipient for recipient in arrived if not recipient.startswith("bo")]
    for number, path in differing.items():
        same = changes_it_likewise(backend, number, path, arrived[recipient_of(number)][0])
        (result.changed_behind_us if same else result.different).append(path)
    return result


def changes_it_likewise(backend: Backend, number: int, path: Path, arrived: bytes) -> bool:
    """Whether the backend makes the same of these bytes when it gets them without us."""
    if backend.control is None:
        return False
    recipient = f"direct{number}@example.com"
    ours, below = split(arrived)[1:]
    backend.control(sender_of(number), recipient, ours + as_sent(path.read_bytes()))
    time.sleep(0.5)
    (direct,) = backend.collect()[recipient]
    return split(direct)[2] == below


# ---- the whole -----------------------------------------------------------------------------------------------------


def settings(database: str, greylist: bool) -> dict[str, dict[str, object]]:
    return {
        "smtp": {"workers": 2},
        "greylist": {"wait": f"{WAIT}s"},
        "protection": {"level": "greylist" if greylist else "off"},
        "storage": {"copies_per_network": "2GiB"},
        "limits": {"connections_per_address": 100, "connections_per_network": 100},
        **({} if database == "sqlite" else {"database": {"url": database}}),
    }


def measure(options: argparse.Namespace, stack: ExitStack) -> bool:
    """Print what came of it; whether it is as it should be."""
    folder = Path(tempfile.mkdtemp(prefix="greygate-corpus-", dir="/tmp"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    mails = list(enumerate(paths(unpacked(options.corpus, folder / "corpus"))))
    if options.sample:
        mails = sorted(random.Random(options.seed).sample(mails, min(options.sample, len(mails))))
    database = options.database
    if database == "mariadb":
        server = MariaDB.start()
        stack.callback(server.remove)
        database = server.fresh()
    backend = stack.enter_context(BACKENDS[options.backend](folder))
    (folder / "gate").mkdir()
    gate = stack.enter_context(running(Gate(folder / "gate", backend.url, settings(database, options.greylist))))
    print(f"{options.corpus.name}: {len(mails)} mails, {options.connections} connections, backend {options.backend}")
    if options.greylist:
        first = send(gate.port, mails, options.connections)
        show("first contact", first)
        time.sleep(WAIT + 0.5)
    outcome = send(gate.port, mails, options.connections)
    show("after the wait" if options.greylist else "level off", outcome)
    compared = compare(backend, mails, outcome)
    time.sleep(1)
    waiting = len(gate.queue())
    tracebacks = gate.log.count("Traceback")
    print(f"  identical below our fields: {compared.identical} of {len(outcome.taken)} accepted")
    bad = False
    for name, found in (
        ("changed by the backend itself", compared.changed_behind_us),
        ("different", compared.different),
        ("accepted, but not there exactly once", compared.not_once),
        ("there, but not accepted", compared.not_ours),
    ):
        print(f"  {name}: {len(found)}  {' '.join(str(getattr(one, 'name', one)) for one in found[:20])}")
        bad = bad or (bool(found) and found is not compared.changed_behind_us)
    print(f"  left in the queue: {waiting}; tracebacks in the log: {tracebacks}")
    return not bad and not tracebacks


def show(name: str, outcome: Outcome) -> None:
    rate = outcome.sent / outcome.seconds
    print(f"  {name}: {outcome.sent} sent in {outcome.seconds:.1f} s, {rate:.0f} messages/s")
    for reply, count in outcome.replies.most_common():
        print(f"    {count:6} x {reply}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.corpus", description=__doc__)
    parser.add_argument("corpus", type=Path, help="a folder, or a tar, of raw messages")
    parser.add_argument("--backend", choices=BACKENDS, default="sink")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite", help="sqlite, mariadb (a private one), or the URL of one")
    parser.add_argument("--greylist", action="store_true", help="strangers wait and come back")
    parser.add_argument("--connections", type=int, default=8)
    with ExitStack() as stack:
        well = measure(parser.parse_args(), stack)
    sys.exit(not well)


if __name__ == "__main__":
    main()
