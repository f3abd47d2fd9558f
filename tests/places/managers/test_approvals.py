"""The line manager's agreement: who is asked and when, what their link does and does not do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.smtp_sink import SmtpSink
from booking.mail.composing import compose
from booking.outbox.delivery import deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from booking.places import actions, links
from booking.places.managers import asking
from booking.places.managers.asking import QuestionState
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingEvent
from booking.places.refusals import AlreadyAnswered, ManagerNeeded, PlaceRefused
from booking.places.sweep import sweep
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    morning,
)

pytestmark = pytest.mark.django_db

MANAGER = "manager@trust.example"
# Easter 2027: Good Friday is 26 March, Easter Monday 29 March, and the clocks change on the 28th.
BEFORE_EASTER = datetime(2027, 3, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def practitioner() -> User:
    agency = make_agency("Leeds Health Trust", domains=["trust.example"])
    return make_person(
        "priya@trust.example", agency=agency, first_name="Priya", job_title="Health visitor"
    )


def asking_session(**fields: object) -> Session:
    """A session of a course that needs the manager's agreement."""
    course = make_course(title="Working Together", needs_manager_approval=True)
    fields.setdefault("starts_at", morning(40))
    return make_session(course=course, **fields)  # type: ignore[arg-type]


def requested(person: User, *, now: datetime | None = None, **fields: object) -> Booking:
    """A place held for this person until their manager answers."""
    manager = str(fields.pop("manager_email", MANAGER))
    booking = actions.book(
        session=asking_session(**fields),
        person=person,
        by=person,
        now=now or timezone.now(),
        manager_email=manager,
    )
    assert booking.state == Booking.State.REQUESTED
    return booking


def answer(booking: Booking, **fields: str) -> tuple[int, str]:
    """What the manager's page says to an answer."""
    response = Client().post(links.approval_path(approval_of(booking).key), fields)
    return response.status_code, response.content.decode()


def approval_of(booking: Booking) -> Approval:
    return Approval.objects.select_related("booking__session").get(booking=booking)


def state_of(booking: Booking) -> str:
    return Booking.objects.get(pk=booking.pk).state


def mails(topic: str) -> list[str]:
    return list(Message.objects.filter(topic=topic).values_list("to_email", flat=True))


# --- the manager's page ---


def test_the_page_says_who_asks_what_and_looking_answers_nothing(practitioner: User) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    for ask in (Client().get, Client().head):
        response = ask(path)
        assert response.status_code == 200
    page = Client().get(path).content.decode()
    for words in ("Priya Ahmed", "Health visitor", "Leeds Health Trust", "Working Together"):
        assert words in page
    assert booking.get_absolute_url() not in page
    assert practitioner.email not in page
    assert approval_of(booking).state == Approval.State.ASKED
    assert state_of(booking) == Booking.State.REQUESTED


def test_agreeing_confirms_the_place_and_sends_the_invitation(practitioner: User) -> None:
    booking = requested(practitioner)
    status, _ = answer(booking, answer="agree", reason="")
    assert status == 302
    assert state_of(booking) == Booking.State.CONFIRMED
    [message] = Message.objects.filter(topic="booking.promoted")
    assert message.payload["because"] == f"{MANAGER} agreed."
    assert "event" in message.payload
    page = Client().get(links.approval_path(approval_of(booking).key)).content.decode()
    assert "You have agreed" in page
    assert "<form" not in page.split("<main")[1]


def test_not_agreeing_needs_a_reason_and_tells_it(practitioner: User) -> None:
    booking = requested(practitioner, capacity=1)
    other = make_person()
    waiting = actions.book(
        session=booking.session, person=other, by=other, now=timezone.now(), manager_email="m@x.org"
    )
    status, page = answer(booking, answer="decline", reason="  ")
    assert status == 422
    assert "Say why you do not agree" in page
    assert state_of(booking) == Booking.State.REQUESTED
    status, _ = answer(booking, answer="decline", reason="Short of staff")
    assert status == 302
    assert state_of(booking) == Booking.State.DECLINED
    assert state_of(waiting) == Booking.State.REQUESTED
    [message] = Message.objects.filter(topic="booking.not_agreed")
    assert (message.to_email, message.payload["why"]) == (practitioner.email, "Short of staff")


def test_what_was_typed_is_kept_when_no_button_was_pressed(practitioner: User) -> None:
    status, page = answer(requested(practitioner), reason="Because <b>")
    assert status == 422
    assert "Because &lt;b&gt;" in page
    assert "I do not agree" in page


