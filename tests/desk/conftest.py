"""Who is signed in, in every test of coordinators' pages."""

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from tests.desk.coordinators import signed_in
from tests.factories import make_coordinator


@pytest.fixture(autouse=True)
def without_two_step(settings: Settings) -> None:
    """These tests are about roles and actions; one test turns two steps on again."""
    settings.TWO_STEP_REQUIRED = False
    cache.clear()


@pytest.fixture
def coordinator() -> Client:
    """A browser in which a coordinator is signed in."""
    return signed_in(make_coordinator())
