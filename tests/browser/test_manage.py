"""Coordinators' pages about sessions, in a real browser, on a phone and on a desk."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.browser.journeys import Accessible, Mail, let_in
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    morning,
)
from tests.people import book

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[375, 1280])
def width(request: pytest.FixtureRequest) -> int:
    """A phone and a desk."""
    return int(request.param)


@pytest.fixture
def session() -> Session:
    """Full, with people who wait, too few of them certain, and another date of its course."""
    now = timezone.now()
    course = make_course(title="Neglect: recognising it early")
    session = make_session(
        course=course,
        capacity=2,
        agency_limit=1,
        minimum=2,
        decide_on=timezone.localdate(),
        trainers=[make_trainer(first_name="Sam", last_name="Green")],
        starts_at=morning(20),
    )
    make_session(course=course, starts_at=morning(40))
    police = make_agency("West Yorkshire Police")
    for agency in (police, police, make_agency(), make_agency()):
        person = make_person(agency=agency)
        book(session, person, now=now)
    offered = session.bookings.order_by("-pk")[1]
    Booking.objects.filter(pk=offered.pk).update(
        state="offered", offered_until=now + timedelta(days=2)
    )
    return session


@pytest.fixture
def at_work(page: Page, width: int) -> Page:
    """A browser of this width in which a coordinator is signed in."""
    page.set_viewport_size({"width": width, "height": 900})
    coordinator = make_coordinator("coordinator@agency.example")
    let_in(page.context, coordinator)
    page.goto("/manage/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Today")
    return page


def test_every_page_about_a_session_is_accessible(
    at_work: Page, session: Session, accessible: Accessible
) -> None:
    waits = Booking.objects.waiting().for_session(session).last()
    assert waits is not None
    offered = Booking.objects.filter(session=session, state="offered").get()
    draft = make_session(state=Session.State.DRAFT, starts_at=session.starts_at)
    policy = make_policy("Leeds")
    addresses = [
        reverse("manage"),
        reverse("manage_sessions"),
        reverse("manage_settings"),
        f"{reverse('manage_people')}?q=agency",
        reverse("manage_person_new"),
        reverse("manage_person", args=[waits.person_id]),
        reverse("manage_person_correct", args=[waits.person_id]),
        reverse("manage_person_roles", args=[waits.person_id]),
        f"{reverse('manage_person_merge', args=[waits.person_id])}?q=agency",
        f"{reverse('manage_person_merge', args=[waits.person_id])}?other={offered.person_id}",
        reverse("manage_person_end", args=[waits.person_id]),
        f"{reverse('manage_sessions')}?show=at-risk",
        f"{reverse('manage_session_new')}?course={session.course_id}",
        reverse("manage_session", args=[session.pk]),
        reverse("manage_session", args=[draft.pk]),
        reverse("manage_session_edit", args=[session.pk]),
        reverse("manage_session_people", args=[session.pk]),
        reverse("manage_session_waiting", args=[session.pk]),
        reverse("manage_booking_move_up", args=[waits.pk]),
        reverse("manage_session_change", args=[session.pk]),
        reverse("manage_session_capacity", args=[session.pk]),
        reverse("manage_session_limits", args=[session.pk]),
        reverse("manage_session_cancel", args=[session.pk]),
        reverse("manage_session_discard", args=[draft.pk]),
        reverse("manage_policies"),
        reverse("manage_policy_new"),
        reverse("manage_policy", args=[policy.pk]),
    ]
    for address in addresses:
        at_work.goto(address)
        accessible(at_work)


def test_places_are_reserved_row_by_row(
    at_work: Page, session: Session, accessible: Accessible
) -> None:
    Session.objects.filter(pk=session.pk).update(capacity=10)
    at_work.goto(reverse("manage_session", args=[session.pk]))
    at_work.get_by_role("link", name="Change", exact=True).click()
    at_work.get_by_role("link", name="Who gets the places").click()
    first = at_work.get_by_role("group", name="Row 1")
    first.get_by_label("For", exact=True).select_option("Health")
    first.get_by_label("Places").fill("3")
    at_work.get_by_role("button", name="Add a row").click()
    second = at_work.get_by_role("group", name="Row 2")
    second.get_by_label("For", exact=True).select_option("Education")
    second.get_by_label("Places").fill("90")
    at_work.get_by_role("button", name="Save", exact=True).last.click()
    expect(at_work.get_by_role("alert")).to_contain_text("93 reserved")
    accessible(at_work)
    at_work.get_by_role("button", name="Remove row 2").click()
    # Return saves, it does not remove a row.
    at_work.get_by_role("group", name="Row 1").get_by_label("Places").press("Enter")
    expect(at_work.get_by_text("Saved.")).to_be_visible()
    expect(at_work.get_by_role("group", name="Row 1").get_by_label("Places")).to_have_value("3")
    expect(at_work.get_by_text("Released at 5pm")).to_be_visible()
    accessible(at_work)


def test_a_session_at_risk_is_cancelled_and_the_next_date_is_offered(
    at_work: Page, session: Session, accessible: Accessible, mail: Mail
) -> None:
    first = session.bookings.order_by("pk")[0].person
    at_work.goto("/manage/")
    at_work.get_by_role("link", name="Sessions at risk").click()
    at_work.get_by_role("link", name="Neglect").click()
    expect(at_work.get_by_text("1 person has a confirmed place, and it needs 2.")).to_be_visible()
    at_work.get_by_role("button", name="Cancel it").click()
    expect(at_work.get_by_label("Reason")).to_have_value("Too few people have booked.")
    at_work.get_by_label("places free, 0 waiting").check()
    at_work.get_by_role("button", name="Continue").click()
    expect(at_work.get_by_text("2 people are put in line")).to_be_visible()
    accessible(at_work)
    at_work.get_by_role("button", name="Cancel it and tell 4 people").click()
    expect(at_work.get_by_text("4 people and 1 trainer will be told by email.")).to_be_visible()
    expect(at_work.get_by_text("Reason: Too few people have booked.").first).to_be_visible()
    accessible(at_work)
    mail(first.email, "Cancelled: Neglect")
    mail(first.email, "A place is held for you")


def test_another_trainer_and_more_places_are_shown_before_anybody_is_told(
    at_work: Page, session: Session, accessible: Accessible, mail: Mail
) -> None:
    comes = make_trainer("ada@agency.example", first_name="Ada", last_name="Obi")
    at_work.goto(reverse("manage_session_change", args=[session.pk]))
    at_work.get_by_label("Sam Green").uncheck()
    at_work.get_by_label("Ada Obi").check()
    at_work.get_by_role("button", name="Show what would change").click()
    expect(at_work.get_by_text("Then: Ada Obi")).to_be_visible()
    accessible(at_work)
    at_work.get_by_role("button", name="Change it and tell 2 people").click()
    mail(comes.email, "You lead Neglect")
    at_work.goto(reverse("manage_session_capacity", args=[session.pk]))
    at_work.get_by_label("Places").fill("3")
    at_work.get_by_role("button", name="Continue").click()
    expect(at_work.get_by_text("gets a place, with a calendar invitation")).to_be_visible()
    accessible(at_work)
    at_work.get_by_role("button", name="Change it and tell 1 person").click()
    expect(at_work.get_by_text("1 person was given a place.")).to_be_visible()
