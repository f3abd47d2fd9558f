"""What tests read from pages."""

import re
from html import unescape
from typing import Any

from django.contrib.messages import get_messages
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.site.two_parts import Part, opened

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?')


def said(response: Any) -> str:
    """What the page after the redirect will say."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def sent_on(page: str) -> dict[str, list[str]]:
    """What a preview sends on with the press of a button: its hidden fields."""
    fields: dict[str, list[str]] = {}
    for name, value in _HIDDEN.findall(page):
        fields.setdefault(name, []).append(unescape(value))
    return fields


def statements(client: Client, address: str) -> int:
    """How many the page costs once it has been opened before."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def kept_parts() -> dict[Any, list[Any]]:
    """What is kept now: the text of each part, and where slots stand between."""
    found: dict[Any, list[Any]] = {}
    for key, value in caches["pages"]._cache.items():  # type: ignore[attr-defined]
        part = opened(value.octets) if hasattr(value, "octets") else value
        if isinstance(part, Part):
            found[key] = [
                each if isinstance(each, str) else (each.name, each.key, each.by)
                for each in part.pieces
            ]
    return found


def titles(client: Client, **query: Any) -> list[str]:
    """The titles of the rows, in order."""
    answer = client.get("/programme/", query)
    assert answer.status_code == 200
    return re.findall(
        r'app-session__title"><a class="govuk-link" href="[^"]*">([^<]*)<', answer.text
    )
