"""An account that ends, or begins, while somebody else does the same or books with it."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts import actions
from accounts.models import User
from booking.places.models import Booking
from booking.privacy import accounts_of_people as accounts
from tests.factories import make_coordinator, make_person, make_session
from tests.people import at_once, book_now


def opened(email: str) -> User:
    """A coordinator makes an account for somebody who has no name yet."""
    return accounts.open_account(
        email=email,
        first_name="",
        last_name="",
        agency=None,
        is_trainer=False,
        by=make_coordinator(),
        now=timezone.now(),
    )


@pytest.mark.django_db(transaction=True)
def test_no_booking_stays_behind_on_an_account_that_ends_meanwhile() -> None:
    by, start = make_coordinator(), timezone.now() + timedelta(days=20)
    for _ in range(5):
        person, session = make_person(), make_session(starts_at=start)
        end = partial(accounts.end_account, person=person, why="Left", by=by, now=timezone.now())
        said = at_once(end, partial(book_now, session, User.objects.get(pk=person.pk)))
        assert said[0] == "done"
        assert said[1] in ("done", "AccountEnded")
        assert not Booking.objects.for_person(person).live().exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_one_account_at_once_one_is_told_that_it_is_there() -> None:
    for number in range(5):
        open_it = partial(opened, f"new{number}@trust.example")
        said = at_once(open_it, open_it)
        assert sorted(said) == ["AccountTaken", "done"]


@pytest.mark.django_db
def test_an_account_that_somebody_made_or_noted_something_about_is_not_forgotten() -> None:
    person, now = opened("new@trust.example"), timezone.now()
    assert actions.forget_unfinished_accounts(now=now + timedelta(days=30)) == 0
    other = make_person()
    with pytest.raises(actions.AddressTaken):
        actions.correct_email(
            person=other, email=person.email, by=make_coordinator(), now=now + timedelta(days=30)
        )
