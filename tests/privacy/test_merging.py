"""Two accounts of one person become one: everything goes over, nothing twice."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, PractitionerGroup, User
from booking.calendars.actions import new_feed
from booking.catalogue.interest import tell_me
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.privacy import merging
from booking.privacy.accounts_of_people import OnlyBySuperuser, OwnAccount
from booking.privacy.holdings import HOLDINGS, LEFT_OUT
from booking.privacy.models import PersonNote
from booking.scheduling.models import CoverRequest
from tests.factories import make_coordinator, make_course, make_person, make_session, make_trainer
from tests.people import book_now, give_up, signed_in
from tests.privacy.lived import lived_person

pytestmark = pytest.mark.django_db
WHY = "He rang: both are his."


def test_every_column_that_points_to_people_goes_over_or_has_its_reason() -> None:
    moved = {f"{model._meta.label}.{column}" for model, column in merging.columns_moved()}
    told = {f"{each.model._meta.label}.{path}" for each in HOLDINGS for path in each.people}
    direct = {each for each in told if "__" not in each and not each.endswith(".pk")}
    of_lists = {
        "accounts.PractitionerGroup.members",
        "accounts.PractitionerGroup.interested",
        "booking.Session.trainers",
    }
    assert direct | set(LEFT_OUT) == moved | set(merging.STAYS) | of_lists
    assert not moved & set(merging.STAYS)


def test_all_of_a_person_with_everything_goes_over() -> None:
    keep, other = make_person(), lived_person()
    merging.merge(
        keep=keep, other=other, why=WHY, by=make_coordinator(is_superuser=True), now=timezone.now()
    )
    for model, column in merging.columns_moved():
        left = model._base_manager.filter(**{column: other})
        if model is PersonNote and column == "person":
            noted = PersonNote.objects.get(person=other)
            assert noted.text == f"Merged into the account of {keep.email}. {WHY}"
        else:
            assert not left.exists(), (model, column)
    other.refresh_from_db()
    assert not other.is_active
    assert Booking.objects.for_person(keep).exists()
    assert Message.objects.filter(recipient=keep).exists()


def test_what_both_have_is_kept_once() -> None:
    keep, other, now = make_person(), make_person(), timezone.now()
    course, trainer = make_course(), make_trainer()
    group = PractitionerGroup.objects.create(name="Falconers")
    for person in (keep, other):
        PriorLearning.objects.create(
            person=person, course=course, completed_on=now.date(), provider="Bradford"
        )
        tell_me(person=person, course=course, now=now)
        new_feed(person=person, now=now)
        group.members.add(person)
    session = make_session(trainers=[trainer])
    by = make_coordinator(is_superuser=True)
    merging.merge(keep=keep, other=other, why=WHY, by=by, now=now)
    states = sorted(PriorLearning.objects.filter(person=keep).values_list("state", flat=True))
    assert states == ["declared", "rejected"]
    assert keep.interests.filter(ended_at=None).count() == 1
    assert keep.interests.count() == 2
    assert list(group.members.all()) == [keep]
    merging.merge(keep=keep, other=trainer, why=WHY, by=by, now=now)
    assert list(session.trainers.all()) == [keep]
    keep.refresh_from_db()
    assert not keep.is_trainer


def test_training_that_was_verified_and_one_question_to_stand_in_are_what_is_kept() -> None:
    keep, other, now = make_trainer(), make_trainer(), timezone.now()
    verified, by = PriorLearning.State.VERIFIED, make_coordinator(is_superuser=True)
    for state, theirs in (("declared", verified), (verified, verified), (verified, "declared")):
        course = make_course()
        for person, said in ((keep, state), (other, theirs)):
            PriorLearning.objects.create(
                person=person, course=course, completed_on=now.date(), provider="York", state=said
            )
    session = make_session(starts_at=now + timedelta(days=9), trainers=[make_trainer()])
    for person in (keep, other):
        CoverRequest.objects.create(
            session=session,
            person=person,
            instead_of=session.trainers.get(),
            by=by,
            asked_at=now,
            tells_people=False,
        )
    merging.merge(keep=keep, other=other, why=WHY, by=by, now=now)
    counting = PriorLearning.objects.filter(person=keep).exclude(state="rejected")
    assert list(counting.values_list("state", flat=True)) == [verified] * 3
    assert CoverRequest.objects.open(now=now).count() == 1


def test_two_places_at_one_time_are_shown_and_refused(coordinator: Client) -> None:
    keep, other = make_person("keep@a.example"), make_person("other@a.example")
    start = timezone.now() + timedelta(days=20)
    mine = book_now(make_session(starts_at=start), keep)
    theirs = book_now(make_session(starts_at=start), other)
    address = f"{reverse('manage_person_merge', args=[keep.pk])}?other={other.pk}"
    page = coordinator.get(address).content.decode()
    for booking in (mine, theirs):
        assert reverse("manage_booking_cancel", args=[booking.pk]) in page
    assert coordinator.post(address, {"why": WHY}).status_code == 409
    give_up(theirs, now=timezone.now())
    assert coordinator.post(address, {"why": WHY}).status_code == 302


def test_two_live_bookings_of_one_session_are_shown_and_refused(coordinator: Client) -> None:
    keep, other = make_person("keep@a.example"), make_person("other@a.example")
    session = make_session(starts_at=timezone.now() + timedelta(days=20))
    mine, theirs = book_now(session, keep), book_now(session, other)
    address = f"{reverse('manage_person_merge', args=[keep.pk])}?other={other.pk}"
    page = coordinator.get(address).content.decode()
    for booking in (mine, theirs):
        assert reverse("manage_booking_cancel", args=[booking.pk]) in page
    refused = coordinator.post(address, {"why": WHY})
    assert refused.status_code == 409
    other.refresh_from_db()
    assert other.is_active
    assert Booking.objects.for_person(other).live().exists()


def test_a_coordinator_finds_compares_and_merges(coordinator: Client) -> None:
    keep = make_person("keep@a.example", first_name="Łucja", last_name="Zielińska")
    other = make_person("old@a.example", first_name="Lucja", last_name="Zielinska")
    booking = book_now(make_session(starts_at=timezone.now() + timedelta(days=20)), other)
    address = reverse("manage_person_merge", args=[keep.pk])
    found = coordinator.get(address, {"q": "lucja"}).content.decode()
    assert f'href="?other={other.pk}"' in found
    assert f'href="?other={keep.pk}"' not in found
    compared = coordinator.get(address, {"other": other.pk}).content.decode()
    assert "old@a.example" in compared
    assert coordinator.get(address, {"other": "9" * 20}).status_code == 200
    assert coordinator.get(address, {"other": "987654"}).status_code == 404
    assert coordinator.post(f"{address}?other={other.pk}", {}).status_code == 422
    assert coordinator.post(f"{address}?other={other.pk}", {"why": WHY}).status_code == 302
    booking.refresh_from_db()
    assert booking.person == keep
    assert (
        PersonNote.objects.get(person=keep).text
        == f"Merged with the account of old@a.example. {WHY}"
    )
    assert AccessRecord.objects.filter(whom=keep, what="person").exists()
    # It has ended, and is not merged once more the other way round.
    back = reverse("manage_person_merge", args=[other.pk])
    assert coordinator.post(f"{back}?other={keep.pk}", {"why": WHY}).status_code == 409


def test_who_may_merge_is_who_may_change_both() -> None:
    by, person = make_coordinator(), make_person()
    for keep, other in ((person, make_trainer()), (make_trainer(), person)):
        with pytest.raises(OnlyBySuperuser):
            merging.merge(keep=keep, other=other, why=WHY, by=by, now=timezone.now())
    with pytest.raises(merging.SameAccount):
        merging.merge(keep=person, other=person, why=WHY, by=by, now=timezone.now())
    boss = make_coordinator(is_superuser=True)
    with pytest.raises(OwnAccount):
        merging.merge(keep=person, other=boss, why=WHY, by=boss, now=timezone.now())


def test_who_merged_away_is_signed_out() -> None:
    keep, other = make_person(), make_person()
    browser = signed_in(other)
    assert browser.get(reverse("my_bookings")).status_code == 200
    by = make_coordinator()
    merging.merge(
        keep=keep, other=User.objects.get(pk=other.pk), why=WHY, by=by, now=timezone.now()
    )
    answer = browser.get(reverse("my_bookings"))
    assert answer.headers["Location"].startswith(reverse("account_login"))


def test_two_bookings_of_a_session_that_is_over_hinder_nothing() -> None:
    keep, other = make_person(), make_person()
    session = make_session(starts_at=timezone.now() + timedelta(days=20))
    mine, theirs = book_now(session, keep), book_now(session, other)
    later = timezone.now() + timedelta(days=30)
    Session.objects.filter(pk=session.pk).update(ends_at=later - timedelta(days=1))
    merging.merge(keep=keep, other=other, why=WHY, by=make_coordinator(), now=later)
    assert list(Booking.objects.for_person(keep)) == [mine]
    assert list(Booking.objects.for_person(other)) == [theirs]
    other.refresh_from_db()
    assert not other.is_active
