"""Who asks for the manager's agreement."""

import pytest

from accounts.models import User
from tests.factories import make_agency, make_person


@pytest.fixture
def practitioner() -> User:
    agency = make_agency("Leeds Health Trust", domains=["trust.example"])
    return make_person(
        "priya@trust.example", agency=agency, first_name="Priya", job_title="Health visitor"
    )