def test_a_reason_that_is_too_long_is_refused_with_a_sentence(practitioner: User) -> None:
    status, page = answer(requested(practitioner), answer="agree", reason="x" * 401)
    assert status == 422
    assert "Use 400 characters or fewer" in page


@pytest.mark.parametrize("second", ["agree", "decline"])
def test_a_second_answer_changes_nothing(practitioner: User, second: str) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    status, page = answer(booking, answer=second, reason="No")
    assert status == 409
    assert "You have agreed" in page
    assert state_of(booking) == Booking.State.CONFIRMED


def test_an_answer_that_comes_too_late_is_told_so(practitioner: User) -> None:
    booking = requested(practitioner)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    path = links.approval_path(approval_of(booking).key)
    looked = Client().get(path)
    assert looked.status_code == 410
    assert "The time to answer is over" in looked.content.decode()
    status, page = answer(booking, answer="agree")
    assert status == 410
    assert "The time to answer is over" in page
    assert state_of(booking) == Booking.State.REQUESTED
    sweep(now=timezone.now())
    assert state_of(booking) == Booking.State.LAPSED
    assert Client().get(path).status_code == 410


def test_a_request_that_was_taken_back_shows_nothing_any_more(practitioner: User) -> None:
    booking = requested(practitioner)
    actions.cancel(booking=booking, by=practitioner, now=timezone.now())
    status, page = answer(booking, answer="agree")
    assert status == 410
    assert "not needed any more" in page
    assert "Priya" not in page
    assert "Working Together" not in page


def test_once_the_session_has_begun_even_an_answer_shows_nothing(practitioner: User) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    Session.objects.update(starts_at=timezone.now() - timedelta(minutes=1))
    response = Client().get(links.approval_path(approval_of(booking).key))
    assert response.status_code == 410
    assert "Priya" not in response.content.decode()


def test_links_that_we_did_not_make_are_not_found(practitioner: User) -> None:
    booking = requested(practitioner)
    good = links.approval_path(approval_of(booking).key)
    token = good.split("/")[-2]
    offer_token = links.offer_path(booking.pk, timezone.now()).split("/")[-2]
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        approval_of(booking).key,
        f"{approval_of(booking).key}.",
        token.replace(".", ":"),
        offer_token,
        "x",
        "%00",
        "é.é",
    ):
        for method in ("get", "post"):
            response = getattr(Client(), method)(f"/approvals/{bad}/", {"answer": "agree"})
            assert response.status_code == 404, bad
    assert state_of(booking) == Booking.State.REQUESTED


def test_the_page_is_kept_from_caches_referrers_and_search_engines(practitioner: User) -> None:
    response = Client().get(links.approval_path(approval_of(requested(practitioner)).key))
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response["X-Robots-Tag"]


def test_an_answer_from_another_site_is_refused(practitioner: User) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path, {"answer": "agree"}).status_code == 403
    assert state_of(booking) == Booking.State.REQUESTED


