"""greygate queue: what is kept, why, and what becomes of it, as it is read and typed."""

import json
import os
import pty
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime

import pytest

from gateway import clock
from gateway.model import Binds, DeliveryState, Grade, Rung, RungKind, Source
from gateway.store import campaigns, copies, decisions, deliveries, lists, memory, messages
from gateway.store.campaigns import Marks, Sighted
from tests.cli.conftest import Office
from tests.store.making import ANN, BO, CY, HOUR, MINUTE, STRONG, TEXT, copied, held, keep, mail, owned_mail
from tests.store.test_records import decided

HELD, COPY, FAILED = "06c2m5h8k1v3r", "06c2m5h8k1v3s", "06c2m5h8k1v3t"
LONG = "a-newsletter-with-a-very-long-name-indeed@lists.marketing.elsewhere.example"
SUBJECT = "A subject that says so much [bold]about[/] nothing that no terminal has room for all of it \x1b[2J"


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def full(office: Office, now: datetime) -> Office:
    with office.begin() as conn:
        first = owned_mail(mail(HELD, sender=LONG, recipients=(BO, CY), subject=SUBJECT, received_at=now))
        held(conn, keep(conn, office.bodies, first), now=now - 3 * HOUR)
        copied(conn, keep(conn, office.bodies, mail(COPY, text=b"x", rungs=STRONG), b"x"), now - 4 * MINUTE)
        failed = keep(conn, office.bodies, owned_mail(mail(FAILED, sender="", text=b"y")), b"y")
        (number,) = held(conn, failed, DeliveryState.RELEASING, now)
        deliveries.undeliverable(conn, number, "550 5.1.1 No such user here, and there never was one", now)
    return office


# ---- list ----------------------------------------------------------------------------------------------------------


def test_an_empty_queue_is_told(office: Office) -> None:
    assert office.good("queue", "list") == "Nothing is kept.\n"
    assert json.loads(office.good("queue", "list", "--json")) == []
    assert office.good("queue", "list", "--review") == "Nothing is listed for review.\n"


def test_for_programs_every_row_is_one_whole_line_that_begins_with_its_id(full: Office) -> None:
    head, *lines = full.good("queue", "list").splitlines()
    assert head.split()[:2] == ["ID", "state"]
    assert sorted(line.split()[0] for line in lines) == [HELD, HELD, COPY, FAILED]
    (line,) = (line for line in lines if line.startswith(HELD) and BO in line)
    assert LONG in line
    assert "[bold]about[/] nothing that no terminal has room for all of it" in line
    assert "expires in 29 days" in line or "expires in 30 days" in line
    (line,) = (line for line in lines if line.startswith(FAILED))
    assert "<>" in line
    assert "refused by the backend: 550 5.1.1 No such user here, and there never was one" in line
    (line,) = (line for line in lines if line.startswith(COPY))
    assert "sender held" in line
    assert "its sender tried 1 time and will come back" in line


def test_nothing_that_a_sender_wrote_moves_the_cursor(full: Office) -> None:
    for words in (["queue", "list"], ["queue", "show", HELD]):
        assert "\x1b" not in full.good(*words)


