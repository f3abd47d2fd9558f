"""The site that the table of access is tried on: somebody of each role, something to see."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import caches
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.actions import reminders_path
from accounts.addresses import no_address
from accounts.models import PractitionerGroup, User
from booking.calendars.actions import new_feed
from booking.catalogue.interest import stop_path, tell_me
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.partnership import kept as partnership
from booking.places import actions, links
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.replies.models import ReceivedMail
from booking.scheduling.covering import ask_to_cover
from booking.scheduling.guests import add_guest
from tests.access_table import (
    LOGIN,
    LOGO,
    TABLE,
    Answer,
)
from tests.factories import (
    make_agency,
    make_claimant,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_policy,
    make_session,
    make_trainer,
)
from tests.people import give_up


@dataclass
class Site:
    """One browser for each role, and the address of each row of the table."""

    browsers: dict[str, Client]
    addresses: dict[str, str]
    people: dict[str, User]

    @property
    def shown_to_few(self) -> list[User]:
        """Everybody but trainers, whom the programme names."""
        return list(User.objects.filter(is_trainer=False))


def make_site() -> Site:
    """Somebody of each role, and something to see at each address."""
    caches["default"].clear()
    caches["limits"].clear()
    now, ahead = timezone.now(), timezone.now() + timedelta(days=30)
    ours = make_agency(domains=["ours.example"])
    owner = make_person("owner@ours.example", agency=ours)
    people = {
        "owner": owner,
        "other": make_person(),
        "unconfirmed": make_claimant(agency=ours, is_agency_lead=True),
        "lead": make_lead(agency=ours),
        "other lead": make_lead(),
        "trainer": make_trainer(),
        "other trainer": make_trainer(),
        "coordinator": make_coordinator(),
        "superuser": make_coordinator(is_superuser=True),
    }

    def booked(session: Session, person: Any = owner, **named: Any) -> Booking:
        return actions.book(session=session, person=person, by=person, now=now, **named)

    course = make_course()
    session = make_session(course=course, starts_at=ahead, trainers=[people["trainer"]])
    make_session(course=course, starts_at=ahead + timedelta(days=7))
    booking = booked(session)
    draft = make_session(course=course, state=Session.State.DRAFT, starts_at=ahead)
    open_session = make_session(starts_at=ahead + timedelta(days=1))
    offering = make_session(
        starts_at=ahead + timedelta(days=2), capacity=1, promotion=Session.Promotion.OFFER
    )
    first, offered = booked(offering, make_person()), booked(offering)
    give_up(first, now=now)
    offered.refresh_from_db()
    assert offered.offered_until is not None
    full = make_session(starts_at=ahead + timedelta(days=3), capacity=1)
    booked(full, make_person())
    booked(full, make_person())
    waiting = booked(full)
    asking = make_course(needs_manager_approval=True, may_be_repeated=True)
    held = booked(
        make_session(course=asking, starts_at=ahead + timedelta(days=4)),
        manager_email="manager@ours.example",
        needs="A hearing loop",
    )
    unknown = booked(
        make_session(course=asking, starts_at=ahead + timedelta(days=5)),
        manager_email="manager@elsewhere.example",
    )
    declaration = PriorLearning.objects.create(
        person=owner, course=course, completed_on=now.date(), provider="Elsewhere"
    )
    unlisted = make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    claimant = make_claimant(agency=ours)
    failing = make_person(mail_failing_since=now)
    received = ReceivedMail.objects.create(key="1", seen_at=now, state=ReceivedMail.State.LISTED)
    message = Message.objects.filter(booking=booking)[0]
    Message.objects.filter(pk=message.pk).update(mime=b"Subject: Booked\r\n\r\nHello\r\n")
    on_paper = booked(make_session(starts_at=ahead + timedelta(days=6)), make_person(no_address()))
    letter = Message.objects.get(booking=on_paper)
    group = PractitionerGroup.objects.create(name="Leads")
    group.members.add(owner)
    interest = tell_me(course=course, person=owner, now=now)
    partnership.change(values={"logo_digest": LOGO, "logo_type": "image/png"}, by=None)

    coordinator = people["coordinator"]
    guest = add_guest(
        session=session,
        name="Isla Interpreter",
        email="isla@signs.example",
        purpose="BSL interpreter",
        by=coordinator,
        now=now,
    )
    cover = ask_to_cover(
        session=session,
        ill=people["trainer"],
        cover=people["other trainer"],
        tells_people=True,
        note="",
        by=coordinator,
        now=now,
    )

    of_session, of_booking = [session.pk], [booking.pk]
    arguments: dict[str, list[Any]] = {
        "partnership_colour": ["0b5563"],
        "partnership_logo": [LOGO],
        "course": [course.code],
        "session": of_session,
        "session_ics": of_session,
        "private_feed": [new_feed(person=owner, now=now)],
        "make_feed": ["bookings"],
        "remove_feed": ["bookings"],
        "course_interest": [course.code],
        "book": [open_session.pk],
        "booking": of_booking,
        "booking_ics": of_booking,
        "cancel_booking": of_booking,
        "substitute_booking": of_booking,
        "move_booking": of_booking,
        "answer_offer": [offered.pk],
        "change_manager": [held.pk],
        "agency_booking": of_booking,
        "agency_confirm": [claimant.pk],
        "agency_not_ours": [claimant.pk],
        "agency_book": of_session,
        "agency_book_many": of_session,
        "attendees": of_session,
        "attendees_print": of_session,
        "attendees_csv": of_session,
        "manage_session": of_session,
        "attendees_needs": of_session,
        "manage_session_people": of_session,
        "manage_session_people_csv": of_session,
        "manage_needs_arranged": [held.pk],
        "manage_session_waiting": [full.pk],
        "manage_session_edit": [draft.pk],
        "manage_session_publish": [draft.pk],
        "manage_session_discard": [draft.pk],
        "manage_session_change": of_session,
        "manage_session_write": of_session,
        "manage_session_cover": of_session,
        "manage_session_guests": of_session,
        "manage_guest_not_coming": [guest.pk],
        "trainer_cover": [cover.pk],
        "manage_session_capacity": of_session,
        "manage_session_limits": of_session,
        "manage_session_cancel": of_session,
        "manage_session_goes_ahead": of_session,
        "manage_booking_cancel": of_booking,
        "manage_booking_undo": of_booking,
        "manage_session_add": of_session,
        "manage_person_book": [owner.pk],
        "manage_post_letter": [letter.pk],
        "manage_booking_move_up": [waiting.pk],
        "manage_demand_course": [course.pk],
        "manage_learning_check": [declaration.pk],
        "manage_earlier_let_stand": of_booking,
        "manage_manager_confirm": [unknown.approval.pk],
        "manage_manager_decline": [unknown.approval.pk],
        "manage_agency_confirm": [claimant.pk],
        "manage_agency_not": [claimant.pk],
        "manage_agency_settle": [unlisted.pk],
        "manage_message": [message.pk],
        "manage_message_file": [message.pk],
        "manage_message_again": [message.pk],
        "manage_message_retry": [message.pk],
        "manage_message_retry_alike": [message.pk],
        "manage_message_address": [message.pk],
        "manage_message_drop": [message.pk],
        "manage_received_bring_back": [received.pk],
        "manage_received_settle": [received.pk],
        "manage_address_works": [failing.pk],
        "manage_course": [course.pk],
        "manage_group": [group.pk],
        "manage_venue": [session.venue_id],
        "manage_policy": [make_policy().pk],
        "manage_group_remove": [group.pk, owner.pk],
        "manage_person": [owner.pk],
        "manage_person_correct": [owner.pk],
        "manage_person_roles": [owner.pk],
        "manage_person_merge": [owner.pk],
        "manage_person_end": [owner.pk],
        "manage_person_held": [owner.pk],
        "manage_person_copy": [owner.pk],
    }
    signed = {
        "approval": links.approval_path(Approval.objects.get(booking=held).key),
        "offer": links.offer_path(offered.pk, offered.offered_until),
        "stop_interest": stop_path(interest),
        "reminders_link": reminders_path(owner, since=now),
        "make_feed led": reverse("make_feed", args=["led"]),
        "manage_session_new": f"{reverse('manage_session_new')}?course={course.pk}",
    }
    addresses = {
        name: signed.get(name) or reverse(name, args=arguments.get(name, [])) for name in TABLE
    }
    browsers = {"anonymous": Client()}
    for role, person in people.items():
        browsers[role] = Client()
        browsers[role].force_login(person)
    return Site(browsers, addresses, people)


def every_name(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[str]:
    """The names of all addresses."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inside = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from every_name(pattern, namespace + inside)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield namespace + pattern.name


def answer_of(response: Any) -> Answer:
    """The status, or that it leads to the sign-in page."""
    location = response.headers.get("Location", "")
    return LOGIN if location.startswith("/accounts/login/?next=") else response.status_code


class _Undo(Exception):
    pass


def tried(browser: Client, address: str, **options: Any) -> Any:
    """The answer to an empty POST, whose doing is undone."""
    try:
        with transaction.atomic():
            response = browser.post(address, **options)
            raise _Undo
    except _Undo:
        return response
