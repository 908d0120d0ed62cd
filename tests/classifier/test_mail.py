"""Mails are read once, in linear time, whatever others wrote."""

import base64
import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.mail import MOST_PARTS, MOST_RAW, Mail, parse

FAST = 0.5  # seconds; the worst of these takes a tenth of it on one slow core


def letter(head: str, body: str = "") -> bytes:
    return (head.replace("\n", "\r\n") + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


def mixed() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Jörg <joerg@example.org>"
    mail["Subject"] = "Grüße aus der schönen Stadt am Fluß, in der wir lange waren und alle sahen"
    mail.set_content("plain wörds\n")
    mail.add_alternative("<p>html wörds</p><script>no()</script>", subtype="html")
    mail.add_attachment(b"MZ\x90\x00", maintype="application", subtype="octet-stream", filename="rechnung für.exe")
    return mail


def test_a_field_is_unfolded_and_its_encoded_words_are_decoded() -> None:
    mail = parse(letter("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n =?utf-8?b?IGFucw==?= and\n\tmore\nX-A:1"))
    assert mail.fields == (("subject", "Grüße ans and\tmore"), ("x-a", "1"))


def test_a_letter_that_two_encoded_words_share_is_one_letter() -> None:
    assert parse(letter("Subject: =?utf-8?b?w7w=?= =?utf-8?q?=C3?= =?utf-8?q?=BC?=")).first("subject") == "üü"


def test_parts_are_decoded_and_files_are_told_apart() -> None:
    mail = parse(mixed().as_bytes())
    assert [part.kind for part in mail.parts] == ["text/plain", "text/html", "application/octet-stream"]
    assert mail.text.split() == ["plain", "wörds", "html", "wörds"]
    file = mail.parts[2]
    assert (file.name, file.size, file.is_attachment, file.beginning) == ("rechnung für.exe", 4, True, b"MZ\x90\x00")
    assert len(file.digest) == 64
    assert not mail.flaws


def test_the_mail_in_a_mail_is_read_too() -> None:
    outer = EmailMessage()
    outer["Subject"] = "forwarded"
    outer.set_content("see below")
    outer.add_attachment(mixed())
    mail = parse(outer.as_bytes())
    assert [part.kind for part in mail.parts][-1] == "application/octet-stream"
    assert mail.first("subject") == "forwarded"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("text/plain; charset=utf-8", "Ã¼".encode("latin-1").decode("utf-8")),
        ("text/plain; charset=windows-1252", "Ã¼"),
        ("text/plain; charset=no-such-thing", "ü"),
        ("text/plain; charset=rot13", "ü"),
        ("nonsense", "ü"),
    ],
)
def test_a_charset_is_believed_only_if_it_is_one(said: str, text: str) -> None:
    assert parse(f"Content-Type: {said}\n\n".encode() + "ü".encode()).text == text


def test_numbered_parameters_are_put_together() -> None:
    said = "Content-Type: application/pdf; name*1*=%C3%BC.pdf; name*0*=utf-8''Rechnung%20f"
    assert parse(letter(said, "x")).parts[0].name == "Rechnung fü.pdf"


def test_a_boundary_that_is_only_the_beginning_of_a_line_separates_nothing() -> None:
    body = "--b\n\none\n--bc\n two\n--b--\nrest"
    assert [part.text for part in parse(letter("Content-Type: multipart/mixed; boundary=b", body)).parts] == [
        "one\n--bc\n two"
    ]


def test_a_mail_that_ends_in_the_middle_of_a_part_has_that_part() -> None:
    mail = parse(letter('Content-Type: multipart/mixed; boundary="a b"', "--a b\nContent-Type: text/html\n\n<b>hi"))
    assert mail.text == "hi"


def test_raw_is_the_beginning_as_it_came() -> None:
    data = b"A: b\r\n\r\n" + b"x" * 2 * MOST_RAW
    assert parse(data).raw == data[:MOST_RAW]


def nested(depth: int) -> bytes:
    opened = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return (opened + "\n\ndeep").encode()


