"""Where a weakness is reported, read as RFC 9116 has it read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings


def _fields(text: str) -> dict[str, list[str]]:
    """The fields of the file by name, in any case (section 2.4)."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        assert colon
        assert value.startswith(" ")
        fields.setdefault(name.lower(), []).append(value.strip())
    return fields


@pytest.mark.django_db
def test_a_finder_of_a_weakness_reads_where_to_report_it(settings: Settings) -> None:
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    response = Client().get("/.well-known/security.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = _fields(response.text)
    assert fields["contact"] == ["mailto:security@example.org"]
    assert fields["preferred-languages"] == ["en"]
    assert fields["canonical"] == [f"{settings.SITE_URL}/.well-known/security.txt"]
    (expires,) = fields["expires"]
    ahead = datetime.fromisoformat(expires) - datetime.now(UTC)
    assert timedelta(days=30) < ahead < timedelta(days=365)
    assert set(fields) == {"contact", "expires", "preferred-languages", "canonical"}


@pytest.mark.django_db
def test_it_names_the_mailbox_that_somebody_reads_unless_told_otherwise() -> None:
    (contact,) = _fields(Client().get("/.well-known/security.txt").text)["contact"]
    assert contact.startswith("mailto:")
    assert "@" in contact
    assert " " not in contact
