"""Codes that are sent by mail: how one is made, and how it is found in what somebody types."""

import re
import unicodedata

from django.utils.crypto import get_random_string

from booking.site.characters import is_invisible

# No vowels and no look-alikes: a code can be read out, and never spells a word.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 6
# A whole mail may be pasted; a code stands at its beginning.
_MOST_READ = 2_000
_HALF = f"[{_ALPHABET}]{{{_LENGTH // 2}}}"
# As we write it, before what only happens to have six such letters, whatever stands between them.
_SHAPES = (
    re.compile(rf"(?<!\w){_HALF}[\W_]?{_HALF}(?!\w)"),
    re.compile(rf"(?<!\w)[{_ALPHABET}](?:[\W_]*[{_ALPHABET}]){{{_LENGTH - 1}}}(?!\w)"),
)


def new_code() -> str:
    """Six capital letters of twenty: one of 64 million."""
    return get_random_string(_LENGTH, _ALPHABET)


def code_of_number(number: int) -> str:
    """The six letters that the lowest digits of a number are, to the base of twenty."""
    letters = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def read_code(typed: str) -> str:
    """The letters of the code in what was typed or pasted, or nothing.

    Whatever else was copied along, spaces, hyphens, the width of letters (Unicode's NFKC) and
    capitals do not matter.
    """
    seen = "".join(letter for letter in typed[:_MOST_READ] if not is_invisible(letter))
    plain = unicodedata.normalize("NFKC", seen).upper()
    found = next(filter(None, (shape.search(plain) for shape in _SHAPES)), None)
    return "".join(filter(str.isalpha, found.group())) if found else ""
