"""Who may open what: every address of the site, by everybody, to look and to act.

An address without a row here fails the first test. Each row says what a GET and an empty POST are
answered by role. Somebody else's things are not forbidden but not there: 404.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from logging import WARNING, getLogger
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import reminders_path
from accounts.models import PractitionerGroup
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
from booking.site.logs import JsonFormatter
from tests.access_table import DEMO, LOGIN, LOGO, RECORDED, ROLES, SIGN_IN, TABLE, Answer
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_policy,
    make_session,
    make_trainer,
)
from tests.people import give_up

pytestmark = pytest.mark.django_db


@dataclass
class Site:
    """One browser for each role, and the address of each row of the table."""

    browsers: dict[str, Client]
    addresses: dict[str, str]


@pytest.fixture
def site() -> Site:
    cache.clear()
    now, ahead = timezone.now(), timezone.now() + timedelta(days=30)
    ours = make_agency(domains=["ours.example"])
    owner = make_person("owner@ours.example", agency=ours)
    people = {
        "owner": owner,
        "other": make_person(),
        "lead": make_lead(agency=ours),
        "other lead": make_lead(),
        "trainer": make_trainer(),
        "other trainer": make_trainer(),
        "coordinator": make_coordinator(),
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
    asking = make_course(needs_manager_approval=True)
    held = booked(
        make_session(course=asking, starts_at=ahead + timedelta(days=4)),
        manager_email="manager@ours.example",
    )
    unknown = booked(
        make_session(course=asking, starts_at=ahead + timedelta(days=5)),
        manager_email="manager@elsewhere.example",
    )
    declaration = PriorLearning.objects.create(
        person=owner, course=course, completed_on=now.date(), provider="Elsewhere"
    )
    unlisted = make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    failing = make_person(mail_failing_since=now)
    received = ReceivedMail.objects.create(key="1", seen_at=now, state=ReceivedMail.State.LISTED)
    message = Message.objects.filter(booking=booking)[0]
    Message.objects.filter(pk=message.pk).update(mime=b"Subject: Booked\r\n\r\nHello\r\n")
    group = PractitionerGroup.objects.create(name="Leads")
    group.members.add(owner)
    interest = tell_me(course=course, person=owner, now=now)
    partnership.change(values={"logo_digest": LOGO, "logo_type": "image/png"}, by=None)

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
        "agency_book": of_session,
        "agency_book_many": of_session,
        "attendees": of_session,
        "attendees_print": of_session,
        "attendees_csv": of_session,
        "manage_session": of_session,
        "manage_session_bookings": of_session,
        "manage_session_waiting": [full.pk],
        "manage_session_edit": [draft.pk],
        "manage_session_publish": [draft.pk],
        "manage_session_discard": [draft.pk],
        "manage_session_change": of_session,
        "manage_session_capacity": of_session,
        "manage_session_limits": of_session,
        "manage_session_cancel": of_session,
        "manage_session_goes_ahead": of_session,
        "manage_booking_cancel": of_booking,
        "manage_booking_move_up": [waiting.pk],
        "manage_demand_course": [course.pk],
        "manage_learning_check": [declaration.pk],
        "manage_manager_confirm": [unknown.approval.pk],
        "manage_manager_decline": [unknown.approval.pk],
        "manage_unlisted_person": [unlisted.pk],
        "manage_message": [message.pk],
        "manage_message_file": [message.pk],
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
    return Site(browsers, addresses)


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


def writes(statements: CaptureQueriesContext) -> list[str]:
    """What changed the database, besides the sign-in of the browser itself."""
    changes = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
    found = [each["sql"] for each in statements.captured_queries if changes.match(each["sql"])]
    return [sql for sql in found if '"django_session"' not in sql]


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


def test_every_address_has_a_row() -> None:
    known = {*TABLE, *SIGN_IN, *DEMO}
    missing = {name for name in every_name() if not name.startswith("admin:")} - known
    assert not missing, f"Say in TABLE who may open these: {sorted(missing)}"


@pytest.mark.slow
def test_who_may_look(site: Site) -> None:
    wrong = []
    for name, (looking, _) in TABLE.items():
        for role, browser in site.browsers.items():
            with CaptureQueriesContext(connection) as statements:
                response = browser.get(site.addresses[name])
            found = answer_of(response)
            if found != looking[role]:
                wrong.append(f"{name}, {role}: {found}, not {looking[role]}")
            if name not in RECORDED and (changed := writes(statements)):
                wrong.append(f"{name}, {role}: looking writes {changed}")
            kept = response.headers.get("Cache-Control", "")
            personal = looking["anonymous"] == LOGIN and found == 200
            if personal and "no-store" not in kept:
                wrong.append(f"{name}, {role}: may be stored by a browser or proxy: {kept!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_who_may_act(site: Site) -> None:
    wrong = []
    for name, (_, acting) in TABLE.items():
        for role, browser in site.browsers.items():
            found = answer_of(tried(browser, site.addresses[name]))
            if found != acting[role]:
                wrong.append(f"{name}, {role}: {found}, not {acting[role]}")
    assert not wrong, "\n".join(wrong)


def strict(browser: Client) -> Client:
    """The same person in a browser whose forms are checked."""
    checked = Client(enforce_csrf_checks=True)
    checked.cookies = browser.cookies
    return checked


# What anybody may see anyway, and only sees; and what is only looked at behind a sign-in.
NOT_ACTING = {name for name, row in TABLE.items() if row[0] == row[1]} - {"stop_interest"}


@pytest.mark.slow
def test_a_form_from_another_site_does_nothing(site: Site) -> None:
    wrong = []
    for name, (_, acting) in TABLE.items():
        for role, browser in site.browsers.items():
            if acting[role] in (LOGIN, 404, 405):
                continue
            found = tried(strict(browser), site.addresses[name]).status_code
            if found != 403:
                wrong.append(f"{name}, {role}: {found}")
    assert not wrong, "\n".join(wrong)


def test_every_form_is_limited(site: Site, settings: Settings) -> None:
    settings.RATE_LIMIT_FACTOR = 0
    wrong = []
    for name, (_, acting) in TABLE.items():
        roles = [role for role in ROLES if acting[role] not in (LOGIN, 404, 405)]
        if name in NOT_ACTING or not roles:
            continue
        found = tried(site.browsers[roles[0]], site.addresses[name]).status_code
        if found != 429:
            wrong.append(f"{name}, {roles[0]}: {found}")
    assert not wrong, "\n".join(wrong)


def test_the_pages_of_signing_in_show_the_anonymous_nothing(site: Site) -> None:
    wrong = []
    arguments: dict[str, list[Any]] = {
        "partnership_colour": ["0b5563"],
        "partnership_logo": [LOGO],
        "account_reset_password_from_key": ["1", "x-y"],
        "mfa_remove_webauthn": [1],
        "mfa_edit_webauthn": [1],
    }
    for name, is_open in SIGN_IN.items():
        response = Client().get(reverse(name, args=arguments.get(name, [])))
        found = answer_of(response)
        if (found == LOGIN) == is_open or (not is_open and found != LOGIN):
            wrong.append(f"{name}: {found}")
    assert not wrong, "\n".join(wrong)


def test_the_back_office_is_for_those_who_were_let_in(site: Site) -> None:
    names = [
        name for name in every_name() if re.fullmatch(r"admin:(index|.+_(changelist|add))", name)
    ]
    assert len(names) > 10
    for name in names:
        for role, browser in site.browsers.items():
            response = browser.get(reverse(name))
            if role == "anonymous":
                assert response.headers["Location"].startswith("/admin/login/"), name
            else:
                assert response.status_code in (302, 403), (name, role)


def test_no_log_line_holds_a_link_to_act_by(site: Site) -> None:
    for name in ("private_feed", "approval", "offer", "stop_interest", "reminders_link"):
        path = site.addresses[name]
        secret = max(path.split("/"), key=len).removesuffix(".ics")
        record = getLogger("django.request").makeRecord(
            "django.request", WARNING, __file__, 1, "Gone: %s", (path,), None
        )
        line = JsonFormatter().format(record)
        assert secret not in line, name
        assert "[secret]" in line, name


@pytest.mark.parametrize(
    "address",
    [
        f"/sessions/{'9' * 40}/",
        f"/sessions/{'9' * 40}/book/",
        f"/bookings/{'9' * 40}/",
        f"/agency/sessions/{'9' * 40}/book/",
        f"/agency/bookings/{'9' * 40}/",
        "/courses/%00/",
        "/courses/%00/new-dates/",
        "/calendar/%00/new/",
        "/calendar/%00.ics",
        "/new-dates/%00/stop/",
        "/accounts/reminders/%00/",
        "/offers/%00/",
    ],
)
def test_what_cannot_be_is_not_found(site: Site, address: str) -> None:
    for role in ("owner", "lead"):
        for method in ("get", "post"):
            response = getattr(site.browsers[role], method)(address)
            assert response.status_code in (404, 405), (role, method)
