"""Pages of one’s own bookings: all of them, and one with all that hangs on it.

How the mail about it is getting on, and what calendars answered, is read here too.
"""

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import BigIntegerField, DateTimeField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import signed_in_page
from accounts.views import signed_in
from booking.attendance.absences import absence_of
from booking.attendance.roster import outcome_in_words
from booking.catalogue.models import Sitting, with_sittings
from booking.materials.models import materials_for
from booking.outbox.models import Message
from booking.outbox.topics import topic_of
from booking.places import terms
from booking.places.announcements import held_to
from booking.places.changing import undoing
from booking.places.events import BookingEvent
from booking.places.managers.copies import copied_to
from booking.places.models import Booking, BookingQuerySet
from booking.places.news.drafts import calendar_uid, sequences_of_entries
from booking.places.pages.loaders import booking_for
from booking.places.rules.line import standing, standings
from booking.places.terms import terms_of
from booking.replies.models import CalendarReply
from booking.site.ready_queries import Later, Ready, ReadyPages, row_count

_PAST_PER_PAGE = 20
_MAIL_SHOWN = 5
_IN_TROUBLE = (Message.State.PARKED, Message.State.DROPPED)
_CONFIRMATIONS = ("booking.confirmed", "booking.promoted")
_OF_FURTHER_DATES = ("booking.further_date", "booking.further_date_cancelled")


def _mine() -> BookingQuerySet:
    """One person's, with what a row of the list says."""
    with_session = Booking.objects.filter(person=_PERSON).select_related(
        "session__course", "session__venue", "session__register", "approval", "replaces__session"
    )
    return with_session.defer(
        "session__joining_instructions",
        "session__course__search",
        "session__course__summary",
        "session__venue__getting_there",
        "replaces__session__joining_instructions",
    )


def _ahead() -> BookingQuerySet:
    too_late = {"state": Booking.State.WAITING, "session__starts_at__lte": _NOW}
    live = _mine().live().filter(session__ends_at__gt=_NOW).exclude(**too_late)
    return live.with_position().order_by("session__starts_at", "pk")


def _over() -> BookingQuerySet:
    """Where a booking came from stands with it; what was moved away did not end."""
    others: Any = (
        _mine()
        .with_who_has_it_instead()
        .exclude(replaced_by__person=_PERSON)
        .extra(where=["NOT (booking_booking.id = ANY(%s))"], params=[_NOT_THESE])
    )
    found: BookingQuerySet = others.order_by("-session__starts_at", "-pk")
    return found


_PERSON, _NOW = Later("person", BigIntegerField()), Later("now", DateTimeField())
_NOT_THESE = Later("ahead", BigIntegerField())
_AHEAD: Ready[Booking] = Ready(_ahead)
_OVER: Ready[Booking] = Ready(_over)
_HOW_MANY_OVER = row_count(_over)
# What is asked of one booking's page.
_BOOKING = Later("booking", BigIntegerField())
_EVENTS: Ready[BookingEvent] = Ready(
    lambda: BookingEvent.objects.filter(booking=_BOOKING).select_related("by")
)
_MAIL: Ready[Message] = Ready(
    lambda: (
        Message.objects.filter(booking=_BOOKING)
        .exclude(state=Message.State.SUPERSEDED)
        .with_doubts()
        .defer("mime", "payload")
        .order_by("-id")
    )
)
_BECAME: Ready[Booking] = Ready(
    lambda: (
        Booking.objects.filter(replaces=_BOOKING).select_related("person", "session").order_by("pk")
    )
)
_ANSWERS: Ready[CalendarReply] = Ready(
    lambda: CalendarReply.objects.filter(booking=_BOOKING).select_related("sitting")
)


