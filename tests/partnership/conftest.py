"""Who is signed in, and how a partnership comes to be another one."""

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from tests.factories import make_coordinator


@pytest.fixture(autouse=True)
def without_two_step(settings: Settings) -> None:
    """These tests are about settings."""
    settings.TWO_STEP_REQUIRED = False
    cache.clear()


@pytest.fixture
def coordinator() -> Client:
    """A browser in which a coordinator is signed in."""
    client = Client()
    client.force_login(make_coordinator())
    return client
