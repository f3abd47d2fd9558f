"""Words that anybody would try first in a password here."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from booking.partnership.kept import the_partnership

# The words of the partnership's name count too; those of the person, Django looks for.
WORDS_OF_OURS = frozenset(
    {
        "agency", "booking", "briefed", "briefing", "charity", "children", "coordinator", "council",
        "health", "lead", "local", "manager", "partnership", "password", "police", "practitioner",
        "safeguard", "safeguarding", "school", "session", "social", "trainer", "training",
        "welcome",
    }
)  # fmt: skip
_LEAST_LEFT = 6


class NotMadeOfOurWords:
    """Refuse a password that has few letters besides such words."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raises `ValidationError`."""
        words = WORDS_OF_OURS | {
            word for word in the_partnership().name.lower().split() if len(word) > 2
        }
        left = password.lower()
        for word in sorted(words, key=len, reverse=True):
            left = left.replace(word, "")
        if left != password.lower() and sum(each.isalpha() for each in left) < _LEAST_LEFT:
            raise ValidationError(self.get_help_text(), code="password_of_our_words")

    def get_help_text(self) -> str:
        """What the form says beside the field."""
        return "Do not make the password of words such as safeguarding, training or council."
