"""The pages of one mail: how it came, what is attached and what that really is, what happened, and why."""

import struct
from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import pytest

from tests.store.making import BO, held, keep, mail, owned_mail
from tests.webui.conftest import BOS, BOTH, Office
from webui.kinds import kind_of, names_in, warnings

NEW = "0000000000021"
PROGRAM = b"MZ".ljust(60, b"\0") + struct.pack("<L", 64) + b"PE\0\0"
RECEIVED = (
    b"Received: from relay.elsewhere.example (relay.elsewhere.example [192.0.2.9])\r\n"
    b"\tby out.elsewhere.example (Postfix) with ESMTPS id 4X; Wed, 4 Mar 2026 12:50:15 +0000\r\n"
    b"Received: from <script>alert(1)</script> by =?utf-8?q?=E2=80=AErelay?= ; Wed, 4 Mar 2026 12:20:15 +0000\r\n"
    b"Received: ((((\r\n"
    b"Date: Wed, 4 Mar 2026 12:20:05 +0000\r\n"
)


def zipped(*names: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return made.getvalue()


def put(office: Office, files: dict[str, bytes], head: bytes = b"") -> None:
    parts = b"".join(
        b"--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="%s"\r\n\r\n%s\r\n' % (name.encode(), b64encode(data))
        for name, data in files.items()
    )
    text = (
        head + b'From: <ann@elsewhere.example>\r\nSubject: Files\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: text/plain\r\n\r\nA few words\r\n" + parts + b"--x--\r\n"
    )
    with office.begin() as conn:
        held(conn, keep(conn, office.house.bodies, owned_mail(mail(NEW, recipients=(BO,), text=text)), text))


# ---- files ---------------------------------------------------------------------------------------------------------


def test_what_is_attached_is_told_by_what_it_is(office: Office) -> None:
    put(office, {"bill.pdf": PROGRAM, "photos.zip": zipped("a.jpg", "<b>.scr")})
    browser = office.as_("bo")
    page = browser.get(f"/mail/{NEW}/files").text
    assert "<dd>program</dd>" in page
    assert "Be careful: its name hides what it is." in page
    assert sha256(PROGRAM).hexdigest() in page
    assert "a.jpg" in page
    assert "&lt;b&gt;.scr: a program" in page
    assert "<b>.scr" not in page
    saved = browser.get(f"/mail/{NEW}/file/1")
    assert saved.data == PROGRAM
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert "a program" in browser.get(f"/held?mail={NEW}").text


KINDS = {
    b"%PDF-1.7": "PDF document",
    b"\x89PNG\r\n\x1a\n": "picture (PNG)",
    PROGRAM: "program",
    b"MZ is how this text begins": "text",
    zipped("a"): "archive (ZIP)",
    zipped("[Content_Types].xml", "word/document.xml"): "Office document",
    b" <!DOCTYPE HTML><p>": "web page or XML",
    "Grüße".encode() * 1000: "text",
    b"\xff\x00\x01": "data of an unknown kind",
    b"a\x00b": "data of an unknown kind",
    b"": "nothing: it is empty",
}


@pytest.mark.parametrize("octets", KINDS)
def test_a_kind_is_told_by_how_it_begins(octets: bytes) -> None:
    assert kind_of(octets) == KINDS[octets]


def test_nothing_is_unpacked_to_tell_the_names() -> None:
    many = zipped(*(f"{number}.txt" for number in range(200)))
    assert len(names_in(many)) == 50
    assert names_in(b"PK\x03\x04") == names_in(many[:100])[:0] == []
    assert names_in(zipped("[Content_Types].xml")) == []
    assert warnings("a.docm", b"") == ["holds macros, which are programs"]
    assert warnings("a.txt", b"text") == []


# ---- its way -------------------------------------------------------------------------------------------------------


def test_the_way_ends_with_what_we_saw_ourselves(office: Office) -> None:
    put(office, {}, RECEIVED)
    page = office.as_("bo").get(f"/mail/{NEW}/headers").text
    rows = page.partition("How it came here")[2].partition("</table>")[0].split("<tr")[2:]
    assert len(rows) == 4
    assert "Nobody can read this line" in rows[0]
    assert "&lt;script&gt;" in rows[1]
    assert "&lt;U+202E&gt;relay" in rows[1]
    assert "10 s" in rows[1]
    assert "30 min" in rows[2]
    assert 'class="ours"' in rows[3]
    assert "one clock is wrong by 20 min" in rows[3]  # it left after it was here
    assert "<script>alert" not in page


# ---- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["headers", "files", "source"])
def test_an_approver_is_asked_why_there_as_well(office: Office, tab: str) -> None:
    browser = office.as_("approver")
    page = browser.get(f"/mail/{BOS}/{tab}").text
    assert "Why do you look into it?" in page
    assert "A few words" not in page
    assert "a.csv" not in page
    assert office.record("read") == []
    browser.post(f"/mail/{BOS}/because", because="Asked by the recipient")
    assert "Why do you look into it?" not in browser.get(f"/mail/{BOS}/{tab}").text
    assert len(office.record("read")) == 1


@pytest.mark.parametrize("tab", ["story", "why"])
def test_what_happened_is_told_without_reading_it(office: Office, tab: str) -> None:
    for name in ("bo", "auditor"):
        page = office.as_(name).get(f"/mail/{BOS}/{tab}").text
        assert "A few words" not in page
        assert "a.csv" not in page
    assert office.record("read") == []


def test_the_story_is_in_order_and_one_s_own(office: Office) -> None:
    office.as_("bo").post(f"/mail/{BOTH}/decide", verb="refuse")
    office.as_("cy").post(f"/mail/{BOTH}/decide", verb="release")
    page = office.as_("bo").get(f"/mail/{BOTH}/story").text
    story = page.partition("What happened")[2]
    assert story.index("Came from") < story.index("Refused by bo, for bo@example.com") < story.index("Refused by you")
    assert "cy@" not in story
    assert "by cy" not in story


def test_every_tab_is_a_link_and_says_where_one_is(office: Office) -> None:
    browser = office.as_("bo")
    for tab, words in (("", "Preview"), ("/why", "Why"), ("/headers", "Headers"), ("/files", "Attachments"),
                       ("/story", "Story"), ("/source", "Source")):  # fmt: skip
        page = browser.get(f"/mail/{BOS}{tab}").text
        here = page.partition('aria-label="This mail"')[2].partition(' aria-current="page">')
        assert f'href="/mail/{BOS}{tab}"' in here[0].splitlines()[-1]
        assert here[2].startswith(f"{words}</a>")
        assert page.partition('aria-label="This mail"')[2].partition("</nav>")[0].count("<a ") == 6
