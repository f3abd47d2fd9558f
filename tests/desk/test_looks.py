"""Who looked at whose data: on record, and shown to coordinators."""

import pytest
import structlog
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, PractitionerGroup
from booking.places import links
from booking.places.managers.models import Approval
from tests.factories import (
    make_agency,
    make_claimant,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


def test_a_look_names_who_looked_and_at_whom_or_at_which_list() -> None:
    ours = make_agency()
    person, lead = make_person(agency=ours), make_lead(agency=ours)
    session = make_session(starts_at=morning(9))
    booking = book_now(session, person)
    for by in (lead, person):
        signed_in(by).get(reverse("cancel_booking", args=[booking.pk]))
    look = AccessRecord.objects.get()
    assert (look.by, look.whom, look.what, look.about, look.form) == (
        *(lead, person, "booking", "", "page"),
    )
    AccessRecord.objects.all().delete()
    signed_in(lead).get(reverse("agency"))
    look = AccessRecord.objects.get()
    assert (look.by, look.whom, look.about, look.rows) == (lead, None, str(ours), 1)


def test_a_look_is_on_record_where_what_was_typed_is_refused(coordinator: Client) -> None:
    booking = book_now(make_session(starts_at=morning(9)))
    page = reverse("manage_booking_cancel", args=[booking.pk])
    assert coordinator.post(page, {"why": "x" * 999}).status_code == 422
    assert AccessRecord.objects.get().whom == booking.person


def test_who_only_says_that_they_work_here_is_counted_among_those_looked_at() -> None:
    lead = make_lead()
    make_claimant(agency=lead.agency)
    signed_in(lead).get(reverse("agency"))
    assert AccessRecord.objects.get().rows == 1


def test_nobody_but_a_member_can_be_taken_out_of_a_group(coordinator: Client) -> None:
    group, member, other = (
        PractitionerGroup.objects.create(name="DSL"),
        *(make_person() for _ in range(2)),
    )
    group.members.add(member)
    for person, answer in ((other, 404), (member, 302)):
        address = reverse("manage_group_remove", args=[group.pk, person.pk])
        assert coordinator.post(address).status_code == answer
    assert AccessRecord.objects.get(what="group").whom == member


def test_the_line_manager_who_opens_the_link_is_on_record() -> None:
    course = make_course(needs_manager_approval=True)
    person = make_person("a@ours.example", agency=make_agency(domains=["ours.example"]))
    session = make_session(course=course, starts_at=morning(9))
    book_now(session, person, manager_email="boss@ours.example")
    Client().get(links.approval_path(Approval.objects.get().key))
    look = AccessRecord.objects.get()
    assert (look.by, look.whom, look.what) == (None, person, "booking")


def test_looks_in_the_back_office_are_on_record() -> None:
    person, by = make_person(), make_coordinator(is_staff=True)
    browser, session = signed_in(by), make_session(starts_at=morning(9))
    booking = book_now(session, person)
    pages = [
        ("accounts_user_changelist", [], None),
        ("accounts_user_change", [person.pk], person),
        ("accounts_user_history", [person.pk], person),
        ("booking_booking_changelist", [], None),
        ("booking_booking_change", [booking.pk], person),
        ("booking_booking_history", [booking.pk], person),
    ]
    for name, arguments, whom in pages:
        AccessRecord.objects.all().delete()
        assert browser.get(reverse(f"admin:{name}", args=arguments)).status_code == 200
        look = AccessRecord.objects.get()
        assert (look.by, look.whom, look.what.startswith("back office: ")) == (by, whom, True)
    AccessRecord.objects.all().delete()
    browser.get(reverse("admin:booking_session_change", args=[session.pk]))
    assert not AccessRecord.objects.exists()


def test_nobody_is_offered_people_while_they_type() -> None:
    browser = signed_in(make_coordinator(is_staff=True))
    asked = {"app_label": "accounts", "model_name": "accessrecord", "field_name": "by", "term": "a"}
    assert browser.get(reverse("admin:autocomplete"), asked).status_code == 403


def test_a_download_is_in_the_log(coordinator: Client) -> None:
    session = make_session(starts_at=morning(9), trainers=[make_trainer()])
    with structlog.testing.capture_logs() as lines:
        coordinator.get(reverse("attendees", args=[session.pk]))
        coordinator.get(reverse("attendees_csv", args=[session.pk]))
    [line] = [line for line in lines if line["event"] == "exported"]
    assert (line["what"], line["about"], line["rows"]) == ("attendees", session.pk, 0)


def test_coordinators_see_and_search_the_looks(coordinator: Client) -> None:
    person = make_person(first_name="Zelda", last_name="Quill")
    booking = book_now(make_session(starts_at=morning(9)), person)
    coordinator.get(booking.get_absolute_url())
    coordinator.get(reverse("manage_agencies"))
    page = coordinator.get(reverse("manage_looks")).content.decode()
    assert "Zelda Quill" in page
    assert "Agencies to confirm" in page
    found = coordinator.get(reverse("manage_looks"), {"q": "quill booking"}).content.decode()
    assert "Zelda Quill" in found
    assert "Agencies to confirm" not in found
    assert "No look matches" in coordinator.get(reverse("manage_looks"), {"q": "zzz"}).text


@pytest.mark.parametrize("few", [5000, 0])
def test_each_word_is_of_who_looked_or_at_whom_or_of_what_was_seen(
    coordinator: Client, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("booking.desk.access_log._FEW", few)
    zelda, lucja = (make_person(first_name=name, last_name="Quill") for name in ("Zelda", "Łucja"))
    at, form = timezone.now(), "page"
    looks = {
        name: AccessRecord.objects.create(at=at, form=form, what=what, about_id=0, rows=1, **about)
        for name, what, about in (
            ("zelda at łucja", "booking", {"by": zelda, "whom": lucja}),
            ("łucja at zelda", "account", {"by": lucja, "whom": zelda}),
            ("łucja at a list", "attendees", {"by": lucja, "about": "Safer Sleep (SS-1)"}),
            ("a line manager", "booking", {"whom": zelda}),
        )
    }
    for search, found in {
        "quill": [*looks],
        "zelda": ["zelda at łucja", "łucja at zelda", "a line manager"],
        "LUCJA  zelda quill": ["zelda at łucja", "łucja at zelda"],
        "zelda book": ["zelda at łucja", "a line manager"],
        "sleep ss-1 łucja": ["łucja at a list"],
        "lee - (ss": ["łucja at a list"],
        "sleep zelda": [],
        "nobody": [],
    }.items():
        page = coordinator.get(reverse("manage_looks"), {"q": search}).context["page_obj"]
        assert list(page) == [looks[name] for name in reversed(looks) if name in found], search


def test_of_years_of_looks_no_more_are_counted_than_anybody_leafs_through(
    coordinator: Client,
) -> None:
    person, page = make_person(), reverse("manage_looks")
    look = {"by": person, "form": "page", "what": "booking", "about_id": 0, "rows": 1}
    AccessRecord.objects.bulk_create(AccessRecord(at=timezone.now(), **look) for _ in range(1000))
    # Looking at it is one more.
    assert "1,000 looks" in coordinator.get(page).content.decode()
    words = coordinator.get(page).content.decode()
    assert "More than 1,000 looks" in words
    assert "Page 1 of 21" in words
