"""A look into a kept mail: what is shown of it, that nothing of it acts, and that the look is on record."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from classifier.markup import MOST_HTML, rendered
from gateway import peek
from gateway.bodies import Bodies, NoBody
from gateway.desk import NoSuchMail, Person
from sql.tables import event
from tests.store.making import BO, CY, NOW, STRONG, copied, keep, mail, row_of

WHO = Person("bo@cli", "node1")
HEAD = b"From: <code@shop.example>\r\nSubject: Your code\r\nMIME-Version: 1.0\r\n"


def text_of(body: bytes, kind: str = "text/plain; charset=utf-8", extra: str = "") -> str:
    fields = f"Content-Type: {kind}\r\n{extra}\r\n".encode()
    return peek.excerpt(HEAD + fields + body).text


def multipart(*parts: str, kind: str = "alternative") -> bytes:
    inner = "".join(f"--x\r\n{part}\r\n" for part in parts)
    return HEAD + f"Content-Type: multipart/{kind}; boundary=x\r\n\r\n{inner}--x--\r\n".encode()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("It is 123456.\r\n", "It is 123456."),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("a\u00a0b\tc\u3000d", "a b c d"),
        ("\x1b[2J\x1b]8;;http://evil.example\x07click", "<U+001B>[2J<U+001B>]8;;http://evil.example<U+0007>click"),
        ("pay \u202e001\u202c now", "pay <U+202E>001<U+202C> now"),
        ("12\u200b34\ufeff56\u00ad", "12<U+200B>34<U+FEFF>56<U+00AD>"),
        ("a\x0bb\x0cc\x85d\u2028e", "a<U+000B>b<U+000C>c<U+0085>d<U+2028>e"),
        ("Grüße 日本 😀", "Grüße 日本 😀"),
    ],
)
def test_what_cannot_be_seen_is_written_out(body, shown):
    assert text_of(body.encode()) == shown


@given(st.text())
def test_nothing_that_is_shown_moves_the_cursor(body):
    shown = text_of(body.encode("utf-8", "surrogatepass"))
    assert all(letter == "\n" or letter.isprintable() for letter in shown)


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>It is <b>123</b>456.</p><p>Bye</p>", "It is 123456.\n\nBye"),
        ("<style>p { color: red }</style>Hello<br>you", "Hello\nyou"),
        ("<SCRIPT>evil()</script>Hello", "Hello"),
        ("<script>evil()", ""),
        ("Hello<!-- not this -->you <!-- nor this", "Helloyou"),
        ("1 < 2 &amp; 3 &lt; 4", "1 < 2 & 3 < 4"),
        ('<a href="http://evil.example/x">bank.example</a>', "bank.example"),
        ("one\r\n  line\r\nonly", "one line only"),
        ("&#27;[2J&#x202e;x", "[2J<U+202E>x"),
        ("Hello <a", "Hello"),
    ],
)
def test_html_is_shown_as_its_text(html, shown):
    assert text_of(html.encode(), "text/html") == shown


@pytest.mark.parametrize("piece", ["<", "<!--", "<a", "<script>", "</", "&", "<p", "<style>x</styl", "< "])
def test_broken_html_costs_no_time(piece):
    began = time.monotonic()
    rendered(piece * (MOST_HTML // len(piece)))
    assert time.monotonic() - began < 60


def test_plain_text_comes_before_html_and_what_is_attached_is_not_shown():
    plain, html = "Content-Type: text/plain\r\n\r\nplain", "Content-Type: text/html\r\n\r\n<p>html"
    attached = 'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="x.txt"\r\n\r\nattached'
    assert peek.excerpt(multipart(html, plain)).text == "plain"
    assert peek.excerpt(multipart(attached, html)) == peek.Excerpt("html", peek.HTML)
    assert peek.excerpt(multipart(attached)) == peek.Excerpt("", peek.NOTHING)


@pytest.mark.parametrize(
    ("kind", "encoding", "body", "shown"),
    [
        ("text/plain; charset=utf-8", "base64", base64.b64encode("Grüße 123456".encode()), "Grüße 123456"),
        ("text/plain; charset=utf-8", "quoted-printable", b"Gr=C3=BC=C3=9Fe", "Grüße"),
        ("text/plain; charset=iso-8859-1", "8bit", "Grüße".encode("latin-1"), "Grüße"),
        ("text/plain; charset=rot13", "8bit", b"uryyb", "uryyb"),
        ("text/plain; charset=nonsense", "8bit", "Grüße".encode(), "Grüße"),
        ("text/plain", "8bit", b"\xff\xfe", "ÿþ"),
    ],
)
def test_texts_are_decoded(kind, encoding, body, shown):
    assert text_of(body, kind, f"Content-Transfer-Encoding: {encoding}\r\n") == shown


def test_much_is_cut_and_that_is_told():
    assert peek.excerpt(HEAD + b"\r\n" + b"x" * peek.MOST_SHOWN).cut is False
    long = peek.excerpt(HEAD + b"\r\n" + b"x" * (peek.MOST_SHOWN + 1))
    assert (len(long.text), long.cut) == (peek.MOST_SHOWN, True)
    assert peek.excerpt(HEAD + b"\r\n" + b"x\r\n" * 400).cut


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(data):
    peek.excerpt(data)
    peek.excerpt(HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + data)


def test_parts_in_parts_without_end_are_no_text():
    nested = "".join(f"Content-Type: multipart/mixed; boundary={n}x\r\n\r\n--{n}x\r\n" for n in range(3000))
    assert peek.excerpt(nested.encode()).kind == peek.NOTHING


# ---- on record -----------------------------------------------------------------------------------------------------


def test_a_look_is_on_record_with_who_and_why(conn: Connection, bodies: Bodies) -> None:
    kept = mail(rungs=STRONG, subject="Your \x1b[2J code")
    copied(conn, keep(conn, bodies, kept))
    found = peek.peek(conn, bodies, kept.id, WHO, NOW, recipient=BO, because="a code")
    assert (found.excerpt.text, found.proved) == ("A few words.", ("elsewhere.example",))
    assert found.subject == "Your <U+001B>[2J code"
    row = conn.execute(select(event)).one()
    assert (row.kind, row.message, row.recipient, row.who, row.detail) == (
        "peeked",
        kept.id,
        BO,
        "bo@cli",
        {"because": "a code"},
    )


def test_nobody_looks_into_the_mail_of_others_or_what_is_gone(conn: Connection, bodies: Bodies) -> None:
    kept = mail()
    copied(conn, keep(conn, bodies, kept))
    with pytest.raises(NoSuchMail):
        peek.peek(conn, bodies, kept.id, WHO, NOW, recipient=CY)
    with pytest.raises(NoSuchMail):
        peek.peek(conn, bodies, "0000000000009", WHO, NOW)
    gone = row_of(conn, mail("0000000000002"))
    with pytest.raises(NoBody):
        peek.peek(conn, bodies, gone.id, WHO, NOW)
    assert conn.execute(select(event)).all() == []


def test_what_a_style_hides_is_shown_as_such():
    assert rendered("seen<p style='display:none'>unseen</p>").whole == "seen\n\n(hidden by its style)\nunseen"
