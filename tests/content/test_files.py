"""Files by name, by how they begin, and by what is in them."""

import struct
import time

import pytest

from gateway.evidence import archive, files
from gateway.model import FileKind
from tests.content.letters import locked, zipped

K = FileKind
WINDOWS = b"MZ" + bytes(58) + struct.pack("<L", 64) + b"PE\0\0" + bytes(100)
OLE = files.OLE + bytes(600)
DOCUMENT = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}


def told(name: str, octets: bytes = b"just text") -> list[tuple[str, list[FileKind], str]]:
    return [(one.name, list(one.kinds), one.within) for one in files.told(name, octets)]


def kinds(name: str, octets: bytes = b"just text") -> list[FileKind]:
    return next((found for _, found, within in told(name, octets) if not within), [])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("letter.pdf", []),
        ("letter", []),
        ("", []),
        ("photo.of.me.jpg", []),
        ("bill.2026.03.docx", []),
        ("report.exe.pdf", []),
        ("setup.exe", [K.PROGRAM]),
        ("SETUP.EXE", [K.PROGRAM]),
        ("setup.exe. .", [K.PROGRAM]),
        ("folder/setup.exe", [K.PROGRAM]),
        ("C:\\folder\\setup.exe", [K.PROGRAM]),
        ("setup\u2024exe", [K.PROGRAM]),
        ("setup.exe\0", [K.PROGRAM]),
        ("saver.scr", [K.PROGRAM]),
        ("short.lnk", [K.PROGRAM]),
        ("run.js", [K.SCRIPT]),
        ("run.vbs", [K.SCRIPT]),
        ("run.ps1", [K.SCRIPT]),
        ("page.hta", [K.SCRIPT]),
        ("sheet.xlsm", [K.MACRO]),
        ("letter.docm", [K.MACRO]),
        ("disk.iso", [K.IMAGE]),
        ("bill.pdf.exe", [K.DISGUISED, K.PROGRAM]),
        ("bill.pdf          .exe", [K.DISGUISED, K.PROGRAM]),
        ("bill                    .js", [K.DISGUISED, K.SCRIPT]),
        ("bill\u202efdp.exe", [K.DISGUISED, K.PROGRAM]),
        ("bill\u202exe.pdf", [K.DISGUISED]),
    ],
)
def test_a_name_tells_what_a_system_would_do_with_it(name, found):
    assert kinds(name) == found


@pytest.mark.parametrize(
    ("name", "octets", "found"),
    [
        ("notes.txt", b"MZ is how programs begin, and this text too; it is longer than their header is" * 2, []),
        ("setup", WINDOWS, [K.PROGRAM]),
        ("tool.bin", b"\x7fELF\x02\x01", [K.PROGRAM]),
        ("photo.jpg", WINDOWS, [K.DISGUISED, K.PROGRAM]),
        ("old.doc", OLE, []),
        ("old.doc", OLE + "_VBA_PROJECT".encode("utf-16-le"), [K.MACRO]),
        ("old.xls", OLE + "EncryptedPackage".encode("utf-16-le"), [K.LOCKED]),
        ("disk.bin", bytes(0x8001) + b"CD001", [K.IMAGE]),
        ("letter.docx", zipped(DOCUMENT), []),
        ("letter.docx", zipped({**DOCUMENT, "word/vbaProject.bin": b"x"}), [K.MACRO]),
        ("sheet.xlsb", zipped({**DOCUMENT, "xl/macrosheets/sheet1.bin": b"x"}), [K.MACRO]),
        ("all.zip", locked({"letter.pdf": b"x"}), [K.LOCKED]),
        ("empty.zip", zipped({}), []),
        ("broken.zip", zipped({"letter.pdf": b"x"})[:40], []),
        ("broken.zip", b"PK\x03\x04", []),
        ("broken.zip", b"PK\x05\x06" + b"\xff" * 18, []),
    ],
)
def test_its_bytes_tell_more(name, octets, found):
    assert kinds(name, octets) == found


