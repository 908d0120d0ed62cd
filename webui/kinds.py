"""What a file is by how it begins, in words: its name and its kind are the sender's.

The words are English: a program that cannot know who reads them says them, and the pages translate them.
"""

from gateway.evidence import archive, files
from gateway.evidence.archive import NotAnArchive, Overfull
from gateway.marked import N_
from gateway.model import FileKind

MOST_NAMES = 50  # of what is in an archive

BEGINS = (
    (b"%PDF-", N_("PDF document")),
    (b"\x89PNG\r\n\x1a\n", N_("picture (PNG)")),
    (b"\xff\xd8\xff", N_("picture (JPEG)")),
    (b"GIF8", N_("picture (GIF)")),
    (b"BM", N_("picture (BMP)")),
    (b"II*\x00", N_("picture (TIFF)")),
    (b"MM\x00*", N_("picture (TIFF)")),
    (b"RIFF", N_("sound, film or picture")),
    (b"OggS", N_("sound or film")),
    (b"ID3", N_("sound (MP3)")),
    (b"{\\rtf", N_("document (RTF)")),
    (files.OLE, N_("old Office document")),
    (b"Rar!\x1a\x07", N_("archive (RAR)")),
    (b"7z\xbc\xaf'\x1c", N_("archive (7z)")),
    (b"\x1f\x8b", N_("archive (gzip)")),
    (b"BZh", N_("archive (bzip2)")),
    (b"\xfd7zXZ\x00", N_("archive (xz)")),
    (b"SQLite format 3\x00", N_("database")),
    (b"BEGIN:VCARD", N_("contact")),
    (b"BEGIN:VCALENDAR", N_("appointment")),
    (b"-----BEGIN PGP", N_("encrypted or signed text")),
)
MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml")
# What somebody who saves it should know.
WARNINGS = {
    FileKind.PROGRAM: N_("a program"),
    FileKind.SCRIPT: N_("a script that runs when it is opened"),
    FileKind.MACRO: N_("holds macros, which are programs"),
    FileKind.IMAGE: N_("a disk image, which hides what is in it"),
    FileKind.LOCKED: N_("has a password, so nobody could look into it"),
    FileKind.DISGUISED: N_("its name hides what it is"),
    FileKind.OVERFULL: N_("holds more than anybody looks into"),
}


def kind_of(octets: bytes) -> str:
    if FileKind.PROGRAM in files.by_content(octets):
        return N_("program")
    for begin, words in BEGINS:
        if octets.startswith(begin):
            return words
    try:
        found = archive.entries(octets)
    except NotAnArchive:
        return kind_of_text(octets)
    except Overfull:
        return N_("archive (ZIP)")
    return N_("Office document") if archive.is_office(found) else N_("archive (ZIP)")


def kind_of_text(octets: bytes) -> str:
    begin = octets[:4096]
    if not begin:
        return N_("nothing: it is empty")
    if begin.lstrip().lower().startswith(MARKUP):
        return N_("web page or XML")
    try:
        begin.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 4:  # not just a letter that was cut
            return N_("data of an unknown kind")
    return N_("data of an unknown kind") if b"\0" in begin else N_("text")


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
