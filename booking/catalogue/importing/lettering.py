"""The letters of a file: which encoding its bytes are in, told from the bytes alone.

Files say which they are by their first bytes, or are UTF-8. What is neither can be Windows-1252,
Mac Roman or a code page of DOS, in which one byte is another letter; it is read as the first of
these only where every such byte makes sense there, and each cell is shown to a person.
"""

import codecs
import re
from dataclasses import dataclass

SAVE_AS = "save it as CSV UTF-8 (Excel: File, Save as, CSV UTF-8)"
# What the files begin with that people upload instead.
_OTHER_FILES = {
    b"PK\x03\x04": "is a workbook or a zip file",
    b"\xd0\xcf\x11\xe0": "is a workbook",
    b"%PDF": "is a PDF",
    b"{\\rtf": "is a text document",
}
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LONGEST_WORD = 60
_OPENING, _CLOSING = "‘“", "’”"
# Letters by name alone: the sign of a florin, of a thousandth, and ordinals.
_NO_LETTERS = "ƒµªº"


class Unreadable(Exception):
    """The letters of a file are not certain; `line` is where, or 0."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(frozen=True)
class Lettering:
    """A file as text. If it `is_guessed`, a person looks at what is not ASCII."""

    text: str
    is_guessed: bool = False


def other_file(content: bytes) -> str:
    """What a file "is" that is no text, such as "is a workbook"; nothing if it may be one."""
    found = (what for beginning, what in _OTHER_FILES.items() if content.startswith(beginning))
    return next(found, "")


def read_letters(content: bytes) -> Lettering:
    """The file as text. Raises `Unreadable`, with how to save it."""
    if what := other_file(content):
        raise Unreadable(f"{what}, not a CSV file; {SAVE_AS}")
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable(f"is UTF-32; {SAVE_AS}")
    wide = _wide(content)
    if wide:
        try:
            return _whole(content.decode(wide))
        except UnicodeDecodeError as error:
            raise Unreadable(f"is broken at byte {error.start + 1}; {SAVE_AS}") from None
    try:
        return _whole(content.decode())
    except UnicodeDecodeError as error:
        _refuse_empty(content.decode("latin-1"))
        at, line = error.start + 1, content.count(b"\n", 0, error.start) + 1
    if content.startswith(codecs.BOM_UTF8):
        raise Unreadable(f"is not UTF-8 at byte {at} of the file; {SAVE_AS}", line)
    return Lettering(_windows(content), is_guessed=True)


def _wide(content: bytes) -> str:
    """The name of the UTF-16 that the bytes are; a header in ASCII tells it without a mark."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = (*content[:2], 0, 0)[:2]
    if bool(first) != bool(second) and len(content) > 1:
        return "utf-16-le" if first else "utf-16-be"
    return ""


def _refuse_empty(text: str) -> None:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(
            f"is not a text file, or is damaged: it holds empty characters; {SAVE_AS}", line
        )


def _whole(text: str) -> Lettering:
    _refuse_empty(text)
    if "\ufffd" in text:
        line = text.count("\n", 0, text.index("\ufffd")) + 1
        raise Unreadable(f"has a � where a letter was lost; mend it, then {SAVE_AS}", line)
    return Lettering(text.lstrip("\ufeff"))


def _windows(content: bytes) -> str:
    """The text of Windows-1252 in which every high byte makes sense. Raises `Unreadable`."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"is not UTF-8 at byte {error.start + 1} of the file; {SAVE_AS}", line
        ) from None
    found = [each.start() for each in _NOT_ASCII.finditer(text)]
    doubtful = next((at for at in found if not _makes_sense(text, at)), None)
    letters = [text[at] for at in found if text[at].isalpha()]
    # Mac Roman writes ö, ú and û where Windows has š, œ and ž.
    if doubtful is None and letters and all(ord(letter) > 0xFF for letter in letters):
        doubtful = next(at for at in found if text[at].isalpha())
    if doubtful is not None:
        line = text.count("\n", 0, doubtful) + 1
        word = text[_start_of_word(text, doubtful) : _end_of_word(text, doubtful)]
        raise Unreadable(
            f'is not UTF-8, and it is not certain which letters "{word[:60]}" has; {SAVE_AS}', line
        )
    return text


def _makes_sense(text: str, at: int) -> bool:
    sign, before, after = text[at], text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if sign in _OPENING:
        # Some open a year or a word that is cut short with ‘ too.
        return not before.isalnum() and after.isalnum()
    if sign in _CLOSING:
        return not (sign == "”" and after.isalnum()) and (
            before.isalnum() or before in ".,!?)’…" or after.isalnum()
        )
    if sign in "–—":
        return not (before.islower() and after.islower())
    if sign == "…":
        return not after.isalpha()
    if sign == "•":
        return not before.isalnum() and not after.isalnum()
    if sign == "£":
        return after.isdigit()
    if sign == "\xa0":
        return not (before.isalpha() and after.isalpha())
    return sign.isalpha() and sign not in _NO_LETTERS and _is_in_its_word(text, at)


def _is_in_its_word(text: str, at: int) -> bool:
    """Whether a letter beyond ASCII stands in a word where one of its size can."""
    start, end = _start_of_word(text, at), _end_of_word(text, at)
    word = text[start:end]
    if not 2 <= len(word) <= _LONGEST_WORD or sum(
        not letter.isascii() for letter in word
    ) * 2 > len(word):
        return False
    if not text[at].isupper() or word.isupper():
        return True
    return at == start and word[1].islower()


def _start_of_word(text: str, at: int) -> int:
    first = max(at - _LONGEST_WORD, 0)
    while at > first and text[at - 1].isalpha():
        at -= 1
    return at


def _end_of_word(text: str, at: int) -> int:
    last = min(at + _LONGEST_WORD, len(text))
    while at < last and (text[at].isalpha() or not text[at].isascii()):
        at += 1
    return at
