"""What mail of our people teaches: whom we wrote to is known, but for what no person meant, and our bounces pass."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest

from gateway.model import Address
from gateway.policy import bounce
from tests.flows.sending import BO, CY, Office, office
from tests.gate import until
from tests.talk import Answer, deliver, message

KEY = "a key for our tags"
DOMAIN = "elsewhere.example"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    over = {"submission": {"batv_key": KEY, "sign": True, "backscatter": "hold"}, "hold": {"reviewed": True}}
    with office(
        tmp_path_factory.mktemp("office"), {**over, "recipients": {"verify": "list", "list": [BO, CY]}}
    ) as made:
        yield made


@pytest.fixture
def us(shared: Office) -> Office:
    shared.smarthost.mails.clear()
    shared.sink.mails.clear()
    return shared


class Sender:
    """Numbers what it sends, so that each mail is one of a kind."""

    number = 0

    def __call__(self, us: Office, to: str, *, sender: str = BO, user: str | None = "bo", **letter: str) -> str:
        """Send one mail and wait until it is noted; the Message-ID."""
        Sender.number += 1
        before = us.sent()
        us.send(to, sender, user, number=f"n{self.number}", **letter)
        until(lambda: us.sent() == before + 1)
        return f"n{self.number}@elsewhere.example"


send = Sender()


def known_as(us: Office, address: str) -> list[tuple[str, str, int]]:
    """(recipient, domain, grade) by which mail from an address passes."""
    return sorted((to, value, grade) for to, sender, grade, value in us.known() if sender == address)


def test_whom_a_user_wrote_to_is_known_to_that_user_and_after_a_second_one_to_all(us: Office) -> None:
    to = "first@mail.elsewhere.example"
    send(us, to)
    own = [(BO, "elsewhere.example", 2), (BO, "mail.elsewhere.example", 2)]
    assert known_as(us, to) == own
    send(us, to)
    assert known_as(us, to) == own
    send(us, to, sender=CY, user="cy")
    everybody = [("*", domain, 2) for _, domain, _ in own]
    assert known_as(us, to) == [*everybody, *own, *((CY, domain, 2) for _, domain, _ in own)]
    assert "wrote by cy" in us.gate.cli("known", "list", to)
    days = us.rows("SELECT DISTINCT round(julianday(expires) - julianday(last_seen)) FROM memory WHERE sender = ?", to)
    assert days == [(400.0,)]


def test_the_tag_that_a_correspondent_writes_from_does_not_matter(us: Office) -> None:
    send(us, "tagged+news@elsewhere.example")
    assert known_as(us, "tagged@elsewhere.example") == [(BO, DOMAIN, 2)]


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("replied", "Auto-Submitted: auto-replied\r\n"),
        ("generated", "auto-submitted: Auto-Generated; x=y\r\n"),
        ("bulk", "Precedence: bulk\r\n"),
        ("list", "Precedence:\r\n list\r\n"),
        ("listed", "List-Id: <news.example.com>\r\n"),
    ],
)
def test_a_machine_makes_nobody_known(us: Office, name: str, extra: str) -> None:
    send(us, f"{name}@{DOMAIN}", extra=extra)
    assert known_as(us, f"{name}@{DOMAIN}") == []
    assert len(us.smarthost.mails) == 1


@pytest.mark.parametrize(
    ("name", "extra"), [("no", "Auto-Submitted: no\r\n"), ("suppress", "X-Auto-Response-Suppress: All\r\n")]
)
def test_what_people_send_has_such_fields_too(us: Office, name: str, extra: str) -> None:
    send(us, f"{name}@{DOMAIN}", extra=extra)
    assert known_as(us, f"{name}@{DOMAIN}") != []


def test_null_senders_form_accounts_and_foreign_senders_make_nobody_known(us: Office) -> None:
    send(us, f"null@{DOMAIN}", sender="")
    send(us, f"form@{DOMAIN}", sender="form@example.com")
    send(us, f"foreign@{DOMAIN}", sender="x@partner.example", user="wide")
    assert [known_as(us, f"{name}@{DOMAIN}") for name in ("null", "form", "foreign")] == [[], [], []]


def test_what_the_smarthost_did_not_take_teaches_nothing(us: Office) -> None:
    us.smarthost.on["."] = b"554 5.7.1 no"
    with us.client() as client:
        client.mail(BO)
        client.rcpt(f"refused@{DOMAIN}")
        assert client.data(message(sender=BO))[0] == 554
    us.smarthost.on.clear()
    send(us, f"taken@{DOMAIN}")
    assert known_as(us, f"refused@{DOMAIN}") == []


# ---- in answer to mail that came in --------------------------------------------------------------------------------


def let_in(us: Office, sender: str, to: str = BO, **letter: str) -> Answer:
    """A stranger's mail that is delivered: it came back."""
    mail = message(sender=sender, to=to, **letter)
    deliver(us.gate.port, sender, [to], mail)
    until(lambda: deliver(us.gate.port, sender, [to], mail).code == 250)
    accepted = "SELECT COUNT(*) FROM decision WHERE sender = ? AND action = 'accept' AND stage = 'data'"
    until(lambda: us.rows(accepted, sender)[0][0] > 0)
    return Answer(250, "")


