"""Files that coordinators upload: what they are by their bytes as well as by their names.

Nothing is unpacked: of an office document only the list of its parts is read.
"""

import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.core.files import File

from booking.site.refusals import Refused

MOST_BYTES = 20_000_000
NAME_LENGTH = 120
_MOST_PARTS = 20_000
_NOT_IN_NAMES = frozenset('/\\:*?"<>|;')
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"


type Upload = File[bytes]


class FileRefused(Refused):
    """This file is not taken; the sentence says what would be."""

    field = "file"

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


@dataclass(frozen=True)
class FileType:
    """A type of file that is taken: what it is called, served as, and known by."""

    words: str
    mime: str
    is_it: Callable[[Upload], bool]


@dataclass(frozen=True)
class KnownFile:
    """A file that has been looked at: how it is named, and what it is."""

    name: str
    mime: str
    size: int


def _begins(*marks: bytes) -> Callable[[Upload], bool]:
    def is_it(file: Upload) -> bool:
        file.seek(0)
        return bool(file.read(16).startswith(marks))

    return is_it


def _is_office(part: str) -> Callable[[Upload], bool]:
    """A document of Office Open XML with this part, and without macros (ECMA-376, part 2)."""

    def is_it(file: Upload) -> bool:
        names = _parts(file)
        has_macros = any(name.lower().endswith("vbaproject.bin") for name in names)
        return {"[Content_Types].xml", part} <= names and not has_macros

    return is_it


def _is_open_document(mime: str) -> Callable[[Upload], bool]:
    """An OpenDocument file says what it is in its first part, which is stored as it is."""

    def is_it(file: Upload) -> bool:
        file.seek(0)
        says_so = f"mimetype{mime}".encode() in file.read(200)
        names = _parts(file)
        return says_so and not any(name.startswith(("Basic/", "Scripts/")) for name in names)

    return is_it


def _parts(file: Upload) -> set[str]:
    """The names of the parts of a ZIP; none of what is no ZIP."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        return set()
    return set(names) if len(names) <= _MOST_PARTS else set()


_JPEG = FileType("Picture", "image/jpeg", _begins(b"\xff\xd8\xff"))
# By the ending of the name. Nothing among them that a browser would run.
TYPES = {
    "pdf": FileType("PDF", "application/pdf", _begins(b"%PDF-")),
    "docx": FileType(
        "Word document",
        f"{_OFFICE}.wordprocessingml.document",
        _is_office("word/document.xml"),
    ),
    "pptx": FileType(
        "PowerPoint slides",
        f"{_OFFICE}.presentationml.presentation",
        _is_office("ppt/presentation.xml"),
    ),
    "xlsx": FileType(
        "Excel workbook", f"{_OFFICE}.spreadsheetml.sheet", _is_office("xl/workbook.xml")
    ),
    "odt": FileType("Text document", f"{_OPEN}.text", _is_open_document(f"{_OPEN}.text")),
    "odp": FileType("Slides", f"{_OPEN}.presentation", _is_open_document(f"{_OPEN}.presentation")),
    "ods": FileType(
        "Spreadsheet", f"{_OPEN}.spreadsheet", _is_open_document(f"{_OPEN}.spreadsheet")
    ),
    "png": FileType("Picture", "image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    "jpg": _JPEG,
    "jpeg": _JPEG,
}
TAKEN = "PDF, Word, PowerPoint, Excel, OpenDocument, PNG or JPEG"


def known_file(file: Upload, name: str) -> KnownFile:
    """What an uploaded file is. Raises `FileRefused`.

    The type that a browser sends is not looked at.
    """
    if file.size > MOST_BYTES:
        raise FileRefused(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB. Choose a smaller one, or put it"
            " elsewhere and add a link."
        )
    if not file.size:
        raise FileRefused("The file is empty. Choose another.")
    ending = PurePosixPath(name).suffix.lstrip(".").lower()
    found = TYPES.get(ending)
    if found is None:
        raise FileRefused(f"Files of this type are not taken. Choose a {TAKEN} file.")
    is_it = found.is_it(file)
    file.seek(0)
    if not is_it:
        raise FileRefused(
            f"The file is called .{ending}, but it is not a {found.words} inside, or it holds"
            " macros. Save it anew, then choose it again."
        )
    return KnownFile(_safe_name(name, ending), found.mime, file.size)


def _safe_name(name: str, ending: str) -> str:
    """The name without folders, and without letters that are not seen or mean something."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    kept = "".join(
        letter if letter.isprintable() and letter not in _NOT_IN_NAMES else " "
        for letter in unicodedata.normalize("NFC", stem)
    )
    words = " ".join(kept.split()).strip(". ")[: NAME_LENGTH - len(ending) - 1].rstrip(". ")
    return f"{words or 'file'}.{ending}"
