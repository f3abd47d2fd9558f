"""What every test of the outbox may ask for."""

import pytest

from tests.outbox.posting import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock at `NOW` that the test moves."""
    return Clock()
