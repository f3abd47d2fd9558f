"""A person about whom every table of the database says something."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from accounts.access import looked_at
from accounts.models import AccessRecord, PractitionerGroup, User
from booking.attendance.in_room import Claim
from booking.attendance.models import AbsenceCase, Arrival, Mark, Register
from booking.bulletins.subscribing import choose
from booking.calendars.actions import new_feed
from booking.catalogue.interest import tell_me
from booking.catalogue.models import SessionEvent
from booking.learning.models import PriorLearning
from booking.materials.models import Material
from booking.outbox.models import ACCOUNT_MAIL, Message, MessageEvent
from booking.partnership import kept
from booking.places import actions
from booking.places.changing import answering, exchanges
from booking.places.events import BookingEvent
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.privacy import accounts_of_people
from booking.replies.models import CalendarReply, ReceivedMail
from booking.scheduling.models import CoverRequest, SessionGuest, SessionNote
from tests.factories import make_agency, make_coordinator, make_course, make_person, make_session
from tests.people import signed_in

NAME = "Zoltana Quibblewick"
EMAIL = "zoltana.quibblewick@ours.example"
SECOND_EMAIL = "zq@second.example"


def lived_person(**fields: Any) -> User:
    """Zoltana Quibblewick: she has booked, led, managed, declared, signed in, written and read.

    All of it is over: nothing lies ahead of her.
    """
    now = timezone.now()
    then = now - timedelta(days=60)
    agency = make_agency(domains=["ours.example"])
    person = make_person(
        EMAIL,
        first_name="Zoltana",
        last_name="Quibblewick",
        job_title="Falconer",
        phone="01632 960001",
        manager_email="boss.of.zoltana@ours.example",
        mail_failure=f"550 no mailbox {EMAIL}",
        mail_failing_since=then,
        mail_doubt=f"550 {EMAIL} is full",
        mail_doubted_since=then,
        agency=agency,
        **fields,
    )
    EmailAddress.objects.create(user=person, email=SECOND_EMAIL, verified=True)
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    signed_in_here(person)
    PractitionerGroup.objects.create(name="Falconers").members.add(person)
    PractitionerGroup.objects.create(name="Austringers").interested.add(person)
    kept.change(values={"excused_addresses": [EMAIL, "office@other.example"]}, by=None)
    choose(person=person, wants_bulletins=True, wants_digest=False, topics=(), now=then)
    _booked(person, then=then)
    _handed_over(person, then=then)
    _as_manager(person, now=now, then=then)
    _wrote(person, now=now)
    _acted(person, now=now)
    return person


def signed_in_here(person: User) -> Client:
    """A browser in which they are signed in, which their list of devices shows."""
    browser = signed_in(person)
    beside = UserSession.objects.filter(session_key=browser.session.session_key)
    beside.update(ip="192.0.2.7", user_agent="A browser")
    return browser


def _booked(person: User, *, then: datetime) -> None:
    session = make_session(
        course=make_course(needs_manager_approval=True, copies_manager=True),
        starts_at=then + timedelta(days=20),
    )
    booking = actions.book(
        session=session,
        person=person,
        by=person,
        now=then,
        needs="Zoltana needs a perch",
        manager_email="boss.of.zoltana@ours.example",
    )
    approval = Approval.objects.get(booking=booking)
    answering.approve(approval=approval, now=then, reason="Zoltana may fly")
    booking.refresh_from_db()
    Arrival.objects.create(
        booking=booking, sitting=session.sittings.get(), at=session.starts_at, device="browser"
    )
    Mark.objects.create(
        booking=booking,
        sitting=session.sittings.get(),
        what=Mark.What.ABSENT,
        by=person,
        at=session.starts_at,
        noted_at=session.starts_at,
    )
    Register.objects.create(session=session, closed_at=session.ends_at, closed_by=person)
    AbsenceCase.objects.create(
        booking=booking,
        manager_email="boss.of.zoltana@ours.example",
        reason="Zoltana flew elsewhere",
        manager_reason="Zoltana was on call",
        decided_by=person,
        why="Zoltana rang",
    )
    CalendarReply.objects.create(
        booking=booking, partstat="ACCEPTED", at=then, message_id=f"<1.{EMAIL}>"
    )
    for message in Message.objects.filter(booking=booking):
        Message.objects.filter(pk=message.pk).update(
            state=Message.State.SENT,
            sent_at=then,
            mime=f"To: {EMAIL}\r\n\r\nDear Zoltana Quibblewick".encode(),
            last_error=f"450 {EMAIL} try later",
        )
        MessageEvent.objects.create(
            message=message,
            at=then,
            by=person,
            what=MessageEvent.What.ADDRESS_CORRECTED,
            why=f"From {EMAIL} to {SECOND_EMAIL}.",
            former_message_id=f"<former{message.pk}@ours.example>",
        )


def _handed_over(person: User, *, then: datetime) -> None:
    colleague = make_person(agency=person.agency)
    handed = make_session(starts_at=then + timedelta(days=23))
    theirs = actions.book(session=handed, person=colleague, by=colleague, now=then)
    exchanges.substitute(booking=theirs, to=person, by=colleague, now=then)
    # The address that she had then.
    BookingEvent.objects.filter(booking=theirs, what=BookingEvent.What.HANDED_OVER).update(
        why="Given to zoltana@married.example."
    )
    session = make_session(starts_at=then + timedelta(days=21))
    given = actions.book(session=session, person=person, by=person, now=then)
    exchanges.substitute(booking=given, to=colleague, by=person, now=then)
    Message.objects.filter(booking__person=colleague).update(
        state=Message.State.SENT, sent_at=then, mime=b"Zoltana Quibblewick gave you her place"
    )


def _as_manager(person: User, *, now: datetime, then: datetime) -> None:
    staff = make_person(agency=person.agency, manager_email=EMAIL.upper())
    asking = make_session(
        course=make_course(needs_manager_approval=True), starts_at=now + timedelta(days=40)
    )
    actions.book(session=asking, person=staff, by=staff, now=now, manager_email=EMAIL)
    AbsenceCase.objects.create(
        booking=Booking.objects.get(person=staff),
        manager_email=EMAIL,
        manager_reason="Zoltana wrote: on leave",
    )
    led = make_session(starts_at=then + timedelta(days=22), trainers=[person])
    SessionEvent.objects.create(session=led, at=then, by=person, what=f"Trainers: {NAME}")
    actions.book(session=led, person=make_person(), by=person, now=then)


def _wrote(person: User, *, now: datetime) -> None:
    new_feed(person=person, now=now)
    tell_me(course=make_course(), person=person, now=now)
    for state in (PriorLearning.State.VERIFIED, PriorLearning.State.DECLARED):
        PriorLearning.objects.create(
            person=person,
            course=make_course(),
            completed_on=now.date(),
            provider="The Quibblewick school",
            state=state,
            note=f"{NAME} sent a certificate",
        )
    ReceivedMail.objects.create(
        key="9", seen_at=now, from_address=EMAIL, subject="Zoltana cannot come", settled_by=person
    )
    Message.objects.create(
        topic=ACCOUNT_MAIL,
        subject_key="account:lived",
        stream="account:lived",
        to_email=SECOND_EMAIL,
        due_at=now,
        message_id="<lived@ours.example>",
        mime=f"To: {SECOND_EMAIL}\r\n\r\nABCDEF".encode(),
    )


def _acted(person: User, *, now: datetime) -> None:
    coordinator = make_coordinator()
    looked_at(person, by=coordinator, what="bookings")
    accounts_of_people.note(person=person, text="Zoltana rang.", by=coordinator, now=now)
    accounts_of_people.note(person=coordinator, text="Rang.", by=person, now=now)
    looked_at(make_course(), by=person, what="attendees", rows=2, form=AccessRecord.Form.CSV)
    PriorLearning.objects.create(
        person=make_person(),
        course=make_course(),
        completed_on=now.date(),
        provider="Elsewhere",
        checked_by=person,
        note=f"{NAME} looked at it",
    )
    Approval.objects.exclude(booking__person=person).update(confirmed_by=person)
    _of_sessions(person, coordinator, now=now)
    make_person(agency_confirmed_at=now, agency_confirmed_by=person)
    Booking.objects.exclude(person=person).update(needs_arranged_at=now, needs_arranged_by=person)
    for by, of in ((coordinator, person), (person, coordinator)):
        LogEntry.objects.create(
            user=by,
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(of.pk),
            object_repr=str(of),
            action_flag=CHANGE,
            change_message=f"Changed {of.email}.",
        )


def _of_sessions(person: User, coordinator: User, *, now: datetime) -> None:
    """What she wrote to people of a session, who came as a guest, and who stood in for whom."""
    session = make_session(starts_at=now - timedelta(days=30))
    for by in (person, coordinator):
        SessionNote.objects.create(
            session=session,
            at=now,
            by=by,
            whom="1 person with a place",
            people=1,
            subject=f"{NAME} writes",
            text=f"Ask {NAME} or {EMAIL}.",
        )
    came = {"session": session, "purpose": f"Speaks about {NAME}", "added_at": now}
    SessionGuest.objects.create(name=NAME, email=EMAIL, added_by=coordinator, **came)
    SessionGuest.objects.create(name="Isla", email="isla@signs.example", added_by=person, **came)
    asked = {"session": session, "asked_at": now, "answered_at": now, "tells_people": True}
    for who, ill, by in (
        (person, coordinator, coordinator),
        (coordinator, person, person),
    ):
        CoverRequest.objects.create(person=who, instead_of=ill, by=by, **asked)
    for by, whose in (
        (coordinator, Booking.objects.filter(person=person)),
        (person, Booking.objects.exclude(person=person)),
    ):
        booking = whose.order_by("pk")[0]
        sitting = booking.session.sittings.all()[0]
        settled = {"settled_at": now, "settled_by": by, "agreed": True}
        Claim.objects.create(booking=booking, sitting=sitting, at=now, device="x", **settled)
        Material.objects.create(
            session=session,
            title="Film",
            audience=Material.Audience.BOOKED,
            link="https://film.example",
            added_at=now,
            added_by=by,
        )
