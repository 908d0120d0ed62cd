"""What one look at a mail finds, and that honest mail has nothing of it."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from classifier.features import Features
from classifier.learner import Learner
from classifier.mail import parse
from classifier.model import Model
from classifier.state import Entry
from gateway.evidence import letters
from gateway.evidence.hints import may_carry_files
from gateway.evidence.looking import MESSAGE_ID, UUENCODED, look
from gateway.model import ContentFacts, FileKind, Finding, MailedFile
from tests.content.letters import HEAD, multipart, page, plain, with_file, zipped

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
DATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
F = Finding
RECEIVED = b"Received: from a by b; Sun, %d Mar 2026 12:00:00 +0000\r\n"
ALTERNATIVE = multipart(
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello",
    b"Content-Type: text/html\r\n\r\n<p>Hello",
    kind="alternative",
)


def findings(data: bytes) -> set[Finding]:
    return set(look(data).findings)


@pytest.mark.parametrize(
    "data",
    [
        plain(),
        plain("Grüße aus Köln, привет из Москвы, γειά σου\r\n"),  # noqa: RUF001
        plain("می‌خواهم 👩‍👩‍👧\r\n"),  # what joins letters there belongs to them
        plain("soft\u00adhyphens, and µm, 5 Ω, and e-mail'ом\r\n"),
        page("<div style='display:none'>A sentence for the list of mails.</div><p>Hello</p>"),
        ALTERNATIVE,
        with_file("letter.pdf", b"%PDF-1.7"),
        with_file("all.zip", zipped({"letter.txt": b"hello"})),
        plain(head=RECEIVED % 2 + RECEIVED % 1 + HEAD),
    ],
)
def test_honest_mail_has_nothing_odd(data):
    assert look(data) == ContentFacts(dated=DATED)


def without(name: bytes) -> bytes:
    return plain(head=b"".join(line + b"\r\n" for line in HEAD.split(b"\r\n")[:-1] if not line.startswith(name)))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (without(b"Date"), {F.NO_DATE}),
        (without(b"Message-ID"), {F.NO_MESSAGE_ID}),
        (without(b"From"), {F.NO_AUTHOR}),
        (plain(head=HEAD.replace(b"Sun, 1 Mar 2026", b"Yesterday")), {F.BAD_DATE}),
        (plain(head=HEAD.replace(b"<1@elsewhere.example>", b"1")), {F.BAD_MESSAGE_ID}),
        (plain(head=HEAD + b"Subject: Another\r\n"), {F.DOUBLED_FIELD}),
        (plain(head=HEAD + b"from: c@d.example\r\n"), {F.DOUBLED_FIELD}),
        (plain(head=b"Received: from a by b\r\n" + HEAD), {F.BAD_RECEIVED}),
        (plain(head=RECEIVED % 1 + RECEIVED % 9 + HEAD), {F.BAD_RECEIVED}),
        (HEAD + b"Content-Type: multipart/mixed\r\n\r\nx", {F.BROKEN_PARTS}),
        (HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\nx', {F.BROKEN_PARTS}),
        (HEAD + b"Content-Transfer-Encoding: rot13\r\n\r\nx", {F.BROKEN_ENCODING}),
        (HEAD + b"Content-Type: text/plain; charset=x-secret\r\n\r\nx", {F.BROKEN_ENCODING}),
        (plain(head=HEAD.replace(b"Hello", "V\u200biagra".encode())), {F.INVISIBLE}),
        (plain("a\u200bb c\u200bd e\u200bf"), {F.INVISIBLE}),
        (plain(head=HEAD.replace(b"Hello", "\u202eolleH".encode())), {F.TURNED}),
        (plain(head=HEAD.replace(b"Ann", "P\u0430yPal".encode())), {F.CONFUSABLE}),
        (plain("P\u0430yPal \u0430ccount \u0435xpires"), {F.CONFUSABLE}),
        (page("<p>Hi</p><div style='display:none'>" + "words of a book " * 40 + "</div>"), {F.HIDDEN_TEXT}),
    ],
)
def test_what_is_odd_is_found(data, found):
    assert findings(data) == found


def test_a_slip_in_the_text_is_no_finding():
    assert findings(plain("one zero\u200bwidth, and one P\u0430yPal")) == set()


@pytest.mark.parametrize("text", ["", " ", "32 Foo 2026", "Sun, 1 Mar 99999 12:00:00 +0000", "1" * 5000, "\0", ", , ,"])
def test_what_is_no_date_is_none(text):
    assert look(b"Date: " + text.encode() + b"\r\n\r\n").dated is None


# ---- files ---------------------------------------------------------------------------------------------------------


def files(data: bytes) -> list[str]:
    return [f"{one.within}/{one.name}" for one in look(data).files]


def test_a_file_is_found_by_its_name_and_in_an_archive():
    assert look(with_file("setup.exe", b"x")).files == (MailedFile("setup.exe", (FileKind.PROGRAM,)),)
    assert files(with_file("all.zip", zipped({"setup.exe": b""}))) == ["all.zip/setup.exe"]


def test_a_file_in_a_mail_in_a_mail_is_found():
    inner = with_file("setup.exe", b"x")
    assert files(with_file("mail.eml", inner, "message/rfc822")) == ["/setup.exe"]
    assert files(multipart(b"Content-Type: message/rfc822\r\n\r\n" + inner.replace(b"==cut==", b"==in=="))) == [
        "/setup.exe"
    ]
    deep = inner
    for _ in range(10):
        deep = with_file("mail.eml", deep)
    assert files(deep) == []


def test_a_program_that_is_called_a_text_is_found():
    named = b'Content-Type: text/plain; name="run.js"\r\n\r\nalert(1)'
    assert files(multipart(named)) == ["/run.js"]
    assert files(plain("Hello\r\nbegin 644 setup.exe\r\nM...\r\nend\r\n")) == ["/setup.exe"]


def test_no_more_files_are_told_than_anybody_reads():
    many = multipart(
        *[b'Content-Disposition: attachment; filename="%d.exe"\r\n\r\nx' % number for number in range(200)]
    )
    assert len(look(many).files) == 50


# ---- hints ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        plain(),
        ALTERNATIVE,
        b"Subject: no field about content\r\n\r\nHello",
        ALTERNATIVE.replace(b"text/html", b"text/html;\r\n charset=utf-8"),
        multipart(b"Content-Type: text/plain\r\nContent-Disposition: inline\r\n\r\nHello"),
    ],
)
def test_mail_of_text_alone_is_let_go_past(data):
    assert not may_carry_files(data)


@pytest.mark.parametrize(
    "data",
    [
        with_file("a.pdf", b"x"),
        multipart(b"Content-Type: application/pdf\r\n\r\nx"),
        multipart(b"content-type : IMAGE/png\r\n\r\nx"),
        multipart(b"Content-Type: text/plain; name=a.js\r\n\r\nx"),
        multipart(b"Content-Type: text/plain;\r\n\tname*0=a\r\n\r\nx"),
        multipart(b"Content-Type:\r\n application/zip\r\n\r\nx"),
        multipart(b"Content-Disposition: attachment\r\n\r\nx"),
        multipart(b"Content-Disposition: inline; filename=a.exe\r\n\r\nx"),
        multipart(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"),
        plain("Hello\r\nbegin 644 a.exe\r\n"),
        with_file("a.pdf", b"x").replace(b"\r\n", b"\n"),
        multipart(b"Content-Type: text/plain;" + b" " * 500 + b"name=a.exe\r\n\r\nx"),
    ],
)
def test_whatever_may_be_a_file_is_looked_at(data):
    assert may_carry_files(data)


# ---- time ----------------------------------------------------------------------------------------------------------

HOSTILE = [
    "a\u200b",
    "\u200b",
    "a\u0430",
    "\u0430",
    "begin 644 ",
    "\nbegin 644 \n",
    "content-type:",
    "\ncontent-type:",
    "name=",
    "<",
    ">",
    "<@",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_expression_of_ours_takes_long(piece):
    text = piece * (100_000 // len(piece))
    for expression in (letters.INVISIBLE, letters.TURNED, letters.CONFUSABLE, MESSAGE_ID, UUENCODED):
        began = time.thread_time()  # what others take of the machine does not count
        expression.search(text)
        assert time.thread_time() - began < 0.05, expression.pattern
    began = time.thread_time()
    may_carry_files(text.encode())
    assert time.thread_time() - began < 0.05


# ---- the classifier ------------------------------------------------------------------------------------------------


def test_a_mail_has_a_score_where_there_is_a_model(tmp_path):
    model = Model.open(tmp_path)  # nothing was published: the prior judges
    found = look(plain(), model)
    assert found.score is not None
    assert -3.5 <= found.score <= 3.5
    assert found.labels == 0
    assert found.features == look(plain(), model).features != look(plain("Other words.\r\n"), model).features
    assert look(plain()) == replace(found, score=None, features="")


def test_an_account_that_taught_has_a_voice_of_its_own(tmp_path):
    learner = Learner.open(tmp_path)
    for number in range(20):
        features = Features.of(parse(plain(f"Offer of the week, number {number}\r\n")))
        learner.learn(Entry(f"{number}", number % 2 == 0, features, NOW, "bo@example.com" if number % 2 == 0 else ""))
    learner.publish()
    learner.close()
    found = look(plain("Offer of the week, number 99\r\n"), Model.open(tmp_path), ("bo@example.com", "cy@example.com"))
    ((account, voice),) = found.own
    assert account == "bo@example.com"
    assert voice > 0
    assert found.seen_by("bo@example.com") == found
    assert found.seen_by("cy@example.com").own == ()
