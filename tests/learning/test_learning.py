"""Training done elsewhere: declared, counted, verified, rejected, declared anew."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from booking.catalogue.models import Course, Session
from booking.learning import actions
from booking.learning.models import PriorLearning
from booking.places.models import Booking
from booking.places.refusals import PrerequisiteMissing
from tests.factories import make_coordinator, make_course, make_person, make_session, morning
from tests.pages import sent_on
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

DECLARE = "/accounts/learning/declare/"


def advanced() -> tuple[Course, Session]:
    """A course, and a session of another that builds on it."""
    first, course = make_course("INTRO", title="Introduction"), make_course(title="Advanced")
    course.prerequisites.add(first)
    return first, make_session(course=course, starts_at=morning(20))


def told(**changed: str) -> dict[str, str]:
    typed = {"course": "INTRO", "completed_on": "2026-02-09", "provider": "NHS Leeds"}
    return {**typed, **changed}


def test_from_the_refusal_one_declares_and_goes_on_to_book() -> None:
    _, session = advanced()
    client = signed_in(make_person())
    book_page = f"/sessions/{session.pk}/book/"
    link = f"{DECLARE}?course=INTRO&amp;next={book_page}"
    assert link in client.get(book_page).text
    page = client.get(link.replace("&amp;", "&")).text
    assert '<option value="INTRO" selected>Introduction</option>' in page
    answer = client.post(DECLARE, told(next=book_page))
    assert answer.headers["Location"] == book_page
    assert "Book this place" in client.get(book_page).text
    assert client.post(book_page).status_code == 302
    assert Booking.objects.get().state == Booking.State.CONFIRMED


def test_a_declaration_counts_until_rejected_and_can_be_declared_anew() -> None:
    _, session = advanced()
    person, client = make_person(), signed_in(make_person())
    client.force_login(person)
    client.post(DECLARE, told())
    declaration = PriorLearning.objects.get()
    coordinator = signed_in(make_coordinator())
    address = f"/manage/learning/{declaration.pk}/"
    assert "Introduction" in coordinator.get("/manage/learning/").text
    answer = coordinator.post(address, {"reject": "1", "note": ""})
    assert answer.status_code == 422
    assert "Say why you reject it" in answer.text
    coordinator.post(address, {"reject": "1", "note": "No certificate."})
    with pytest.raises(PrerequisiteMissing):
        book_now(session, person)
    page = client.get("/accounts/learning/").text
    assert "It does not count. Reason given: No certificate." in page
    client.post(DECLARE, told())
    assert book_now(session, person).state == Booking.State.CONFIRMED


def test_verified_learning_counts_and_says_so() -> None:
    _, session = advanced()
    person = make_person()
    signed_in(person).post(DECLARE, told())
    coordinator, declaration = make_coordinator(), PriorLearning.objects.get()
    signed_in(coordinator).post(f"/manage/learning/{declaration.pk}/", {"verify": "1"})
    declaration.refresh_from_db()
    assert (declaration.state, declaration.checked_by) == ("verified", coordinator)
    assert "Verified" in signed_in(person).get("/accounts/learning/").text
    assert book_now(session, person).state == Booking.State.CONFIRMED


def test_what_was_checked_meanwhile_is_not_reversed_by_an_old_page() -> None:
    advanced()
    signed_in(make_person()).post(DECLARE, told())
    address = f"/manage/learning/{PriorLearning.objects.get().pk}/"
    client = signed_in(make_coordinator())
    before = sent_on(client.get(address).text)
    client.post(address, {**before, "verify": "1", "note": "Certificate seen."})
    late = client.post(address, {**before, "reject": "1", "note": "No certificate."})
    assert late.status_code == 409
    assert "Somebody has settled this meanwhile" in late.text
    assert "Certificate seen." in late.text
    assert late.context["form"]["note"].value() == "No certificate."
    assert PriorLearning.objects.get().state == "verified"
    client.post(address, {**sent_on(late.text), "reject": "1", "note": "No certificate."})
    assert PriorLearning.objects.get().state == "rejected"
    gone = client.post(address, {**before, "verify": "1", "note": "It was there."})
    assert gone.status_code == 409
    assert "It was there." in gone.text


def test_a_course_completed_here_counts_by_itself() -> None:
    first, session = advanced()
    person = make_person()
    over = timezone.now() - timedelta(days=30)
    done = make_session(course=first, starts_at=over)
    Booking.objects.create(
        session=done, person=person, booked_by=person, state="confirmed", confirmed_at=over
    )
    assert book_now(session, person).state == Booking.State.CONFIRMED


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"completed_on": "tomorrow"}, "Enter a real date"),
        ({"completed_on": str(date.today() + timedelta(days=2))}, "must not lie in the future"),  # noqa: DTZ011
        ({"completed_on": "0001-01-01"}, "within the last 60 years"),
        ({"provider": ""}, "Say who gave the training."),
        ({"provider": "x" * 201}, "use 200 characters or fewer."),
        ({"course": "NONE"}, "Which course? Choose from the list."),
        ({"course": "\x00"}, "Null characters are not allowed"),
    ],
)
def test_odd_declarations_are_refused_with_a_sentence(typed: dict[str, str], words: str) -> None:
    advanced()
    answer = signed_in(make_person()).post(DECLARE, told(**typed))
    assert answer.status_code == 422
    assert words in answer.text
    assert not PriorLearning.objects.exists()


def test_declaring_the_same_twice_is_refused() -> None:
    advanced()
    client = signed_in(make_person())
    assert client.post(DECLARE, told()).status_code == 302
    answer = client.post(DECLARE, told())
    assert answer.status_code == 422
    assert "You have told us about this course already" in answer.text


def test_only_coordinators_check_and_one_sees_ones_own_alone() -> None:
    advanced()
    signed_in(make_person()).post(DECLARE, told())
    other = signed_in(make_person())
    assert "NHS Leeds" not in other.get("/accounts/learning/").text
    address = f"/manage/learning/{PriorLearning.objects.get().pk}/"
    assert other.get("/manage/learning/").status_code == 404
    assert other.post(address, {"verify": "1"}).status_code == 404
    assert PriorLearning.objects.get().state == "declared"


@pytest.mark.parametrize("typed", ["https://elsewhere.example/", "//elsewhere.example", "null"])
def test_next_leads_only_to_ourselves(typed: str) -> None:
    advanced()
    answer = signed_in(make_person()).post(DECLARE, told(next=typed))
    assert answer.headers["Location"] == "/accounts/learning/"


def take_back(client: Client, declaration: PriorLearning) -> Any:
    return client.post(f"/accounts/learning/{declaration.pk}/take-back/", follow=True)


def test_what_nobody_has_checked_can_be_taken_back_and_told_anew() -> None:
    _, session = advanced()
    person = make_person()
    client = signed_in(person)
    client.post(DECLARE, told())
    declaration = PriorLearning.objects.get()
    assert ">Take back<" in client.get("/accounts/learning/").text
    assert "It does not count any more." in take_back(client, declaration).text
    assert not PriorLearning.objects.exists()
    with pytest.raises(PrerequisiteMissing):
        book_now(session, person)
    client.post(DECLARE, told(provider="Leeds College"))
    assert "Leeds College" in client.get("/accounts/learning/").text


def test_what_was_checked_or_is_another_persons_is_not_taken_back() -> None:
    advanced()
    client = signed_in(make_person())
    client.post(DECLARE, told())
    declaration = PriorLearning.objects.get()
    assert take_back(signed_in(make_person()), declaration).status_code == 404
    signed_in(make_coordinator()).post(f"/manage/learning/{declaration.pk}/", {"verify": "1"})
    assert "so you cannot take it back" in take_back(client, declaration).text
    assert ">Take back<" not in client.get("/accounts/learning/").text
    assert PriorLearning.objects.get().state == "verified"


def test_who_checks_what_was_taken_back_meanwhile_is_told() -> None:
    advanced()
    signed_in(make_person()).post(DECLARE, told())
    declaration = PriorLearning.objects.get()
    actions.retract(declaration=declaration)
    with pytest.raises(actions.TakenBack):
        actions.verify(declaration=declaration, seen="", by=make_coordinator(), now=timezone.now())