def test_one_address_cannot_try_links_without_end(settings, practitioner: User) -> None:  # type: ignore[no-untyped-def]
    path = links.approval_path(approval_of(requested(practitioner)).key)
    settings.RATE_LIMIT_FACTOR = 1
    client = Client(REMOTE_ADDR="192.0.2.7")
    # More than twice as many as a minute allows, should one end meanwhile.
    statuses = [client.get(path).status_code for _ in range(250)]
    assert statuses[0] == 200
    assert 429 in statuses
    assert Client(REMOTE_ADDR="192.0.2.8").get(path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_give_one() -> None:
    agency = make_agency(domains=["trust.example"])
    for number in range(8):
        person = make_person(f"p{number}@trust.example", agency=agency)
        booking = requested(person)
        asked, now = approval_of(booking), timezone.now()
        agree = partial(actions.approve, approval=asked, now=now)
        decline = partial(actions.refuse_approval, approval=asked, now=now, reason="No")
        outcomes = at_once(agree, decline, agree)
        assert sorted(outcomes) == ["AlreadyAnswered", "AlreadyAnswered", "done"]
        decided = (BookingEvent.What.APPROVED, BookingEvent.What.REFUSED)
        assert booking.events.filter(what__in=decided).count() == 1
        answered = Message.objects.filter(
            booking=booking, topic__in=["booking.promoted", "booking.not_agreed"]
        )
        assert answered.count() == 1


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What becomes of these when all begin together: "done" or the refusal's name."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        try:
            barrier.wait(timeout=10)
            act()
        except PlaceRefused as refusal:
            return type(refusal).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


# --- another manager ---


def test_a_manager_who_has_an_account_needs_no_second_step_to_answer(
    settings: Any, practitioner: User
) -> None:
    settings.TWO_STEP_REQUIRED = True
    booking = requested(practitioner)
    manager = Client()
    manager.force_login(make_person(is_agency_lead=True))
    path = links.approval_path(approval_of(booking).key)
    assert manager.get("/bookings/").status_code == 302
    assert manager.get(path).status_code == 200
    assert manager.post(path, {"answer": "agree"}).headers["Location"] == path
    assert state_of(booking) == Booking.State.CONFIRMED


def test_the_link_is_kept_nowhere_once_the_mail_has_left(
    practitioner: User, smtp_sink: SmtpSink
) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    office = SmtpConnection()
    while deliver(compose=compose, post=office):
        pass
    office.close()
    [mail] = [each for each in smtp_sink.messages() if MANAGER in each.recipients]
    assert path in mail.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    message = Message.objects.get(topic="approval.asked")
    assert (message.state, message.mime) == (Message.State.SENT, None)
    assert Message.objects.get(topic="booking.requested").mime is not None


def test_another_manager_is_asked_and_the_old_link_is_dead(practitioner: User) -> None:
    booking = requested(practitioner)
    before = approval_of(booking)
    signed_in = Client()
    signed_in.force_login(practitioner)
    address = reverse("change_manager", args=[booking.pk])
    assert signed_in.get(address).status_code == 200
    response = signed_in.post(address, {"manager_email": "New.Boss@trust.example"})
    assert response.headers["Location"] == booking.get_absolute_url()
    after = approval_of(booking)
    assert after.manager_email == "new.boss@trust.example"
    assert after.expires_at == before.expires_at, "naming another keeps no place for longer"
    assert mails("approval.asked") == [MANAGER, "new.boss@trust.example"]
    old = Client().post(links.approval_path(before.key), {"answer": "agree"})
    assert old.status_code == 410
    assert "Priya" not in old.content.decode()
    with pytest.raises(AlreadyAnswered):
        actions.approve(approval=before, now=timezone.now())
    assert state_of(booking) == Booking.State.REQUESTED
    assert answer(booking, answer="agree")[0] == 302
    assert state_of(booking) == Booking.State.CONFIRMED


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Give your line manager’s work email address"),
        ("no address", "in the right form"),
        ("priya@trust.example", "somebody else"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_place(
    practitioner: User, typed: str, words: str
) -> None:
    booking = requested(practitioner)
    signed_in = Client()
    signed_in.force_login(practitioner)
    response = signed_in.post(
        reverse("change_manager", args=[booking.pk]), {"manager_email": typed}
    )
    assert response.status_code == 422
    assert words in response.content.decode()
    assert approval_of(booking).manager_email == MANAGER


def test_another_manager_is_asked_although_nothing_reaches_the_one_before(
    practitioner: User,
) -> None:
    booking = requested(practitioner)
    [parked] = Message.objects.filter(topic="approval.asked")
    Message.objects.update(state=Message.State.PARKED, last_error="550 5.1.1 No such person")
    asking.change_manager(
        booking=booking, manager_email="boss2@trust.example", by=practitioner, now=timezone.now()
    )
    [asked] = Message.objects.claimable(now=timezone.now())
    assert (asked.topic, asked.to_email) == ("approval.asked", "boss2@trust.example")
    assert parked.stream != asked.stream


def test_once_answered_the_manager_cannot_be_changed(practitioner: User) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    signed_in = Client()
    signed_in.force_login(practitioner)
    response = signed_in.post(
        reverse("change_manager", args=[booking.pk]), {"manager_email": "x@trust.example"}
    )
    assert response.status_code == 409
    assert approval_of(booking).manager_email == MANAGER


def test_nobody_else_changes_the_manager(practitioner: User) -> None:
    booking = requested(practitioner)
    stranger = Client()
    stranger.force_login(make_person())
    address = reverse("change_manager", args=[booking.pk])
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"manager_email": "x@y.org"}).status_code == 404
    assert Client().get(address).status_code == 302


# --- booking ---


