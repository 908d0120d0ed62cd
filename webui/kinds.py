"""What a file is by how it begins, in words: its name and its kind are the sender's."""

from gateway.evidence import archive, files
from gateway.evidence.archive import NotAnArchive, Overfull
from gateway.model import FileKind

MOST_NAMES = 50  # of what is in an archive

BEGINS = (
    (b"%PDF-", "PDF document"),
    (b"\x89PNG\r\n\x1a\n", "picture (PNG)"),
    (b"\xff\xd8\xff", "picture (JPEG)"),
    (b"GIF8", "picture (GIF)"),
    (b"BM", "picture (BMP)"),
    (b"II*\x00", "picture (TIFF)"),
    (b"MM\x00*", "picture (TIFF)"),
    (b"RIFF", "sound, film or picture"),
    (b"OggS", "sound or film"),
    (b"ID3", "sound (MP3)"),
    (b"{\\rtf", "document (RTF)"),
    (files.OLE, "old Office document"),
    (b"Rar!\x1a\x07", "archive (RAR)"),
    (b"7z\xbc\xaf'\x1c", "archive (7z)"),
    (b"\x1f\x8b", "archive (gzip)"),
    (b"BZh", "archive (bzip2)"),
    (b"\xfd7zXZ\x00", "archive (xz)"),
    (b"SQLite format 3\x00", "database"),
    (b"BEGIN:VCARD", "contact"),
    (b"BEGIN:VCALENDAR", "appointment"),
    (b"-----BEGIN PGP", "encrypted or signed text"),
)
MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml")
# What somebody who saves it should know.
WARNINGS = {
    FileKind.PROGRAM: "a program",
    FileKind.SCRIPT: "a script that runs when it is opened",
    FileKind.MACRO: "holds macros, which are programs",
    FileKind.IMAGE: "a disk image, which hides what is in it",
    FileKind.LOCKED: "has a password, so nobody could look into it",
    FileKind.DISGUISED: "its name hides what it is",
    FileKind.OVERFULL: "holds more than anybody looks into",
}


def kind_of(octets: bytes) -> str:
    if FileKind.PROGRAM in files.by_content(octets):
        return "program"
    for begin, words in BEGINS:
        if octets.startswith(begin):
            return words
    try:
        found = archive.entries(octets)
    except NotAnArchive:
        return kind_of_text(octets)
    except Overfull:
        return "archive (ZIP)"
    return "Office document" if archive.is_office(found) else "archive (ZIP)"


def kind_of_text(octets: bytes) -> str:
    begin = octets[:4096]
    if not begin:
        return "nothing: it is empty"
    if begin.lstrip().lower().startswith(MARKUP):
        return "web page or XML"
    try:
        begin.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 4:  # not just a letter that was cut
            return "data of an unknown kind"
    return "data of an unknown kind" if b"\0" in begin else "text"


def names_in(octets: bytes) -> list[str]:
    """What is in an archive, without unpacking it; nothing for what is none, and for documents."""
    try:
        found = archive.entries(octets)
    except (NotAnArchive, Overfull):
        return []
    return [] if archive.is_office(found) else [one.name for one in found[:MOST_NAMES]]


def warnings(name: str, octets: bytes) -> list[str]:
    """What makes it dangerous, of itself and of what is in it."""
    found = []
    for one in files.told(name, octets):
        within = f"{one.name}: " if one.within else ""
        found += [f"{within}{WARNINGS[kind]}" for kind in one.kinds if kind in WARNINGS]
    return found[:10]
