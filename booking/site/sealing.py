"""Texts that the database holds only sealed: a copy of it opens nothing.

The keys are `MEETING_KEYS` of the environment. The first seals, all of them open, so a key is
replaced by putting the new one first and sealing anew: `manage.py reseal`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

log = structlog.get_logger(__name__)

# What the first bytes of every Fernet token, its version and a time of this century, look like.
_SEALED = "gAAAA"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Sealed:
    """A text as it is stored. No page, log or error shows what it says: only `opened` does."""

    token: str = ""

    @classmethod
    def of(cls, text: str) -> "Sealed":
        """This text, sealed with the first key; nothing stays nothing."""
        return cls(_keys().encrypt(text.encode()).decode() if text else "")

    def opened(self) -> str:
        """What it says; nothing, and a line in the log, if no key opens it."""
        try:
            return _keys().decrypt(self.token).decode() if self.token else ""
        except InvalidToken:
            log.error("meeting_unreadable")
            return ""

    def anew(self) -> "Sealed":
        """The same under the first key. Raises `InvalidToken` if no key opens it."""
        return Sealed(_keys().rotate(self.token.encode()).decode() if self.token else "")

    def __bool__(self) -> bool:
        return bool(self.token)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sealed):
            return False
        # What no key opens is not the same as nothing.
        text = self.opened()
        return self.token == other.token or (bool(text) and text == other.opened())

    def __hash__(self) -> int:
        return hash(self.opened())

    def __repr__(self) -> str:
        return "Sealed()"


if TYPE_CHECKING:
    _Column = models.TextField[Sealed, Sealed]
else:
    _Column = models.TextField


class SealedField(_Column):
    """A column of a `Sealed` text. It cannot be searched: the same text is never stored alike."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"default": Sealed, "editable": False, **options})

    def from_db_value(self, value: str | None, *_: object) -> Sealed:
        """As it is read; nothing where an outer join finds no row."""
        return Sealed(value or "")

    def to_python(self, value: Any) -> Sealed:
        """What `value_to_string` wrote, as `loaddata` reads it: never a text in the clear."""
        return value if isinstance(value, Sealed) else Sealed(value or "")

    def value_to_string(self, obj: models.Model) -> str:
        """As `dumpdata` writes it: sealed."""
        return self.get_prep_value(self.value_from_object(obj))

    def get_prep_value(self, value: Any) -> str:
        """As it is written. Raises `TypeError` for a text that nobody has sealed."""
        if not isinstance(value, Sealed):
            raise TypeError(f"{self.name} takes a sealed text only.")
        return value.token


def is_sealed(text: str) -> bool:
    """Whether a column that once held plain text holds a sealed one (Fernet's version byte)."""
    return text.startswith(_SEALED)


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.MEETING_KEYS])