def test_an_answer_within_minutes_of_a_first_mail_teaches_nothing_and_a_later_one_does(us: Office) -> None:
    stranger = f"hasty@{DOMAIN}"
    let_in(us, stranger)
    send(us, stranger, extra="In-Reply-To: <x@y>\r\n")
    assert known_as(us, stranger) == []
    older(us, stranger)
    send(us, stranger)
    assert known_as(us, stranger) == [(BO, DOMAIN, 2)]


def test_an_answer_goes_to_whoever_of_the_domain_the_envelope_names(us: Office) -> None:
    let_in(us, "bounce-4711@mail.example")
    send(us, "person@mail.example", extra="In-Reply-To: <x@y>\r\n")
    send(us, "another@mail.example")
    assert (known_as(us, "person@mail.example"), len(known_as(us, "another@mail.example"))) == ([], 1)


def older(us: Office, sender: str) -> None:
    """As if its mail had come an hour ago."""
    earlier = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S.000000")
    with sqlite3.connect(us.gate.folder / "gate.db", timeout=60) as conn:
        conn.execute("UPDATE decision SET at = ? WHERE sender = ?", (earlier, sender))


def test_unsubscribing_makes_nobody_known(us: Office) -> None:
    let_in(
        us,
        f"news@{DOMAIN}",
        extra="List-Unsubscribe: <mailto:Off%2B17@news.example?subject=off>, <https://x.example>\r\n",
    )
    until(lambda: us.rows("SELECT COUNT(*) FROM unsubscribe_target")[0][0] == 1)
    send(us, "off+17@news.example")
    send(us, "editor@news.example")
    assert (known_as(us, "off@news.example"), len(known_as(us, "editor@news.example"))) == ([], 1)


# ---- bounces -------------------------------------------------------------------------------------------------------


def report(about: str, kind: str = "message/rfc822") -> bytes:
    """A delivery report (RFC 3464) that returns a mail with that Message-ID."""
    Sender.number += 1
    fields = (
        f"From: <>\r\nTo: <{BO}>\r\nSubject: Undelivered\r\nDate: {formatdate(1700000000)}\r\n"
        f"Message-ID: <dsn{Sender.number}@mx.elsewhere.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="b"\r\n'
    )
    status = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\n"
    returned = f"Content-Type: {kind}\r\n\r\nFrom: <{BO}>\r\nMessage-ID: <{about}>\r\nSubject: x\r\n"
    return f"{fields}\r\n--b\r\n\r\nSorry.\r\n--b\r\n{status}\r\n--b\r\n{returned}\r\n--b--\r\n".encode()


