"""What a file is to whoever opens it: by its name, by how it begins, and by what is in it as far as names go."""

import re
import unicodedata
from collections.abc import Iterator

from gateway.evidence import archive
from gateway.evidence.archive import MOST_INNER, MOST_LEVELS, NotAnArchive, Overfull
from gateway.model import FileKind, MailedFile

MOST_FILES = 50  # that are told of one mail
MOST_NAME = 255  # characters
MOST_UNPACKED = 32 * 1024 * 1024  # bytes of archives in archives, in one file of a mail
MOST_ENTRIES = 10_000  # names in all of them


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROGRAMS = words(
    "exe com scr pif cpl msi msp msix appx lnk url dll ocx sys jar apk xll chm hlp reg application appref-ms diagcab"
    " gadget library-ms search-ms settingcontent-ms vxd"
)
SCRIPTS = words("js jse vbs vbe vb wsf wsh wsc ws sct hta ps1 psm1 psd1 ps1xml bat cmd msh scf inf")
MACROS = words("docm dotm xlsm xltm xlam pptm potm ppam ppsm sldm")
IMAGES = words("iso img vhd vhdx udf wim dmg")
ARCHIVES = words("zip jar")
OFFICE = words("docx dotx xlsx xltx xlsb pptx potx ppsx odt ods odp")
DOCUMENTS = words(
    "pdf doc docx docm xls xlsx xlsm ppt pptx rtf odt ods txt csv htm html xml eml msg jpg jpeg png gif bmp tif tiff"
    " webp svg mp3 mp4 wav avi zip rar 7z"
)
BY_NAME = (
    (PROGRAMS, FileKind.PROGRAM),
    (SCRIPTS, FileKind.SCRIPT),
    (MACROS, FileKind.MACRO),
    (IMAGES, FileKind.IMAGE),
)

TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
BLANKS = re.compile(r"\s{5,}\.")

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ELF, MACH, CLASS, LINK = b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"L\x00\x00\x00\x01\x14\x02\x00"
DISK, DISK_AT = b"CD001", 0x8001
OLE_MACROS = "_VBA_PROJECT".encode("utf-16-le")
OLE_LOCKED = "EncryptedPackage".encode("utf-16-le")


def told(name: str, octets: bytes) -> Iterator[MailedFile]:
    """The file, and those in it, as far as they are of a kind that matters. Never raises for what others wrote."""
    return Opening().told(name, octets)


class Opening:
    """One file that is being looked into, and how much more of it there may be."""

    def __init__(self) -> None:
        self.bytes_left = MOST_UNPACKED
        self.entries_left = MOST_ENTRIES

    def told(self, name: str, octets: bytes, within: str = "", level: int = 1) -> Iterator[MailedFile]:
        begins = by_content(octets)
        kinds = by_name(name) | begins
        if FileKind.PROGRAM in begins and ending(name) in DOCUMENTS:
            kinds.add(FileKind.DISGUISED)
        inside: list[MailedFile] = []
        try:
            entries = self.entries(octets)
            if any(one.is_locked for one in entries):
                kinds.add(FileKind.LOCKED)
            if not archive.is_office(entries):
                inside.extend(self.within(name, octets, entries, level))  # what was found before it is too much, too
            elif archive.has_macros(entries):
                kinds.add(FileKind.MACRO)
        except Overfull:
            kinds.add(FileKind.OVERFULL)
        if kinds:
            yield MailedFile(shown(name), tuple(sorted(kinds)), within)
        yield from inside

    def entries(self, octets: bytes) -> list[archive.Entry]:
        """What is in it; nothing where it is no archive. Raises Overfull."""
        try:
            found = archive.entries(octets)
        except NotAnArchive:
            return []
        self.entries_left -= len(found)
        if self.entries_left < 0:
            raise Overfull
        return found

    def within(self, name: str, octets: bytes, entries: list[archive.Entry], level: int) -> Iterator[MailedFile]:
        """What the names in an archive tell, and archives and documents in it. Raises Overfull."""
        for one in entries:
            last = ending(one.name)
            if last not in ARCHIVES | OFFICE or one.is_locked:
                if found := by_name(one.name):
                    yield MailedFile(shown(one.name), tuple(sorted(found)), shown(name))
                continue
            if level >= MOST_LEVELS + (last in OFFICE):
                raise Overfull
            inner = archive.unpacked(octets, one, min(MOST_INNER, self.bytes_left))
            self.bytes_left -= len(inner)
            if self.bytes_left <= 0:
                raise Overfull
            yield from self.told(one.name, inner, shown(name), level + 1)


# ---- one file ------------------------------------------------------------------------------------------------------


def by_name(name: str) -> set[FileKind]:
    last = ending(name)
    kinds = {kind for endings, kind in BY_NAME if last in endings}
    runs = bool(kinds & {FileKind.PROGRAM, FileKind.SCRIPT})
    if TURNING.search(name) or (runs and (BLANKS.search(name) or ending(without_ending(name)) in DOCUMENTS)):
        kinds.add(FileKind.DISGUISED)
    return kinds


def by_content(octets: bytes) -> set[FileKind]:
    if octets.startswith((ELF, MACH, CLASS, LINK)) or is_windows_program(octets):
        return {FileKind.PROGRAM}
    if octets.startswith(OLE):
        found = {FileKind.MACRO} if OLE_MACROS in octets else set()
        return found | ({FileKind.LOCKED} if OLE_LOCKED in octets else set())
    return {FileKind.IMAGE} if octets.startswith(DISK, DISK_AT) else set()


def is_windows_program(octets: bytes) -> bool:
    """MZ, and the place where its header says that the program begins: text may begin with MZ as well."""
    if not octets.startswith(b"MZ") or len(octets) < 64:
        return False
    place = int.from_bytes(octets[60:64], "little")
    return octets.startswith((b"PE", b"NE", b"LE"), place) or b"This program" in octets[:512]


def plain(name: str) -> str:
    """The name as a system understands it: the last step of a path, without marks, in compatible letters."""
    marked = TURNING.sub("", name[-4 * MOST_NAME :])
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", marked))[-1]
    return "".join(filter(str.isprintable, last)).rstrip(". ").lower()


def ending(name: str) -> str:
    found = plain(name).rpartition(".")
    return found[2].strip() if found[1] else ""


def without_ending(name: str) -> str:
    return plain(name).rpartition(".")[0]


def shown(name: str) -> str:
    """The name for people: what is not printed, or turns the line, as a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:MOST_NAME])
