"""The site that the table of access is tried on: somebody of each role, something to see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.actions import reminders_path
from accounts.addresses import no_address
from accounts.groups import describe_group
from accounts.models import PractitionerGroup, User
from booking.attendance.in_room import pass_for
from booking.attendance.models import AbsenceCase
from booking.bulletins.sending import send
from booking.bulletins.subscribing import confirm_path, end_unreachable, unsubscribe_path
from booking.calendars.actions import new_feed
from booking.catalogue.courses import store_topic
from booking.catalogue.interest import stop_path, tell_me
from booking.catalogue.models import DiaryDate, Session, Topic
from booking.learning.models import PriorLearning
from booking.materials.actions import add_material
from booking.materials.models import Material
from booking.outbox.models import Message
from booking.outbox.remedies import note_doubt
from booking.partnership import kept as partnership
from booking.places import actions, links
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.replies.models import ReceivedMail
from booking.scheduling.covering import ask_to_cover
from booking.scheduling.guests import add_guest
from tests.access_table import LOGIN, LOGO, TABLE, Answer
from tests.bulletins.bulletins import make_bulletin, make_stranger
from tests.factories import (
    NOW,
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
    # Of people without an account: their addresses, and who may know each.
    strangers: Mapping[str, str]

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
    online = booked(make_session(starts_at=ahead + timedelta(days=8), delivery="online"))
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
    strangers = {
        "manager@ours.example": "owner",
        "manager@elsewhere.example": "owner",
        "isla@signs.example": "",
        "stranger@mail.example": "",
        "reader@mail.example": "",
        "gone@mail.example": "",
    }
    declaration = PriorLearning.objects.create(
        person=owner, course=course, completed_on=now.date(), provider="Elsewhere"
    )
    unlisted = make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    claimant = make_claimant(agency=ours)
    failing = make_person(mail_failing_since=now)
    message = Message.objects.filter(booking=booking)[0]
    Message.objects.filter(pk=message.pk).update(mime=b"Subject: Booked\r\n\r\nHello\r\n")
    doubted = Message.objects.filter(booking=offered)[0]
    Message.objects.filter(pk=doubted.pk).update(state=Message.State.SENT, sent_at=now)
    note_doubt(message=doubted, reason="5.1.1 No such person", now=now)
    came: dict[str, Any] = {
        "seen_at": now,
        "from_address": "stranger@mail.example",
        "about": doubted,
    }
    listed, away = ReceivedMail.State.LISTED, ReceivedMail.State.DONE
    received = ReceivedMail.objects.create(key="1", state=listed, brought_back_at=now, **came)
    put_away = ReceivedMail.objects.create(key="2", state=away, kind="report", **came)
    make_stranger("gone@mail.example")
    end_unreachable(email="gone@mail.example", why="5.1.1 No such person", said_at=NOW, now=now)
    on_paper = booked(make_session(starts_at=ahead + timedelta(days=6)), make_person(no_address()))
    letter = Message.objects.get(booking=on_paper)
    group = PractitionerGroup.objects.create(name="Leads")
    group.members.add(owner)
    before = make_session(starts_at=now - timedelta(days=3), trainers=[people["trainer"]])
    missed = actions.book(session=before, person=owner, by=owner, now=now - timedelta(days=40))
    case = AbsenceCase.objects.create(booking=missed, manager_email="manager@ours.example")
    group.interested.add(people["other"])
    describe_group(group=group, purposes="Give feedback", is_open=True)
    bulletin = make_bulletin()
    bulletin.parts.update(picture_digest=LOGO, picture_type="image/png", picture_says="A logo")
    subscriber = make_stranger("reader@mail.example")
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

    material = add_material(
        owner=session,
        title="Slides",
        audience=Material.Audience.BOOKED,
        file=SimpleUploadedFile("slides.pdf", b"%PDF-1.7"),
        link="",
        last_day=None,
        by=coordinator,
        now=now,
    )

    # What stands in an address by the name of its place there, and where it is another than usual.
    usual = {
        "session_id": session.pk,
        "booking_id": booking.pk,
        "person_id": owner.pk,
        "course_id": course.pk,
        "agency_id": ours.pk,
        "topic_id": store_topic(topic=Topic(), name="Neglect").pk,
        "code": course.code,
        "venue_id": session.venue_id,
        "policy_id": make_policy().pk,
        "file": "venues.csv",
        "block": "spaces",
        "bulletin_id": bulletin.pk,
        "part_id": bulletin.parts.all()[0].pk,
        "diary_id": DiaryDate.objects.create(title="A day", starts=ahead, ends=ahead).pk,
        "group_id": group.pk,
        "guest_id": guest.pk,
        "cover_id": cover.pk,
        "case_id": case.pk,
        "declaration_id": declaration.pk,
        "approval_id": unknown.approval.pk,
        "message_id": message.pk,
        "received_id": received.pk,
        "material_id": material.pk,
        "kind": "bookings",
        "digits": "0b5563",
        "digest": LOGO,
    }
    published = make_bulletin()
    send(bulletin=published, expected_revision=published.revision, now=now)
    draft_session, claim = {"session_id": draft.pk}, {"person_id": claimant.pk}
    unusual: dict[str, dict[str, Any]] = {
        "bulletin": {"bulletin_id": published.pk},
        "private_feed": {"token": new_feed(person=owner, now=now)},
        "book": {"session_id": open_session.pk},
        "absence": {"booking_id": missed.pk},
        "answer_offer": {"booking_id": offered.pk},
        "change_manager": {"booking_id": held.pk},
        "agency_confirm": claim,
        "agency_not_ours": claim,
        "manage_needs_arranged": {"booking_id": held.pk},
        "manage_session_waiting": {"session_id": full.pk},
        "manage_session_edit": draft_session,
        "manage_session_publish": draft_session,
        "manage_session_discard": draft_session,
        "manage_post_letter": {"message_id": letter.pk},
        "manage_booking_move_up": {"booking_id": waiting.pk},
        "manage_agency_confirm": claim,
        "manage_agency_not": claim,
        "manage_agency_settle": {"person_id": unlisted.pk},
        "manage_address_works": {"person_id": failing.pk},
        "manage_message": {"message_id": doubted.pk},
        "manage_received_bring_back": {"received_id": put_away.pk},
    }
    signed = {
        "approval": links.approval_path(Approval.objects.get(booking=held).key),
        "offer": links.offer_path(offered.pk, offered.offered_until),
        "join": links.join_path(online.join_key),
        "room_here": reverse("room_here", args=[pass_for(session, now=now)]),
        "absence_by_link": links.absence_path(case.key),
        "stop_interest": stop_path(interest),
        "confirm_subscription": confirm_path(subscriber.pk, since=now),
        "unsubscribe": unsubscribe_path(subscriber.pk),
        "reminders_link": reminders_path(owner, since=now),
        "make_feed led": reverse("make_feed", args=["led"]),
        "manage_session_new": f"{reverse('manage_session_new')}?course={course.pk}",
        "manage_session_plan": f"{reverse('manage_session_plan')}?course={course.pk}",
    }
    addresses = {
        name: signed.get(name) or address_of(name, usual | unusual.get(name, {})) for name in TABLE
    }
    browsers = {"anonymous": Client()}
    for role, person in people.items():
        browsers[role] = Client()
        browsers[role].force_login(person)
    return Site(browsers, addresses, people, strangers)


def address_of(name: str, known: Mapping[str, Any]) -> str:
    """The address of this name, filled in with what is known by the names of its places."""
    [[(_, places)], *_] = get_resolver().reverse_dict.getlist(name)[0]
    return reverse(name, kwargs={place: known[place] for place in places})


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
