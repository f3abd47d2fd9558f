"""An agency with a lead and two colleagues, beside another agency."""

from dataclasses import dataclass

import pytest

from accounts.models import Agency, User
from tests.factories import make_agency, make_lead, make_person


@dataclass(frozen=True)
class Police:
    """The people of the tests."""

    agency: Agency
    lead: User
    zoe: User
    amy: User
    other: User
    other_lead: User


@pytest.fixture
def police() -> Police:
    """West Yorkshire Police, and a hospital that is none of its business."""
    agency = make_agency("West Yorkshire Police", domains=["police.example"])
    hospital = make_agency("Leeds Hospital", domains=["hospital.example"])

    def person(email: str, first: str, last: str) -> User:
        return make_person(email, first_name=first, last_name=last, agency=agency)

    return Police(
        agency=agency,
        lead=make_lead("priya@police.example", first_name="Priya", last_name="Shah", agency=agency),
        zoe=person("zoe@police.example", "Zoë", "Robinson"),
        amy=person("amy@police.example", "Amy", "Brown"),
        other=make_person("nurse@hospital.example", agency=hospital),
        other_lead=make_lead("lead@hospital.example", agency=hospital),
    )
