"""Links in files: found where documents keep them, and nowhere else; and whatever a file is, nothing is raised."""

import io
import time
import zlib

import pytest
import segno

from gateway.evidence import enclosed
from gateway.evidence.content import Letter
from gateway.evidence.enclosed import links_in
from gateway.evidence.looking import glance, look
from tests.content.letters import with_file, zipped
from tests.content.test_bombs import ready

LINK = "https://pay.landing.example/form?id=1"
TYPES = {"[Content_Types].xml": b"<Types/>"}


def pdf(*objects: bytes) -> bytes:
    return (
        b"%PDF-1.7\n"
        + b"\n".join(b"%d 0 obj\n%s\nendobj" % (n, one) for n, one in enumerate(objects, 1))
        + b"\n%%EOF\n"
    )


def packed(data: bytes) -> bytes:
    return b"<</Filter/FlateDecode>>\nstream\r\n" + zlib.compress(data) + b"\nendstream"


def uri(text: str) -> bytes:
    return b"<</S/URI/URI (" + text.encode() + b")>>"


def document(target: str, mode: str = ' TargetMode="External"') -> bytes:
    relation = f'<Relationship Id="r1" Type="http://schemas.example/hyperlink" Target="{target}"{mode}/>'
    rels = f'<Relationships xmlns="http://schemas.openxmlformats.example/x">{relation}</Relationships>'
    return zipped({**TYPES, "word/document.xml": b"<w/>", "word/_rels/document.xml.rels": rels.encode()})


def opened(target: str) -> bytes:
    """OpenDocument."""
    content = f'<office:document xmlns:xlink="http://www.w3.example/xlink"><text:a xlink:href="{target}">x</text:a>'
    return zipped({"mimetype": b"application/x", "META-INF/manifest.xml": b"<m/>", "content.xml": content.encode()})


def picture(text: str, kind: str = "png") -> bytes:
    made = io.BytesIO()
    segno.make_qr(text).save(made, kind=kind, scale=4)
    return made.getvalue()


FILES = {
    "pdf": pdf(uri(LINK)),
    "pdf in a stream": pdf(packed(b"1 0 2 30 " + uri(LINK))),
    "pdf in hex": pdf(b"<</URI <" + LINK.encode().hex().encode() + b">>>"),
    "pdf behind junk": b"\r\n" * 20 + pdf(uri(LINK)),
    "word": document(LINK),
    "opendocument": opened(LINK),
    "qr": picture(LINK),
}


@pytest.mark.parametrize("name", FILES)
def test_where_a_file_leads_is_found(name: str) -> None:
    assert links_in(FILES[name]) == [LINK]


@pytest.mark.parametrize("name", FILES)
def test_a_mail_shares_it_with_others(name: str) -> None:
    mail = with_file("offer.bin", FILES[name])
    assert look(mail, in_files=10_000_000).urls == ("landing.example",)
    assert glance(mail, in_files=10_000_000).urls == ("landing.example",)


@pytest.mark.parametrize("wants_all", [True, False])
async def test_readers_find_it_with_the_memory_that_they_have(wants_all: bool) -> None:
    readers = await ready()
    for name in ("pdf in a stream", "word", "qr"):
        found = await readers.look(Letter(with_file("offer.bin", FILES[name]), wants_all=wants_all))
        assert found is not None, name
        assert found.urls == ("landing.example",), name
    await readers.close()


def test_what_is_larger_than_the_budget_is_passed_over_and_the_next_is_not() -> None:
    big = pdf(uri("https://big.example/"), bytes(10_000))
    assert look(with_file("a.pdf", big), in_files=5_000).urls == ()
    assert look(with_file("a.pdf", big), in_files=20_000).urls == ("big.example",)
    assert look(with_file("a.pdf", pdf(uri(LINK)))).urls == (), "without a budget nothing is searched"


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (
            pdf(
                uri(
                    r"https://x.example/a\(b\)\\c\051\
d"
                )
            ),
            [r"https://x.example/a(b)\c)d"],
        ),
        (pdf(uri("https://x.example/(1)")), ["https://x.example/(1)"]),
        (pdf(uri("mailto:ann@elsewhere.example"), uri("page.html")), []),
        (pdf(b"(https://only.text.example/)"), []),  # what is drawn leads nowhere
        (pdf(uri(LINK), uri(LINK), uri(LINK + "2")), [LINK, LINK + "2"]),
        (document("https://x.example/?a=1&amp;b=2"), ["https://x.example/?a=1&b=2"]),
        (document("media/image1.png", ""), []),
        (document(LINK, ""), []),  # not outside
        (
            zipped(
                {"word/_rels/document.xml.rels": b'<Relationship Target="https://x.example/" TargetMode="External"/>'}
            ),
            [],
        ),
        (picture("just words"), []),
        (picture(LINK, "png")[:200], []),
        (b"", []),
        (b"%PDF-", []),
        (b"PK\x03\x04", []),
        (pdf(b"stream\r\nxx endstream", b"<</URI <4>>>", b"/URI <zz>"), []),
        (pdf(b"stream\n\x78\x9c\x00\x01"), []),
    ],
)
def test_only_what_leads_somewhere_is_a_link(octets: bytes, found: list[str]) -> None:
    assert links_in(octets) == found


def test_a_few_are_enough() -> None:
    assert len(links_in(pdf(*(uri(f"https://x.example/{n}") for n in range(500))))) == enclosed.MOST_LINKS


BOMBS = {
    "open strings": b"%PDF-" + b"/URI (" * 20_000,
    "a long string": b"%PDF-" + b"/URI (" + b"a" * 100_000,
    "strings in strings": b"%PDF-" + b"/URI ((((" * 12_000,
    "escapes": b"%PDF-" + b"/URI (\\" * 15_000,
    "hex": b"%PDF-" + b"/URI <" + b"4 " * 50_000,
    "blanks": b"%PDF-/URI" + b" " * 100_000,
    "streams": b"%PDF-" + b"stream\n\x78\x9c" * 10_000,
    "unpacked": pdf(*[packed(bytes(4_000_000))] * 100),
    "relations": zipped({**TYPES, "a.rels": b"<Relationship " * 8_000}),
    "attributes": zipped({**TYPES, "a.rels": b"<Relationship " + b"Target=" * 500 + b">" + b'Target="' * 10_000}),
    "a huge picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    + b"\x00\x01\x86\xa0" * 2
    + b"\x08\x00\x00\x00\x00"
    + bytes(50_000),
    "many entries": zipped({**TYPES, **{f"{n}.rels": bytes(1_000_000) for n in range(40)}}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_made_to_cost_costs_little(name: str) -> None:
    began = time.thread_time()
    assert links_in(BOMBS[name]) == []
    assert time.thread_time() - began < 2, "far from any machine's pace: it has a bound at all"