def test_names_in_an_archive_are_read_and_nothing_is_unpacked_for_it():
    assert told("all.zip", zipped({"setup.exe": b"", "letter.txt": b"", "dir/run.js": b""})) == [
        ("setup.exe", [K.PROGRAM], "all.zip"),
        ("dir/run.js", [K.SCRIPT], "all.zip"),
    ]


def test_an_archive_is_known_by_its_bytes_whatever_its_name():
    assert told("photo.jpg", zipped({"setup.exe": b""})) == [("setup.exe", [K.PROGRAM], "photo.jpg")]
    assert told("x.zip", b"something before it" + zipped({"setup.exe": b""})) == [("setup.exe", [K.PROGRAM], "x.zip")]


def test_names_behind_a_password_are_read_too():
    assert ("setup.exe", [K.PROGRAM], "a.zip") in told("a.zip", locked({"setup.exe": b""}))


def test_an_archive_without_its_directory_is_read_from_the_beginning():
    whole = zipped({"setup.exe": b"x" * 100})
    assert told("a.zip", whole[: whole.find(b"PK\x01\x02")]) == [("setup.exe", [K.PROGRAM], "a.zip")]


def nested(levels: int) -> bytes:
    octets = zipped({"setup.exe": b""})
    for level in range(levels - 1):
        octets = zipped({f"inner{level}.zip": octets})
    return octets


@pytest.mark.parametrize(("levels", "found"), [(1, []), (2, []), (3, []), (4, [K.OVERFULL]), (40, [K.OVERFULL])])
def test_archives_in_archives_are_read_as_far_as_three_levels(levels, found):
    assert [one for _, these, _ in told("a.zip", nested(levels)) for one in these if one is K.OVERFULL] == found
    programs = [name for name, these, _ in told("a.zip", nested(levels)) if K.PROGRAM in these]
    assert programs == (["setup.exe"] if levels <= 3 else [])


def test_documents_in_archives_are_looked_into():
    inner = zipped({**DOCUMENT, "word/vbaProject.bin": b"x"})
    assert told("all.zip", zipped({"letter.docx": inner})) == [("letter.docx", [K.MACRO], "all.zip")]


def test_what_unpacks_to_a_hundred_times_its_size_is_more_than_is_looked_into():
    assert kinds("bomb.zip", zipped({"zeros": bytes(20_000_000)})) == [K.OVERFULL]
    assert kinds("log.zip", zipped({"zeros": bytes(1_000_000)})) == []


def test_more_names_than_are_read_are_told_with_what_was_read_before():
    many = {"setup.exe": b"", **{str(number): b"" for number in range(archive.MOST_ENTRIES)}}
    assert K.OVERFULL in kinds("many.zip", zipped(many))


def test_an_archive_that_holds_itself_in_name_ends_somewhere():
    inner = zipped({"a.docx": zipped({"b.docx": zipped({"c.docx": zipped({"d.docx": zipped({"e.docx": b"x"})})})})})
    assert K.OVERFULL in {kind for _, these, _ in told("x.zip", inner) for kind in these}


def test_a_number_in_a_directory_may_lie():
    octets = bytearray(zipped({"setup.exe": b"x"}))
    end = octets.rfind(b"PK\x05\x06")
    for place in range(end + 8, end + 20):
        lying = bytes(octets[:place]) + b"\xff" + bytes(octets[place + 1 :])
        list(files.told("a.zip", lying))
    began = time.thread_time()  # what others take of the machine does not count
    list(files.told("a.zip", b"PK\x01\x02" * 500_000 + bytes(octets[end:])))
    list(files.told("a.zip", b"PK\x03\x04" * 500_000))
    assert time.thread_time() - began < 1


def test_names_are_shown_without_what_turns_or_moves_them():
    assert told("bill\u202efdp.exe\r\n")[0][0] == "bill?fdp.exe??"