def on_terminal(office: Office, columns: int, *words: str) -> str:
    """What a person sees in a terminal of so many columns."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words, "--config", str(office.config)],
        stdout=follower, stderr=follower, stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "dumb", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while True:
        try:
            more = os.read(leader, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    os.close(leader)
    assert process.wait(60) == 0, seen
    return seen.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 150])
def test_in_a_terminal_no_id_and_no_word_is_cut(full: Office, columns: int) -> None:
    seen = on_terminal(full, columns, "queue", "list")
    for number in (HELD, COPY, FAILED):
        assert number in seen
    assert "…" not in seen
    flat = "".join(seen.split())
    for part in ("expiresin", "Nosuchuserhere", "itssendertried1time"):
        assert part in flat or columns == 150, part
    assert "greygate queue release ID" in seen


def test_programs_get_everything_as_json(full: Office) -> None:
    rows = json.loads(full.good("queue", "list", "--json"))
    assert {row["message"] for row in rows} == {HELD, COPY, FAILED}
    row = next(row for row in rows if row["message"] == COPY)
    assert (row["state"], row["recipient"], row["sender"], row["tries"]) == ("sender_held", BO, ANN, 1)
    assert datetime.fromisoformat(row["first_seen"]).tzinfo is not None


def test_abandoned_copies_are_shown_when_asked_for(full: Office, now: datetime) -> None:
    with full.begin() as conn:
        copies.abandon(conn, now)
    assert COPY not in full.good("queue", "list")
    assert "told that it failed" in full.good("queue", "list", "--all")


def test_how_many_is_a_number_of_rows(full: Office) -> None:
    assert len(json.loads(full.good("queue", "list", "--json", "--most", "1"))) == 2, "one of each kind"
    for wrong in ("0", "-1", "many", "99999999999999999999"):
        assert "--most" in full.bad("queue", "list", "--most", wrong)


def test_the_review_list_begins_with_the_id_to_ask_about(office: Office, now: datetime) -> None:
    with office.begin() as conn:
        decisions.add(conn, [decided("r1abcdefghjkm", now, review=True, sender=LONG)])
    (line,) = office.good("queue", "list", "--review").splitlines()
    assert line.startswith("r1abcdefghjkm  ")
    assert line.endswith(f"{LONG} → {BO}  greylist.new, bytes not kept")


# ---- show ----------------------------------------------------------------------------------------------------------


def test_show_tells_who_to_whom_how_it_stands_and_its_story(full: Office) -> None:
    full.good("queue", "refuse", HELD, CY)
    told = full.good("queue", "show", HELD)
    for part in (
        LONG,
        "192.0.2.25 (mx.elsewhere.example)",
        f"{BO}: held",
        f"{CY}: refused by ",
        "refused cy@",
        "viewed",
    ):
        assert part in told, told
    told = full.good("queue", "show", FAILED)
    assert "Envelope sender  <>" in told


def test_show_raw_is_the_mail_byte_by_byte_and_on_record(office: Office, now: datetime) -> None:
    text = bytes(range(256)) * 1000 + b"no newline at the end"
    with office.begin() as conn:
        held(conn, keep(conn, office.bodies, replace(owned_mail(mail(HELD)), size=len(text)), text))
    said = office.run("queue", "show", HELD, "--raw")
    assert (said.status, said.raw == text, said.err) == (0, True, "")
    with office.engine.connect() as conn:
        (seen,) = decisions.timeline(conn, HELD)
    assert (seen["kind"], seen["detail"]) == ("viewed", {"raw": True})


def test_who_reads_slowly_keeps_nobody_from_writing(office: Office) -> None:
    text = b"x" * 3_000_000
    with office.begin() as conn:
        held(conn, keep(conn, office.bodies, replace(owned_mail(mail(HELD)), size=len(text)), text))
    reader = subprocess.Popen(
        [sys.executable, "-m", "gateway", "queue", "show", HELD, "--raw", "--config", str(office.config)],
        stdout=subprocess.PIPE,
    )
    assert reader.stdout is not None
    assert reader.stdout.read(10) == b"x" * 10
    office.good("bypass", "1h")
    assert reader.poll() is None
    assert len(reader.stdout.read()) == len(text) - 10
    assert reader.wait(60) == 0


def test_bytes_that_are_gone_are_told(full: Office) -> None:
    full.bodies.drop(None, [HELD])  # type: ignore[arg-type]
    assert "bytes are gone" in full.bad("queue", "show", HELD, "--raw")
    assert "Subject" in full.good("queue", "show", HELD)
    assert "bytes are gone" in full.bad("queue", "release", HELD)


def test_show_as_json_has_the_mail_its_recipients_and_its_story(full: Office) -> None:
    (told,) = json.loads(full.good("queue", "show", HELD, "--json"))
    assert told["message"]["subject"] == SUBJECT
    assert [row["recipient"] for row in told["recipients"]] == [BO, CY]
    assert [one["kind"] for one in told["events"]] == ["viewed"]


# ---- release and refuse --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["release", "refuse", "show"])
@pytest.mark.parametrize("unknown", ["0000000000000", "no such id", "'; DROP TABLE copy; --", "0" * 5000])
def test_an_unknown_id_is_told_with_the_way_to_the_right_ones(full: Office, verb: str, unknown: str) -> None:
    assert f"nothing is kept under {unknown}. See: greygate queue list" in full.bad("queue", verb, unknown)


def test_a_release_tells_what_happened_for_each_recipient(full: Office) -> None:
    assert full.good("queue", "release", HELD) == f"{BO}: released, on its way\n{CY}: released, on its way\n"
    told = full.bad("queue", "release", HELD)
    assert told.startswith(f"{BO}: nothing to decide: it is releasing by ")
    with full.engine.connect() as conn:
        assert {row["grade"] for row in memory.listing(conn, None, clock.now(), 9)} == {Grade.KNOWN}


def test_a_release_for_this_once_makes_nobody_known(full: Office) -> None:
    full.good("queue", "release", COPY, "--once")
    with full.engine.connect() as conn:
        assert memory.size(conn) == 0


def test_one_recipient_is_named_in_any_case(full: Office) -> None:
    assert full.good("queue", "refuse", HELD, "BO@Example.COM") == f"{BO}: refused, it will not be delivered\n"
    assert "no such recipient of this mail" in full.bad("queue", "release", HELD, "dee@example.com")
    assert "mail address" in full.bad("queue", "release", HELD, "bo")


def test_refusing_what_its_sender_has_tells_what_its_retry_hears(full: Office) -> None:
    assert full.good("queue", "refuse", COPY) == f"{BO}: refused; its sender's retry will be answered 550\n"


def test_people_who_decide_at_once_are_all_answered(full: Office) -> None:
    """Real processes on one SQLite file: they wait for each other."""
    said: list[int] = []

    def decide() -> None:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "queue", "refuse", HELD, "--config", str(full.config)],
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        said.append(done.returncode)

    threads = [threading.Thread(target=decide) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [0, 1, 1]


# ---- and the next mail of its sender -------------------------------------------------------------------------------


@pytest.fixture
def signed(office: Office, now: datetime) -> Office:
    """Held mail for two, signed for its author."""
    signature = Rung(RungKind.DKIM, "elsewhere.example")
    with office.begin() as conn:
        mine = owned_mail(mail(HELD, recipients=(BO, CY), rungs=STRONG | {signature}, received_at=now))
        held(conn, keep(conn, office.bodies, mine), now=now)
    return office


def listed_now(office: Office) -> list[tuple[str, ...]]:
    with office.engine.connect() as conn:
        found = lists.entries(conn)
    return [(one.verb, one.value, one.scope or "", one.signature or "", str(one.network or "")) for one in found]


def test_what_would_let_such_mail_through_is_shown_and_nothing_is_done(signed: Office) -> None:
    lines = signed.good("queue", "release", HELD, "--show-trust").splitlines()
    assert lines[0] == f"* 1  allow address {ANN} (signed by elsewhere.example) for {BO}"
    assert [line[0] for line in lines[1:]] == [" "] * (len(lines) - 1)
    assert any("refused: SPF of elsewhere.example speaks for the envelope only" in line for line in lines)
    assert signed.good("queue", "refuse", HELD, "--show-block").startswith(f"* 1  block address {ANN} for {BO}")
    assert listed_now(signed) == []
    assert "nothing is kept under x" in signed.bad("queue", "release", "x", "--show-trust")
    with signed.engine.connect() as conn:
        assert {row["state"] for row in deliveries.of_message(conn, HELD)} == {"held"}


def test_trust_is_an_entry_for_each_recipient_that_can_be_taken_back(signed: Office) -> None:
    told = signed.good("queue", "release", HELD, "--trust")
    assert f"{BO}: released, on its way\n  entry 1 of the lists; take it back: greygate known forget 1\n" in told
    assert listed_now(signed) == [("allow", ANN, to, "elsewhere.example", "") for to in (BO, CY)]
    assert f"from mail {HELD}: greygate queue show {HELD}" in signed.good("known", "history", "1")
    assert "list allow" in signed.good("queue", "show", HELD)
    with signed.engine.connect() as conn:
        assert memory.size(conn) > 0
        assert lists.entries(conn)[0].expires is not None
    signed.good("known", "forget", "1")
    with signed.engine.connect() as conn:
        assert memory.size(conn) == 0, "what came of the approval goes with it"


def test_a_wider_entry_is_chosen_by_its_number(signed: Office) -> None:
    signed.good("queue", "release", HELD, BO, "--trust", "2")
    assert listed_now(signed) == [("allow", ANN, "example.com", "elsewhere.example", "")]
    assert "entry 1 of the lists" in signed.good("queue", "release", HELD, CY, "--trust"), "it is there already"
    assert len(listed_now(signed)) == 1


def test_refusing_and_blocking_is_one_step(signed: Office) -> None:
    signed.good("queue", "refuse", HELD, BO, "--block")
    assert listed_now(signed) == [("block", ANN, BO, "", "")]
    with signed.engine.connect() as conn:
        (entry,) = lists.entries(conn)
    assert (entry.binds, entry.message, entry.expires) == (Binds.EVERYTHING, HELD, None)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["release", HELD, "--trust", "99"], "to choose from. Nothing was decided"),
        (["release", HELD, "--trust", "0"], "to choose from. Nothing was decided"),
        (["release", HELD, "--trust", BO], "put the option behind the recipients"),
        (["release", HELD, "--once", "--trust"], "--once trusts nobody"),
    ],
)
def test_what_is_no_choice_decides_nothing(signed: Office, words: list[str], complaint: str) -> None:
    assert complaint in signed.bad("queue", *words)
    assert listed_now(signed) == []
    with signed.engine.connect() as conn:
        assert {row["state"] for row in deliveries.of_message(conn, HELD)} == {"held"}


def test_what_anybody_could_use_cannot_be_chosen(full: Office) -> None:
    lines = full.good("queue", "release", COPY, "--show-trust").splitlines()
    place = next(number for number, line in enumerate(lines, 1) if "refused: anybody can write this name" in line)
    assert "anybody can write this name" in full.bad("queue", "release", COPY, "--trust", str(place))
    with full.engine.connect() as conn:
        assert {row["state"] for row in copies.of_message(conn, COPY)} == {"sender_held"}


# ---- why -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(full: Office, now: datetime) -> Office:
    whole = mail(COPY, text=b"x").fingerprint.whole
    with full.begin() as conn:
        decisions.add(
            conn,
            [
                decided("r1abcdefghjkm", now, facts={"message": {"fingerprint": {"whole": whole}}}),
                decided("r2abcdefghjkm", now),
            ],
        )
    return full


@pytest.mark.parametrize("wanted", ["r1abcdefghjkm", "[r1abcdefghjkm]", "R1ABCDEFGHJKM", COPY])
def test_why_takes_the_id_of_a_reply_in_its_brackets_or_that_of_the_queue(told: Office, wanted: str) -> None:
    said = told.good("queue", "why", wanted)
    assert said.count(": defer at data") == 1
    assert "r1abcdefghjkm: defer at data, ann@elsewhere.example → bo@example.com, from 192.0.2.25" in said
    assert "greylist.new: because this sender never wrote to this recipient from there" in said
    assert "would have changed it: the same mail again, after the wait" in said
    assert "None" not in said
    assert "\x1b" not in said


def test_why_takes_an_address(told: Office) -> None:
    for address in (ANN, BO, "ANN@Elsewhere.example", f"<{ANN}>"):
        assert told.good("queue", "why", address).count("defer at data") == 2


def test_why_for_programs(told: Office) -> None:
    (row,) = json.loads(told.good("queue", "why", "[r1abcdefghjkm]", "--json"))
    assert row["facts"]["reasons"][0]["code"] == "greylist.new"


@pytest.mark.parametrize("wanted", ["r9abcdefghjkm", "nobody@elsewhere.example", HELD, "%"])
def test_nothing_on_record_is_told(told: Office, wanted: str) -> None:
    assert f"no decision is on record under {wanted}" in told.bad("queue", "why", wanted)


def test_text_of_the_mail_stays_out_of_the_decisions(told: Office) -> None:
    assert TEXT.decode() not in told.good("queue", "why", ANN)


# ---- peek ----------------------------------------------------------------------------------------------------------


def test_peek_shows_the_text_and_what_is_proved_and_is_on_record(full: Office) -> None:
    said = full.good("queue", "peek", HELD, "--because", "a code")
    assert "A few words." in said
    assert "Proved    nothing: anybody may have written it" in said
    assert "\x1b" not in said
    assert "Proved    elsewhere.example" in full.good("queue", "peek", COPY)
    assert "nothing is kept under 0000000000000" in full.bad("queue", "peek", "0000000000000")
    with full.begin() as conn:
        (looked,) = (one for one in decisions.timeline(conn, HELD) if one["kind"] == "peeked")
    assert looked["detail"] == {"because": "a code"}
    assert looked["who"].endswith("@cli")


# ---- campaigns -----------------------------------------------------------------------------------------------------


def test_what_kept_mails_of_different_senders_share_is_listed(full: Office, now: datetime) -> None:
    assert "No kept mails of different senders share anything." in full.good("queue", "campaigns")
    with full.begin() as conn:
        for place, number in enumerate((HELD, COPY), 1):
            row = messages.load(conn, number)
            assert row is not None
            source = Source(f"192.0.{place}.0/24", f"host{place}.test", f"bot{place}.test", now)
            campaigns.saw(conn, [Sighted(Marks(links=("landing.test",)), row["whole"], source, "reply")])
    said = full.good("queue", "campaigns")
    assert "still learns what is usual here (0 of 2000" in said
    (line,) = (line for line in said.splitlines() if "landing.test" in line)
    assert line.split()[0] in (HELD, COPY)
    assert "worth watching" in line
    (told,) = json.loads(full.good("queue", "campaigns", "--json"))
    assert (told["link"], told["sources"], told["state"]) == ("landing.test", 2, "open")
    assert set(told["open"]) == {HELD, COPY}
    assert told["recipients"] == [BO, CY]
