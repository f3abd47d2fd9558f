"""Columns and questions of addresses and names: whatever gets there was read by the one reader.

A column reads again when a row is saved, also in bulk and by an update, and raises
`ValidationError`; so nothing of the kind is stored unread.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.addresses import LONGEST, parse_address, parse_domain
from accounts.names import parse_name
from booking.site.characters import trimmed

# ---------------------------------------------------------------- questions of forms


class _Read(forms.CharField):
    """Reads what was typed; what is refused stays in its box as it was typed."""

    @staticmethod
    def read(typed: str) -> str:
        """What was typed as it is stored. Raises `ValidationError`."""
        raise NotImplementedError

    def to_python(self, value: Any) -> str:
        """What was typed, as it is stored."""
        typed = "" if value in self.empty_values else trimmed(str(value))
        return self.read(typed) if typed else ""


class AddressQuestion(_Read, forms.EmailField):
    """Somebody's address."""

    read = staticmethod(parse_address)
    default_validators = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST, **options})


class NameQuestion(_Read):
    """A name, a job title or an employer."""

    read = staticmethod(parse_name)


class DomainQuestion(_Read):
    """What stands after the @ of an agency's addresses, with or without the @."""

    @staticmethod
    def read(typed: str) -> str:
        """As it is stored."""
        try:
            return parse_domain(typed.removeprefix("@"))
        except ValidationError as refused:
            raise ValidationError("Enter a domain such as agency.org.uk.") from refused


def email_field(label: str, **options: Any) -> AddressQuestion:
    """The address of somebody else: browsers do not offer the person's own."""
    attrs = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
    return AddressQuestion(label=label, widget=forms.EmailInput(attrs=attrs), **options)


# ---------------------------------------------------------------- columns


class _ReadColumn(models.CharField):  # type: ignore[type-arg]
    question: ClassVar[type[_Read]]

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        """As for a form of the back office, and for the command that makes a superuser."""
        return super().clean(self._read(value), model_instance)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """The row in hand has what is stored."""
        value = self._read(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """As for a row, for what `update` writes; expressions are the database's."""
        return super().get_db_prep_save(self._read(value), connection)

    def formfield(self, **options: Any) -> Any:
        """The question of the same kind."""
        return super().formfield(**{"form_class": self.question, **options})

    def _read(self, value: Any) -> Any:
        return self.question.read(value) if isinstance(value, str) and value else value


class AddressField(_ReadColumn, models.EmailField):  # type: ignore[type-arg]
    """An email address, or nothing."""

    question = AddressQuestion
    default_validators = []


class NameField(_ReadColumn):
    """A name, a job title or an employer, or nothing."""

    question = NameQuestion


class DomainField(_ReadColumn):
    """The domain of an agency's addresses."""

    question = DomainQuestion


def refusal_of(read: Callable[[str], str], typed: str) -> str:
    """The sentence with which a reader refuses this; empty if it takes it."""
    try:
        read(typed)
    except ValidationError as refused:
        return str(refused.messages[0])
    return ""