def reason(us: Office, answer: Answer) -> str:
    until(lambda: us.gate.why(answer.id))
    return str(us.gate.why(answer.id)[-1]["code"])


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_of_our_mail_passes_at_first_contact(us: Office, kind: str) -> None:
    number = send(us, f"gone@{DOMAIN}")
    answer = deliver(us.gate.port, "", [BO], report(number, kind))
    assert (answer.code, reason(us, answer)) == (250, "bounce.ours")
    assert us.sink.subjects() == ["Undelivered"]


def test_an_answer_of_a_machine_to_our_mail_passes_too(us: Office) -> None:
    number = send(us, f"holiday@{DOMAIN}")
    mail = message("Away", sender=f"holiday@{DOMAIN}", extra=f"In-Reply-To: <{number}>\r\n")
    assert deliver(us.gate.port, "", [BO], mail).code == 250


def test_a_bounce_of_what_we_never_sent_waits_like_a_stranger(us: Office) -> None:
    assert deliver(us.gate.port, "", [BO], report("spam@forged.example")).code == 451


def test_a_bounce_of_our_mail_opens_the_way_for_no_other(us: Office) -> None:
    number = send(us, f"gone-too@{DOMAIN}")
    assert reason(us, deliver(us.gate.port, "", [BO], report(number))) == "bounce.ours"
    assert deliver(us.gate.port, "", [BO], report("more-spam@forged.example")).code == 451


def test_a_sender_is_no_bounce_whatever_it_quotes(us: Office) -> None:
    number = send(us, f"quoted@{DOMAIN}")
    mail = message(sender=f"rider@{DOMAIN}", extra=f"In-Reply-To: <{number}>\r\n")
    assert deliver(us.gate.port, f"rider@{DOMAIN}", [BO], mail).code == 451


def test_after_a_week_of_our_own_mail_a_bounce_of_others_is_suspicious(us: Office) -> None:
    send(us, f"now@{DOMAIN}")
    week = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y-%m-%d %H:%M:%S.000000")
    with sqlite3.connect(us.gate.folder / "gate.db", timeout=60) as conn:
        conn.execute("INSERT INTO outbound_message VALUES (?, ?)", (b"0" * 16, week))
    mail = report("other-spam@forged.example")
    assert deliver(us.gate.port, "", [BO], mail).code == 451
    held: list[Answer] = []

    def is_taken() -> bool:
        held.append(deliver(us.gate.port, "", [BO], mail))
        return held[-1].code == 250

    until(is_taken)
    assert reason(us, held[-1]) == "bounce.foreign"
    assert us.sink.mails == []
    assert [row["subject"] for row in us.gate.queue() if row["state"] == "held"] == ["Undelivered"]


# ---- tags ----------------------------------------------------------------------------------------------------------


def test_our_tag_is_put_on_and_taken_off_again(us: Office) -> None:
    send(us, f"tags@{DOMAIN}")
    (mail,) = us.smarthost.mails
    found = re.match(rf"FROM:<(prvs=[0-9]{{4}}[0-9a-f]{{6}}={BO})>", mail.sender)
    assert found, mail.sender
    answer = deliver(us.gate.port, f"postmaster@{DOMAIN}", [found[1]], message(to=BO))
    assert answer.code == 451
    until(lambda: us.rows("SELECT COUNT(*) FROM sighting WHERE recipient = ?", BO)[0][0] > 0)


def test_a_forged_or_old_tag_is_nobodys_address(us: Office) -> None:
    forged = "prvs=0123abcdef=bo@example.com"
    old = bounce.tagged(Address(BO, "bo", "example.com"), KEY, datetime.now(UTC) - timedelta(days=9)).raw
    assert [deliver(us.gate.port, "", [to], message()).code for to in (forged, old)] == [550, 550]
