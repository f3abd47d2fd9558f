"""Rows are locked in one order, so that two who press at once wait and none fails."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.agencies import join_agency
from accounts.models import User
from booking.catalogue.models import CourseInterest, Session
from booking.places.agency.merging import merge_agencies
from booking.places.lock import locked_session
from booking.scheduling.drafting import publish_drafts
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.people import alone, book, signed_in, wait_for_somebody_to_be_held_up

pytestmark = pytest.mark.django_db(transaction=True)


def hold(person: User) -> None:
    list(User.objects.select_for_update(no_key=True).filter(pk=person.pk))


def held_up(act: Callable[[], object], first: Session, then: Callable[[], object]) -> None:
    """Act while the first session is locked by somebody who goes on with something else then."""
    with ThreadPoolExecutor(1) as pool:
        with locked_session(first):
            acting = pool.submit(alone, act)
            wait_for_somebody_to_be_held_up()
            then()
        acting.result()


def test_publishing_locks_all_sessions_before_anybody_who_asked() -> None:
    person, by = make_person(), make_coordinator()
    drafts = [make_session(state="draft") for _ in range(2)]
    for each in drafts:
        CourseInterest.objects.create(course=each.course, person=person)
    publish = partial(publish_drafts, sessions=drafts, first_days=2, by=by, now=NOW)
    held_up(publish, drafts[1], partial(hold, person))
    assert set(Session.objects.values_list("state", flat=True)) == {"published"}


def test_publishing_locks_those_who_asked_in_the_order_of_their_keys() -> None:
    early, late, by = make_person(), make_person(), make_coordinator()
    drafts = [make_session(state="draft", course=make_course()) for _ in range(2)]
    for draft, person in zip(drafts, (late, early), strict=True):
        CourseInterest.objects.create(course=draft.course, person=person)
    publish = partial(publish_drafts, sessions=drafts, first_days=2, by=by, now=NOW)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold(early)
            publishing = pool.submit(alone, publish)
            wait_for_somebody_to_be_held_up()
            hold(late)
        publishing.result()


def test_two_who_publish_some_of_the_same_both_get_an_answer() -> None:
    person, by = make_person(), make_coordinator()
    drafts = [make_session(state="draft") for _ in range(3)]
    for each in drafts:
        CourseInterest.objects.create(course=each.course, person=person)

    def publish(*which: int) -> None:
        chosen = [drafts[each] for each in which]
        publish_drafts(sessions=chosen, first_days=2, by=by, now=NOW)

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(alone, partial(publish, *which)) for which in ((1, 0), (2, 1))]
        refused = [each.exception() for each in answers]
    assert sum(each is None for each in refused) == 1
    assert "not a draft any more" in str([getattr(each, "sentence", each) for each in refused])


def test_merging_agencies_locks_sessions_and_people_before_agencies() -> None:
    keep, other, by = make_agency(), make_agency(), make_coordinator()
    person, session = make_person(agency=other), make_session()
    book(session, person)

    def change_person() -> None:
        hold(person)
        User.objects.filter(pk=person.pk).update(agency=keep)

    held_up(lambda: merge_agencies(keep=keep, other=other, by=by), session, change_person)
    with ThreadPoolExecutor(1) as pool:
        another = make_agency()
        User.objects.filter(pk=person.pk).update(agency=another)
        with transaction.atomic():
            hold(person)
            merge = partial(merge_agencies, keep=keep, other=another, by=by)
            merging = pool.submit(alone, merge)
            wait_for_somebody_to_be_held_up()
            change_person()
        merging.result()
    person.refresh_from_db()
    assert person.agency == keep


def test_who_joins_an_agency_while_it_is_merged_goes_over_with_it() -> None:
    keep, other, by, person = make_agency(), make_agency(), make_coordinator(), make_person()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            join_agency(people=[person], agency=other, by=by, now=NOW)
            merging = pool.submit(alone, partial(merge_agencies, keep=keep, other=other, by=by))
            wait_for_somebody_to_be_held_up()
        merging.result()
    person.refresh_from_db()
    assert person.proved_agency == keep


def test_who_names_an_agency_that_is_merged_away_meanwhile_is_told_so() -> None:
    keep, other, by, person = make_agency(), make_agency(), make_coordinator(), make_person()
    typed = {"first_name": "Ann", "last_name": "Lee", "job_title": "Nurse"}
    typed["agency_name"] = other.name
    post = partial(signed_in(person).post, reverse("account_profile"), typed)
    answers = []
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge_agencies(keep=keep, other=other, by=by)
            saving = pool.submit(alone, lambda: answers.append(post()))
            wait_for_somebody_to_be_held_up()
        saving.result()
    [answer] = answers
    assert answer.status_code == 422
    assert "part of another one by now" in answer.text
    assert "Ann" in answer.text


def test_who_is_written_down_for_an_agency_that_is_merged_away_meanwhile_is_not_lost() -> None:
    keep, other = make_agency(), make_agency(domains=["gone.example"])
    by, session = make_coordinator(), make_session(starts_at=timezone.now(), capacity=9)
    typed = {"email": "new@gone.example", "first_name": "Ann", "last_name": "Lee"}
    address = reverse("register_walk_in", args=[session.pk])
    post = partial(signed_in(by).post, address, typed)
    answers = []
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge_agencies(keep=keep, other=other, by=by)
            writing = pool.submit(alone, lambda: answers.append(post()))
            wait_for_somebody_to_be_held_up()
        writing.result()
    [answer] = answers
    assert answer.status_code == 409
    assert "part of another one by now" in answer.text
    assert 'value="new@gone.example"' in answer.text
    assert not User.objects.filter(email=typed["email"]).exists()
    assert post().status_code == 200
    assert User.objects.get(email=typed["email"]).proved_agency == keep