def test_the_book_page_asks_for_the_manager_where_it_must_be_known(practitioner: User) -> None:
    signed_in = Client()
    signed_in.force_login(practitioner)
    session = asking_session()
    address = reverse("book", args=[session.pk])
    assert "manager_email" in signed_in.get(address).content.decode()
    plain = make_session(starts_at=morning(30))
    other = signed_in.get(reverse("book", args=[plain.pk])).content.decode()
    assert "manager_email" not in other
    for typed, words in (
        ("", "Give your line manager’s work email address"),
        ("x", "in the right form"),
        (practitioner.email, "somebody else"),
    ):
        response = signed_in.post(address, {"manager_email": typed, "needs": "A hearing loop"})
        assert response.status_code == 422
        assert words in response.content.decode()
        assert "A hearing loop" in response.content.decode()
    response = signed_in.post(address, {"manager_email": MANAGER, "needs": ""})
    booking = Booking.objects.get()
    assert response.headers["Location"] == booking.get_absolute_url()
    page = signed_in.get(booking.get_absolute_url()).content.decode()
    assert "A place is held for you" in page
    assert MANAGER in page


def test_the_usual_manager_is_filled_in(practitioner: User) -> None:
    practitioner.manager_email = MANAGER
    practitioner.save()
    signed_in = Client()
    signed_in.force_login(practitioner)
    page = signed_in.get(reverse("book", args=[asking_session().pk])).content.decode()
    assert f'value="{MANAGER}"' in page


def test_somebody_new_must_name_the_manager_too() -> None:
    newcomer = make_person(first_name="", last_name="", job_title="")
    signed_in = Client()
    signed_in.force_login(newcomer)
    address = reverse("book", args=[asking_session().pk])
    told = {"first_name": "Zoe", "last_name": "Li", "job_title": "Nurse"}
    agency = {"agency": str(newcomer.agency_id)}
    response = signed_in.post(address, {**told, **agency})
    assert response.status_code == 422
    assert "Give your line manager’s work email address" in response.content.decode()
    response = signed_in.post(address, {**told, **agency, "manager_email": "boss@x.example"})
    assert response.status_code == 302
    assert Booking.objects.get().state == Booking.State.REQUESTED


# --- a coordinator confirms the address ---


@pytest.fixture
def coordinator(settings) -> Client:  # type: ignore[no-untyped-def]
    settings.TWO_STEP_REQUIRED = False
    client = Client()
    client.force_login(make_coordinator())
    return client


def test_an_unknown_address_is_asked_once_a_coordinator_has_confirmed_it(
    practitioner: User, coordinator: Client
) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    assert mails("approval.asked") == []
    path = links.approval_path(approval_of(booking).key)
    assert Client().post(path, {"answer": "agree"}).status_code == 410
    assert "addresses to confirm (1)" in coordinator.get("/manage/").content.decode()
    page = coordinator.get(reverse("manage_managers")).content.decode()
    assert "boss@elsewhere.example" in page
    address = reverse("manage_manager_confirm", args=[approval_of(booking).pk])
    assert coordinator.get(address).status_code == 405
    assert coordinator.post(address).status_code == 302
    assert mails("approval.asked") == ["boss@elsewhere.example"]
    assert coordinator.post(address).status_code == 302, "a second press does no harm"
    assert mails("approval.asked") == ["boss@elsewhere.example"]
    assert "addresses to confirm" not in coordinator.get("/manage/").content.decode()
    assert answer(booking, answer="agree")[0] == 302


def test_an_address_that_is_not_confirmed_ends_the_request_with_the_reason(
    practitioner: User, coordinator: Client
) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    address = reverse("manage_manager_decline", args=[approval_of(booking).pk])
    assert coordinator.get(address).status_code == 200
    assert coordinator.post(address, {"reason": ""}).status_code == 422
    assert state_of(booking) == Booking.State.REQUESTED
    assert coordinator.post(address, {"reason": "A private address"}).status_code == 302
    assert state_of(booking) == Booking.State.DECLINED
    [message] = Message.objects.filter(topic="booking.not_agreed")
    assert message.payload["by_coordinator"] is True
    assert message.payload["why"] == "A private address"
    assert coordinator.get(address).status_code == 302


