"""What people are called and do: one reader of names, job titles and employers as they are typed.

They stand in mail to other people, in the partnership's name. So one is a few words in one line,
and never the address of a page.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError

from booking.site.characters import hidden_in, is_space, trimmed

# What mail programs make a link of by themselves: a scheme, www, and a dot between two words.
_PAGE = re.compile(r"://|\b(?:www\.|(?:https?|mailto|tel|sms|file|ftp):)|\w\.\w{2}", re.IGNORECASE)

_INVISIBLE = (
    "There is an invisible character or the end of a line inside it. Type it instead of pasting it."
)
_IS_A_PAGE = (
    "Leave out addresses of web pages. If it has a full stop, put a space after that, as in"
    " “St. John”."
)


def parse_name(typed: str) -> str:
    """The name as it is stored: one line, single spaces, composed characters (NFC).

    Spaces and invisible characters around it are dropped. Raises `ValidationError` for a control,
    format or line character inside it, and for the address of a page.
    """
    spaced = "".join(" " if is_space(letter) else letter for letter in trimmed(typed))
    name = unicodedata.normalize("NFC", " ".join(filter(None, spaced.split(" "))))
    if hidden_in(name):
        raise ValidationError(_INVISIBLE, code="invisible")
    # NFKC, and the full stop of Chinese, which ends a label of a domain too (RFC 3490, 3.1).
    if _PAGE.search(unicodedata.normalize("NFKC", name).replace("\u3002", ".")):
        raise ValidationError(_IS_A_PAGE, code="page")
    return name
