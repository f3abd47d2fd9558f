"""What every test relies on."""

import pytest
from django.conf import settings
from django.core.cache import caches


@pytest.fixture(scope="session", autouse=True)
def our_own_mailers(django_test_environment: None) -> None:
    """Send mail as in production: Django's test environment would swap it for a list in memory."""
    from booking import settings as as_written

    settings.MAILERS = as_written.MAILERS


@pytest.fixture(autouse=True)
def no_kept_pages() -> None:
    """Start each test with no page kept from the one before."""
    caches["pages"].clear()