def test_only_coordinators_confirm_addresses(practitioner: User) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    client = Client()
    client.force_login(practitioner)
    key = approval_of(booking).pk
    assert client.get(reverse("manage_managers")).status_code == 404
    for view in ("manage_manager_confirm", "manage_manager_decline"):
        assert client.post(reverse(view, args=[key]), {"reason": "x"}).status_code == 404
    assert approval_of(booking).state == Approval.State.UNCONFIRMED


# --- time ---


def test_reminded_after_three_working_days_and_lapsed_after_five_over_easter(
    practitioner: User,
) -> None:
    starts = datetime(2027, 5, 4, 9, 0, tzinfo=UTC)
    booking = requested(practitioner, now=BEFORE_EASTER, starts_at=starts, capacity=1)
    next_in_line = make_person(manager_email="m@x.org")
    waiting = actions.book(
        session=booking.session, person=next_in_line, by=next_in_line, now=BEFORE_EASTER
    )
    reminder_due = datetime(2027, 3, 30, 8, 0, tzinfo=UTC)
    over = datetime(2027, 4, 1, 16, 0, tzinfo=UTC)
    assert asking.remind(now=reminder_due - timedelta(seconds=1)) == 0
    assert asking.remind(now=reminder_due) == 1
    assert asking.remind(now=reminder_due + timedelta(hours=1)) == 0, "once"
    assert mails("approval.reminder") == [MANAGER]
    sweep(now=over - timedelta(seconds=1))
    assert state_of(booking) == Booking.State.REQUESTED
    assert asking.state_of_question(approval_of(booking), now=over) == QuestionState.RUN_OUT
    sweep(now=over)
    assert state_of(booking) == Booking.State.LAPSED
    assert state_of(waiting) == Booking.State.REQUESTED
    assert mails("booking.not_answered") == [practitioner.email]


def test_a_manager_never_has_longer_than_until_the_start(practitioner: User) -> None:
    starts = BEFORE_EASTER + timedelta(days=2)
    booking = requested(practitioner, now=BEFORE_EASTER, starts_at=starts)
    assert approval_of(booking).expires_at == starts
    assert asking.state_of_question(approval_of(booking), now=starts) == QuestionState.NOT_NEEDED


def test_whoever_is_asked_after_the_day_of_the_reminder_gets_none(practitioner: User) -> None:
    booking = requested(
        practitioner, now=BEFORE_EASTER, starts_at=datetime(2027, 5, 4, 9, 0, tzinfo=UTC)
    )
    late = datetime(2027, 3, 31, 9, 0, tzinfo=UTC)
    asking.change_manager(
        booking=booking, manager_email="new@trust.example", by=practitioner, now=late
    )
    assert asking.remind(now=late + timedelta(minutes=1)) == 0
    assert mails("approval.asked") == [MANAGER, "new@trust.example"]


def test_a_manager_cannot_be_named_who_is_the_person(practitioner: User) -> None:
    booking = requested(practitioner)
    # Mail with a plus suffix comes to the same mailbox, and with it the link to agree.
    for own in (practitioner.email, "Priya+manager@trust.example"):
        with pytest.raises(ManagerNeeded):
            asking.change_manager(
                booking=booking, manager_email=own, by=practitioner, now=timezone.now()
            )


def test_no_late_answer_takes_a_place_that_is_certain_without_one(practitioner: User) -> None:
    session, now = asking_session(capacity=1), timezone.now()
    holder = make_person(manager_email="boss@elsewhere.example")
    held = actions.book(session=session, person=holder, by=holder, now=now)
    booking = actions.book(
        session=session, person=practitioner, by=practitioner, now=now, manager_email=MANAGER
    )
    asked = approval_of(booking)
    session.course.needs_manager_approval = False
    session.course.save(update_fields=["needs_manager_approval"])
    actions.cancel(booking=held, by=holder, now=now)
    assert state_of(booking) == Booking.State.CONFIRMED
    with pytest.raises(AlreadyAnswered):
        actions.refuse_approval(approval=asked, now=now, reason="No time")
    assert state_of(booking) == Booking.State.CONFIRMED
    Approval.objects.update(state=Approval.State.UNCONFIRMED)
    assert not Approval.objects.to_confirm(now=now).filter(booking=booking).exists()


def test_nobody_is_asked_any_more_once_the_session_has_begun(practitioner: User) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    approval = approval_of(booking)
    with pytest.raises(AlreadyAnswered):
        asking.confirm_address(
            approval=approval, by=make_coordinator(), now=booking.session.starts_at
        )
    assert mails("approval.asked") == []