@signed_in_page()
def booking_page(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One booking: where it stands, what happens next, what has happened."""
    reader, now = signed_in(request), timezone.now()
    booking = booking_for(reader, booking_id)
    waits = booking.state == Booking.State.WAITING and booking.session.starts_at > now
    with_sittings([booking.session])
    sittings = list(booking.session.sittings.all())
    became = next(iter(_BECAME(booking=booking.pk)), None)
    booking.taken_over_by = became.person_id if became else None
    context = {
        "booking": booking,
        "session": booking.session,
        "sittings": sittings,
        "standing": standing(booking, reader=reader, now=now) if waits else None,
        "sitting_ahead": next((each for each in sittings if each.starts_at > now), None),
        "events": _EVENTS(booking=booking.pk),
        "materials": materials_for(
            booking.person,
            course_id=booking.session.course_id,
            session_id=booking.session_id,
            now=now,
        ),
        **mail_about(booking),
        "calendar_answers": calendar_answers(booking),
        "held_until": held_to(booking),
        "copied_to": copied_to(booking, booking.session.course),
        "now": now,
        "terms": terms_of(booking, reader=reader).sentence(now=now),
        "charged": terms.charge_sentence(booking),
        "became": became,
        # Whose chair a walk-in had is nobody's business.
        "came_from": None if booking.is_walk_in else booking.replaces,
        "outcome": outcome_in_words(booking, now=now),
        "absence": absence_of(booking),
        "is_own": booking.person_id == reader.pk,
        "can_undo": undoing.may_be_undone(booking, now=now) if reader.is_coordinator else None,
    }
    return render(request, "programme/booking.html", context)


@signed_in_page()
def my_bookings(request: HttpRequest) -> HttpResponse:
    """A person's bookings: upcoming, waiting, past."""
    person = signed_in(request)
    if not person.is_complete:
        return redirect(f"{reverse('account_profile')}?{urlencode({'next': request.path})}")
    now = timezone.now()
    ahead = _AHEAD(person=person.pk, now=now)
    asked = {"person": person.pk, "ahead": [each.pk for each in ahead]}
    rows: Any = ReadyPages(_OVER, _HOW_MANY_OVER, asked)
    over: Paginator[Booking] = Paginator(rows, _PAST_PER_PAGE)
    past = over.get_page(request.GET.get("page"))
    with_sittings([each.session for each in (*ahead, *past)])
    not_yet = (Booking.State.WAITING, Booking.State.OFFERED)
    waiting = [each for each in ahead if each.state in not_yet]
    in_line = [each for each in waiting if each.state == Booking.State.WAITING]
    stand = standings(in_line, now=now)
    coming = [each for each in ahead if each.state not in not_yet]
    following = [(_sitting_to_come(each, now=now), each) for each in coming]
    following.sort(key=lambda pair: (pair[0].starts_at, pair[1].pk))
    next_sitting, next_booking = following[0] if following else (None, None)
    context = {
        "next": next_booking,
        "next_sitting": next_sitting,
        "upcoming": [each for _, each in following[1:]],
        "waiting": [(each, stand.get(each.pk)) for each in waiting],
        "past": past,
        "now": now,
    }
    return render(request, "programme/my_bookings.html", context)


def _sitting_to_come(booking: Booking, *, now: datetime) -> Sitting:
    """The sitting a person goes to next, or is at; its session is not over."""
    return next(each for each in booking.session.sittings.all() if each.ends_at > now)


def mail_about(booking: Booking) -> dict[str, Any]:
    """The mail about a booking, newest first, each with what it is called.

    The last few messages, and the last confirmation whatever came since; those of its further
    dates by themselves, as they are many. Costs one statement.
    """
    named = [(topic_of(each.topic).words, each) for each in _MAIL(booking=booking.pk)]
    main = [row for row in named if row[1].topic not in _OF_FURTHER_DATES]
    further = [row for row in named if row[1].topic in _OF_FURTHER_DATES]
    last, older = main[:_MAIL_SHOWN], main[_MAIL_SHOWN:]
    if not any(each.topic in _CONFIRMATIONS for _, each in last):
        last += [row for row in older if row[1].topic in _CONFIRMATIONS][:1]
    confirmations = [row for row in last if row[1].topic in _CONFIRMATIONS]
    shown = confirmations if booking.state == Booking.State.CONFIRMED else last
    return {
        "mail_sent": last,
        "mail_to_name": next(iter(shown), None),
        "mail_of_further_dates": further,
        "is_further_mail_wrong": _is_wrong(further),
        "is_mail_wrong": _is_wrong([*last, *further]),
    }


def _is_wrong(mail: list[tuple[str, Message]]) -> bool:
    """Whether any of it did not arrive or may not have, or was not sent."""
    return any(
        each.came_back or each.may_have_come_back or each.state in _IN_TROUBLE  # type: ignore[attr-defined]
        for _, each in mail
    )


def calendar_answers(booking: Booking) -> list[CalendarReply]:
    """The newest answer from the person's calendar to each date, by date: one statement or two.

    What was answered before the entry was changed says nothing about what it is now.
    """
    answers = _ANSWERS(booking=booking.pk)
    if answers:
        current = sequences_of_entries(booking)
        answers = [
            each
            for each in answers
            if each.sequence
            >= current.get(calendar_uid(booking, each.sitting_id or 0), booking.calendar_sequence)
        ]
    in_order = sorted(answers, key=lambda answer: answer.order)
    last = {answer.sitting_id: answer for answer in in_order}
    return sorted(last.values(), key=lambda answer: answer.sitting_id or 0)
