"""What tests of signing in share."""

import re

import pytest
from django.conf import settings as as_started
from pytest_django import Settings


@pytest.fixture
def real_limits(settings: Settings) -> None:
    """The limits of signing in as in production: other tests have a thousand times as much."""
    settings.ACCOUNT_RATE_LIMITS = {
        action: rates and re.sub(r"(\d+)/", lambda found: f"{int(found[1]) // 1000}/", rates)
        for action, rates in as_started.ACCOUNT_RATE_LIMITS.items()
    }