BOMBS = {
    "nested": nested(3000),
    "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "empty parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 200_000,
    "other dashes": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--c\n" * 200_000,
    "colon in the boundary": b"Content-Type: multipart/mixed; boundary=b:\n\n" + b"--b:\n" * 100_000,
    "addresses": b"To: " + b", ".join(b"a@example.org" for _ in range(10_000)) + b"\n\n",
    "numbered parameters": b"Content-Type: text/plain" + b"".join(b";\n a*%d*=x" % n for n in range(5000)) + b"\n\n",
    "brackets": b"To: " + b"(" * 100_000 + b"\n\n",
    "fields": b"A: b\n" * 200_000,
    "a long line": b"A: " + b"x" * 10_000_000,
    "no colon": b"x" * 5_000_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?" * 10_000 + b"\n\n",
    "quotes": b'Content-Type: text/plain; name="' + b"\\" * 100_000 + b"\n\n",
    "equal signs": b"Content-Type: text/plain;" + b"=" * 100_000 + b"\n\n",
    "tags": b"Content-Type: text/html\n\n" + b"<div>" * 100_000,
    "hidden tags": b"Content-Type: text/html\n\n" + b"<p style='display:none'>" * 100_000,
    "attributes": b"Content-Type: text/html\n\n<a " + b"a=b " * 100_000 + b">",
    "open tags": b"Content-Type: text/html\n\n" + b"<a" * 300_000,
    "comments": b"Content-Type: text/html\n\n" + b"<!--" * 100_000,
    "scripts": b"Content-Type: text/html\n\n" + b"<script>" * 100_000,
    "entities": b"Content-Type: text/html\n\n" + b"&" * 300_000,
    "a long number": b"Content-Type: text/html\n\n&#" + b"9" * 300_000 + b";&#x" + b"f" * 9000,
    "base64": b"Content-Transfer-Encoding: base64\n\n" + b"A=" * 1_000_000,
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 30_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_quickly(name: str) -> None:
    began = time.process_time()
    mail = parse(BOMBS[name])
    assert isinstance(mail.text, str)
    assert isinstance(mail.hidden, str)
    assert time.process_time() - began < FAST


@pytest.mark.parametrize(
    ("name", "flaw"),
    [("nested", "depth"), ("parts", "parts"), ("fields", "size"), ("a long line", "size"), ("tags", "size")],
)
def test_what_is_left_out_is_named(name: str, flaw: str) -> None:
    assert flaw in parse(BOMBS[name]).flaws


def test_there_are_no_more_parts_than_are_allowed() -> None:
    assert len(parse(BOMBS["parts"]).parts) <= MOST_PARTS


LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Type: text/html; charset=utf-16\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"--b\n",
        b"--b--\n",
        b"\n",
        b" folded\n",
        b"From x\n",
        b"Subject: =?utf-8?b?w?=\n",
        b"<p style='font-size:0'>&#xffffffff;</p>=C3",
        b"\xff\x00\r",
    ]
)


@given(st.lists(LINES | st.binary(max_size=20), max_size=40).map(b"".join))
def test_nothing_that_others_write_raises(data: bytes) -> None:
    mail = parse(data)
    assert isinstance(mail, Mail)
    assert "unparseable" not in mail.flaws
    assert mail.text is not None


def test_what_a_style_hides_is_no_text_but_a_fact() -> None:
    html = "seen<div style='display: none'>a<div>b</div>c</div>seen too<br style=display:none>and this"
    mail = parse(b"Content-Type: text/html\n\n" + html.encode())
    assert mail.text == "seen\nseen too\nand this"
    assert "".join(mail.hidden.split()) == "abc"


@pytest.mark.parametrize("style", ["font-size:0", "font-size: 1px", "opacity:0", "visibility:hidden", "mso-hide:all"])
def test_each_way_to_hide_is_known(style: str) -> None:
    assert parse(f"Content-Type: text/html\n\n<b style='{style}'>x</b>y".encode()).text == "y"


@pytest.mark.parametrize(
    "style", ["font-size:10px", "font-size:0.9em", "opacity:0.5", "display:block", "color:#fffbe0"]
)
def test_what_can_be_read_is_not_hidden(style: str) -> None:
    assert parse(f"Content-Type: text/html\n\n<b style='{style}'>x</b>".encode()).text == "x"


def test_white_is_hidden_on_white_only() -> None:
    white = "<font color='#FFFFFF'>x</font>"
    assert parse(f"Content-Type: text/html\n\n{white}".encode()).hidden == "x"
    assert parse(f"Content-Type: text/html\n\n<table bgcolor=black>{white}".encode()).hidden == ""


def test_base64_with_a_broken_end_is_read_up_to_it() -> None:
    data = b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode(b"hello world")[:-3]
    assert parse(data).text.startswith("hello")
