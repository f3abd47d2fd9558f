"""Characters that nobody sees, told by what Unicode says of them and not by a list of the usual."""

import re
import unicodedata

# Control, format, surrogate, private and unassigned characters; ends of lines and paragraphs.
_NOT_TEXT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What else is drawn as nothing: Default_Ignorable_Code_Point (DerivedCoreProperties.txt) beyond the
# categories above, which Python does not know, and the braille cell without a dot.
_DRAWN_AS_NOTHING = frozenset(
    [
        0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164,
        *range(0xFE00, 0xFE10), 0xFFA0, *range(0xE0100, 0xE01F0),
    ]
)  # fmt: skip
_JOINERS = frozenset("\u200c\u200d")
# Combining accents, and apostrophes, also those that Unicode counts as letters (U+02B9 to U+02BF).
_MARKS = re.compile("[\u0300-\u036f\u02b9-\u02bf'’‘‛′`´]")
_BETWEEN = re.compile(r"[\W_]+")
# Letters that no normal form takes apart.
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ł": "l", "ð": "d", "ħ": "h", "ı": "i"}
)


def is_invisible(letter: str) -> bool:
    """Whether nothing is drawn for this one character, apart from a space between words."""
    if " " <= letter <= "~":
        return False
    return unicodedata.category(letter) in _NOT_TEXT or ord(letter) in _DRAWN_AS_NOTHING


def is_space(letter: str) -> bool:
    """Whether this one character is a space between words (Zs), of whatever width."""
    return unicodedata.category(letter) == "Zs"


def trimmed(text: str) -> str:
    """The text without the spaces and invisible characters before and after it."""
    first, end = 0, len(text)
    while first < end and _is_nothing(text[first]):
        first += 1
    while first < end and _is_nothing(text[end - 1]):
        end -= 1
    return text[first:end]


def _is_nothing(letter: str) -> bool:
    return is_space(letter) or is_invisible(letter)


def hidden_in(text: str) -> list[int]:
    """Where invisible characters stand, but for joiners that are spelling.

    ZWNJ and ZWJ are, between letters or marks of scripts that join them, as in Persian (RFC 5892,
    appendix A): never beside a letter of ASCII.
    """
    return [
        place
        for place, letter in enumerate(text)
        if is_invisible(letter) and not (letter in _JOINERS and _joins(text, place))
    ]


def _joins(text: str, place: int) -> bool:
    sides = text[place - 1 : place] + text[place + 1 : place + 2]
    return len(sides) == 2 and all(
        not side.isascii() and unicodedata.category(side)[0] in "LM" for side in sides
    )


def without_hidden(text: str) -> str:
    """The text without the invisible characters that pasting brings along; lines stay lines."""
    hidden = {place for place in hidden_in(text) if text[place] not in "\t\r\n"}
    return "".join(letter for place, letter in enumerate(text) if place not in hidden)


def fold(text: str) -> str:
    """Words as they are compared: in small letters, without accents, apostrophes and signs."""
    plain = unicodedata.normalize("NFKD", text.replace("´", "'")).lower().translate(_LETTERS)
    return _BETWEEN.sub(" ", _MARKS.sub("", plain)).strip()
