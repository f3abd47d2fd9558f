"""Another line manager in one's details while somebody is still asked."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from booking.places.managers.models import Approval
from tests.factories import make_person, morning
from tests.people import signed_in
from tests.places.managers.requests import MANAGER, answer, approval_of, mails, requested

pytestmark = pytest.mark.django_db

NEW = "new-manager@trust.example"
STILL = "Another line manager is still asked"


def name_manager(person: User, address: str) -> tuple[Client, str]:
    """Change the manager in the details; the page that follows."""
    client = signed_in(person)
    about = {name: getattr(person, name) for name in ("first_name", "last_name", "job_title")}
    about |= {"agency_name": person.agency_name, "manager_email": address}
    return client, client.post(reverse("account_profile"), about, follow=True).text


def test_the_person_is_told_what_waits_and_asks_anew_with_one_press(practitioner: User) -> None:
    first = requested(practitioner)
    second = requested(practitioner, starts_at=morning(50))
    settled = requested(practitioner, starts_at=morning(60))
    answer(settled, answer="agree")
    client, page = name_manager(practitioner, NEW)
    assert "Your details are up to date" in page
    assert STILL in page
    assert page.count(f"waits for {MANAGER}") == 2
    old = approval_of(first).key
    asked = client.post(reverse("ask_new_manager"), follow=True)
    assert f"{NEW} is asked instead about 2 bookings." in asked.text
    assert "A coordinator confirms" not in asked.text
    assert STILL not in asked.text
    for booking in (first, second):
        assert approval_of(booking).manager_email == NEW
    assert approval_of(first).key != old
    assert approval_of(settled).manager_email == MANAGER
    again = client.post(reverse("ask_new_manager"), follow=True)
    assert "Nothing had to be asked" in again.text
    assert mails("approval.asked").count(NEW) == 2


def test_an_address_elsewhere_is_confirmed_first(practitioner: User) -> None:
    requested(practitioner)
    client, _ = name_manager(practitioner, "somebody@elsewhere.example")
    asked = client.post(reverse("ask_new_manager"), follow=True)
    assert "A coordinator confirms the address first." in asked.text
    assert mails("approval.asked") == [MANAGER]


def test_my_bookings_says_it_too(practitioner: User) -> None:
    requested(practitioner)
    client, _ = name_manager(practitioner, NEW)
    assert STILL in client.get(reverse("my_bookings")).text


@pytest.mark.parametrize("address", ["", MANAGER])
def test_nothing_is_said_without_another_manager(practitioner: User, address: str) -> None:
    requested(practitioner)
    assert STILL not in name_manager(practitioner, address)[1]


def test_nothing_is_said_of_what_has_run_out_or_is_somebody_elses(practitioner: User) -> None:
    booking = requested(practitioner)
    assert STILL not in name_manager(make_person(), NEW)[1]
    over = approval_of(booking).asked_at - timedelta(minutes=1)
    Approval.objects.filter(booking=booking).update(expires_at=over)
    assert STILL not in name_manager(practitioner, NEW)[1]
