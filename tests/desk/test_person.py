"""A person's page: what is seen of them, what is changed, and who may."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.addresses import NO_ADDRESS_DOMAIN, no_address
from accounts.models import AccessRecord, Agency, User
from booking.catalogue.models import Session
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.places.models import Booking
from booking.privacy.accounts_of_people import OnlyBySuperuser, set_roles
from booking.privacy.leaving import anonymise
from booking.privacy.models import PersonNote
from tests.factories import make_agency, make_coordinator, make_person, make_session, make_trainer
from tests.pages import statements
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db
WHY = {"why": "She rang."}


def session_ahead(days: int = 20, **fields: Any) -> Session:
    """A session so many days from now."""
    return make_session(starts_at=timezone.now() + timedelta(days=days), **fields)


def test_the_list_finds_filters_and_says_when_there_is_nobody(coordinator: Client) -> None:
    make_person("z@a.example", first_name="Łucja", last_name="Zielińska")
    make_trainer(first_name="Sam", last_name="Green")
    ended = make_person(first_name="Gone", last_name="Long", is_active=False)
    address = reverse("manage_people")
    page = coordinator.get(address, {"q": "zielinska"}).content.decode()
    assert "1 person for “zielinska”" in page
    trainers = coordinator.get(address, {"show": "trainers"})
    assert [each.last_name for each in trainers.context["page_obj"]] == ["Green"]
    assert list(coordinator.get(address, {"show": "ended"}).context["page_obj"]) == [ended]
    assert "Nobody is found by “nobody”" in coordinator.get(address, {"q": "nobody"}).text
    assert "There is nobody of this kind." in coordinator.get(address, {"show": "leads"}).text


def test_the_list_as_csv_is_on_record(coordinator: Client) -> None:
    make_person("z@a.example", first_name="Łucja", last_name="Zielińska", phone="0113 496 0000")
    response = coordinator.get(reverse("manage_people_csv"), {"q": "zielinska"})
    rows = response.content.decode("utf-8-sig").splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("Zielińska,Łucja,z@a.example,")
    record = AccessRecord.objects.get()
    assert (record.form, record.rows) == (AccessRecord.Form.CSV, 1)


def test_the_page_tells_all_that_a_coordinator_needs(coordinator: Client) -> None:
    agency = make_agency("Leeds Teaching Hospitals")
    person = make_person("z@a.example", agency=agency, phone="0113 496 0000")
    booking = book_now(session_ahead(), person, needs="A hearing loop")
    over = book_now(session_ahead(25), person)
    Booking.objects.filter(pk=over.pk).update(state="cancelled", ended_at=timezone.now())
    page = coordinator.get(reverse("manage_person", args=[person.pk])).content.decode()
    for words in (
        "z@a.example",
        "0113 496 0000",
        "Leeds Teaching Hospitals",
        "A hearing loop",
        booking.session.reference,
        over.session.reference,
    ):
        assert words in page
    record = AccessRecord.objects.get(whom=person)
    assert record.what == "person"
    again = coordinator.get(reverse("manage_person", args=[person.pk])).content.decode()
    assert ": person</li>" in again


def test_a_page_costs_the_same_however_much_there_is(coordinator: Client) -> None:
    person = make_person()
    book_now(session_ahead(), person)
    address = reverse("manage_person", args=[person.pk])
    coordinator.post(address, {"text": "Rang today."})
    coordinator.get(address)
    few = statements(coordinator, address)
    for days in (30, 40, 50):
        book_now(session_ahead(days), person)
        coordinator.post(address, {"text": "Rang again."})
    assert statements(coordinator, address) == few


def test_a_note_is_kept_and_an_empty_one_is_not(coordinator: Client) -> None:
    person = make_person()
    address = reverse("manage_person", args=[person.pk])
    assert coordinator.post(address, {"text": " "}).status_code == 422
    assert coordinator.post(address, {"text": "Rings on Mondays."}).status_code == 302
    assert "Rings on Mondays." in coordinator.get(address).content.decode()
    assert PersonNote.objects.get().person == person


def test_name_and_address_are_corrected_and_the_old_address_is_told(coordinator: Client) -> None:
    person = make_person("wrong@agency.example", first_name="An", last_name="Ahmed")
    address = reverse("manage_person_correct", args=[person.pk])
    typed = {"first_name": "Ann", "last_name": "Ahmed", "email": "right@agency.example"}
    assert coordinator.post(address, typed).status_code == 422
    assert coordinator.post(address, typed | WHY).status_code == 302
    person.refresh_from_db()
    assert (person.full_name, person.email) == ("Ann Ahmed", "right@agency.example")
    assert PersonNote.objects.get().text == (
        "Name corrected from An Ahmed to Ann Ahmed."
        " Address corrected from wrong@agency.example to right@agency.example. She rang."
    )
    told = [each.to_email for each in Message.objects.filter(topic=ACCOUNT_MAIL)]
    assert told + [each.to[0] for each in mail.outbox] == ["wrong@agency.example"]
    other = make_person("other@agency.example")
    taken = coordinator.post(address, typed | WHY | {"email": other.email.title()})
    assert taken.status_code == 422
    [wrong] = taken.context["form"].errors["email"]
    assert "message" not in wrong
    merge = f'{reverse("manage_person_merge", args=[other.pk])}?other={person.pk}"'
    assert merge in taken.text
    User.objects.filter(pk=other.pk).update(is_trainer=True)
    refused = coordinator.post(address, typed | WHY | {"email": other.email}).text
    assert merge not in refused
    assert "ask a superuser to merge the two accounts" in refused
    person.refresh_from_db()
    assert person.email == "right@agency.example"


def test_people_with_roles_are_changed_by_superusers_alone(coordinator: Client) -> None:
    trainer = make_trainer("t@agency.example")
    typed = {"first_name": "Ann", "last_name": "Other", "email": "mine@agency.example", **WHY}
    for name in ("manage_person_correct", "manage_person_end", "manage_person_roles"):
        response = coordinator.post(reverse(name, args=[trainer.pk]), typed)
        assert response.status_code == 409, name
        assert "Only a superuser" in response.content.decode()
    trainer.refresh_from_db()
    assert (trainer.email, trainer.is_active, trainer.is_trainer) == (
        "t@agency.example",
        True,
        True,
    )
    by = signed_in(make_coordinator(is_superuser=True))
    assert by.post(reverse("manage_person_correct", args=[trainer.pk]), typed).status_code == 302


def test_coordinators_make_trainers_and_leads_and_only_superusers_coordinators(
    coordinator: Client,
) -> None:
    person = make_person(agency_confirmed_at=None)
    address = reverse("manage_person_roles", args=[person.pk])
    assert coordinator.post(address, {"roles": ["is_coordinator"]}).status_code == 422
    roles = {"roles": ["is_trainer", "is_agency_lead"]}
    assert coordinator.post(address, roles).status_code == 302
    person.refresh_from_db()
    assert person.is_trainer
    assert person.leads_agency
    assert PersonNote.objects.get().text == "Made trainer and made agency lead."
    by = signed_in(make_coordinator(is_superuser=True))
    assert by.post(address, {"roles": ["is_coordinator"]}).status_code == 302
    person.refresh_from_db()
    assert (person.is_coordinator, person.is_trainer, person.is_agency_lead) == (True, False, False)


def test_nobody_closes_the_desk_to_themselves() -> None:
    owner = make_coordinator(is_superuser=True)
    address = reverse("manage_person_roles", args=[owner.pk])
    answer = signed_in(owner).post(address, {"roles": ["is_trainer"]})
    assert answer.status_code == 409
    assert "Another superuser can take this role from you" in answer.text
    owner.refresh_from_db()
    assert (owner.is_coordinator, owner.is_trainer) == (True, False)
    other = make_coordinator("other@agency.example", is_superuser=True)
    assert signed_in(other).post(address, {"roles": []}).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_coordinator


def test_a_coordinator_opens_the_desk_to_nobody() -> None:
    person, by, now = make_person(), make_coordinator(), timezone.now()
    with pytest.raises(OnlyBySuperuser):
        set_roles(person=person, roles=["is_coordinator"], by=by, now=now)
    person.refresh_from_db()
    assert not person.is_coordinator


def test_nobody_leads_no_agency(coordinator: Client) -> None:
    person = make_person(agency=None)
    address = reverse("manage_person_roles", args=[person.pk])
    response = coordinator.post(address, {"roles": ["is_agency_lead"]})
    assert response.status_code == 409
    assert "no agency on the list" in response.content.decode()


def test_a_trainer_who_never_signed_in_is_made_and_invited(coordinator: Client) -> None:
    typed = {
        "first_name": "Łucja",
        "last_name": "Nowak",
        "email": "lucja@elsewhere.example",
        "is_trainer": "on",
    }
    address = reverse("manage_person_new")
    assert coordinator.post(address, typed).status_code == 302
    person = User.objects.get(email="lucja@elsewhere.example")
    assert person.is_trainer
    assert not person.agency_is_confirmed
    invited = [each.to_email for each in Message.objects.filter(topic=ACCOUNT_MAIL)]
    assert invited + [each.to[0] for each in mail.outbox] == ["lucja@elsewhere.example"]
    again = coordinator.post(address, typed)
    assert again.status_code == 422
    assert "Somebody has an account with this address already" in again.content.decode()


def test_no_account_is_made_for_a_mailbox_that_several_people_read(coordinator: Client) -> None:
    typed = {"first_name": "The", "last_name": "Office", "email": "office@school.example"}
    answer = coordinator.post(reverse("manage_person_new"), typed)
    assert answer.status_code == 422
    assert "a mailbox that several people read" in answer.text
    assert not User.objects.filter(email="office@school.example").exists()


def test_an_account_ends_with_its_bookings_and_who_waits_gets_the_place(
    coordinator: Client,
) -> None:
    person, waits = make_person(), make_person()
    session = session_ahead(capacity=1)
    book_now(session, person)
    next_one = book_now(session, waits)
    address = reverse("manage_person_end", args=[person.pk])
    assert session.course.title in coordinator.get(address).content.decode()
    assert coordinator.post(address, {}).status_code == 422
    assert coordinator.post(address, WHY).status_code == 302
    person.refresh_from_db()
    next_one.refresh_from_db()
    assert not person.is_active
    assert next_one.state == Booking.State.CONFIRMED
    assert PersonNote.objects.get().text == "Account ended. 1 booking cancelled. She rang."


def test_nobody_ends_the_account_of_the_last_superuser() -> None:
    last, by = make_coordinator(is_superuser=True, is_staff=True), make_coordinator()
    User.objects.filter(pk=by.pk).update(is_superuser=True)
    by.refresh_from_db()
    answer = signed_in(by).post(reverse("manage_person_end", args=[last.pk]), WHY)
    assert answer.status_code == 409
    assert "the only superuser" in answer.text
    last.refresh_from_db()
    assert last.is_active


def test_nobody_ends_their_own_account_or_that_of_a_trainer_with_sessions_ahead() -> None:
    me, trainer = make_coordinator(is_superuser=True, is_staff=True), make_trainer()
    session_ahead(trainers=[trainer])
    for person in (me, trainer):
        response = signed_in(me).post(reverse("manage_person_end", args=[person.pk]), WHY)
        assert response.status_code == 409
        person.refresh_from_db()
        assert person.is_active


def test_an_ended_account_is_opened_again_by_whoever_may_end_it(coordinator: Client) -> None:
    person = make_person(is_active=False)
    address = reverse("manage_person_reopen", args=[person.pk])
    assert address in coordinator.get(reverse("manage_person", args=[person.pk])).text
    assert coordinator.post(address, {}).status_code == 422
    assert coordinator.post(address, WHY).status_code == 302
    person.refresh_from_db()
    assert person.is_active
    assert PersonNote.objects.get().text == "Account opened again. She rang."
    assert coordinator.post(address, WHY).status_code == 409
    trainer = make_trainer(is_active=False)
    refused = coordinator.post(reverse("manage_person_reopen", args=[trainer.pk]), WHY)
    assert (refused.status_code, "Only a superuser" in refused.text) == (409, True)


def test_nobody_opens_the_account_of_somebody_made_anonymous() -> None:
    person, by = make_person(), make_coordinator(is_superuser=True)
    anonymise(person=person, by=by, now=timezone.now())
    browser, address = signed_in(by), reverse("manage_person_reopen", args=[person.pk])
    assert address not in browser.get(reverse("manage_person", args=[person.pk])).text
    refused = browser.post(address, WHY)
    assert (refused.status_code, "anonymous for good" in refused.text) == (409, True)
    person.refresh_from_db()
    assert not person.is_active


def test_mail_that_waits_goes_to_the_corrected_address(coordinator: Client) -> None:
    person = make_person("wrong@agency.example")
    message = book_now(session_ahead(), person).messages.get()
    Message.objects.filter(pk=message.pk).update(state="parked", last_error="550 No such user")
    typed = {"first_name": person.first_name, "last_name": "Ahmed", "email": "right@a.example"}
    coordinator.post(reverse("manage_person_correct", args=[person.pk]), typed | WHY)
    before = message.message_id
    message.refresh_from_db()
    assert (message.state, message.to_email) == (Message.State.WAITING, "right@a.example")
    assert message.message_id != before
    assert message.events.get().why == "From wrong@agency.example to right@a.example. She rang."


def test_letters_become_email_for_somebody_who_has_an_address_now(coordinator: Client) -> None:
    person = make_person(no_address())
    message = book_now(session_ahead(), person).messages.get()
    assert message.state == Message.State.LETTER
    typed = {"first_name": person.first_name, "last_name": "Ahmed", "email": "now@a.example"}
    coordinator.post(reverse("manage_person_correct", args=[person.pk]), typed | WHY)
    message.refresh_from_db()
    assert (message.state, message.to_email) == (Message.State.WAITING, "now@a.example")


def test_what_stands_for_no_address_is_shown_on_no_page(coordinator: Client) -> None:
    person = make_person(no_address(), agency_confirmed_at=None)
    booking = book_now(session_ahead(), person)
    shown = (
        reverse("manage_session_people", args=[booking.session_id]),
        reverse("manage_session_people_csv", args=[booking.session_id]),
        reverse("manage_agencies"),
        reverse("manage_agency_not", args=[person.pk]),
        reverse("manage_people"),
        reverse("manage_post"),
        reverse("manage_person", args=[person.pk]),
        booking.get_absolute_url(),
    )
    for address in shown:
        page = coordinator.get(address)
        assert page.status_code == 200, address
        assert NO_ADDRESS_DOMAIN not in page.content.decode(), address


def test_what_is_refused_about_the_agency_of_a_new_person_stands_beside_it(
    coordinator: Client,
) -> None:
    agency = make_agency()

    def merged_meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "account_emailaddress"'):
            Agency.objects.filter(pk=agency.pk).delete()
        return execute(sql, *rest)

    typed = {"first_name": "Łucja", "last_name": "Nowak", "email": "lucja@elsewhere.example"}
    with connection.execute_wrapper(merged_meanwhile):
        answer = coordinator.post(reverse("manage_person_new"), {**typed, "agency": agency.pk})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["agency"]
    assert "This agency is part of another one by now." in answer.text
