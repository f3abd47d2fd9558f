"""What every test relies on."""

import math

import pytest
from django.conf import settings
from django.core.cache import caches


@pytest.fixture(scope="session", autouse=True)
def our_own_mailers(django_test_environment: None) -> None:
    """Send mail as in production: Django's test environment would swap it for a list in memory."""
    from booking.site import settings as as_written

    settings.MAILERS = as_written.MAILERS


@pytest.fixture(autouse=True)
def nothing_kept(django_test_environment: None) -> None:
    """Start each test with no page kept from the one before, and a partnership as it is at first.

    That one is kept until a test changes it, so that no second passing adds a statement.
    """
    from booking.partnership import kept
    from booking.partnership.models import Partnership

    caches["pages"].clear()
    kept.keep(Partnership(), seconds=math.inf)
