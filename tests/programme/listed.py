"""What the tests of the programme read from its page."""

import re
from typing import Any

from django.test import Client


def titles(client: Client, **query: Any) -> list[str]:
    """The titles of the rows, in order."""
    answer = client.get("/programme/", query)
    assert answer.status_code == 200
    return re.findall(
        r'app-session__title"><a class="govuk-link" href="[^"]*">([^<]*)<', answer.text
    )
