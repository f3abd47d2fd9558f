"""Pages of one’s own bookings: all of them, and one with all that hangs on it.

How the mail about it is getting on, and what calendars answered, is read here too.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import signed_in_page
from accounts.views import signed_in
from booking.outbox.models import Message
from booking.outbox.topics import topic_of
from booking.places import terms
from booking.places.managers.copies import copied_to
from booking.places.models import Booking
from booking.places.pages.loaders import booking_for
from booking.places.rules.line import standing, standings
from booking.places.terms import terms_of
from booking.replies.models import CalendarReply
from booking.site.web import paged

_PAST_PER_PAGE = 20
_MAIL_SHOWN = 5
_STATES = [state for state in Message.State if state != Message.State.SUPERSEDED]
_CONFIRMATIONS = ("booking.confirmed", "booking.promoted")
_OF_FURTHER_DATES = ("booking.further_date", "booking.further_date_cancelled")


@signed_in_page()
def booking_page(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One booking: where it stands, what happens next, what has happened."""
    booking, now = booking_for(signed_in(request), booking_id), timezone.now()
    waits = booking.state == Booking.State.WAITING and booking.session.starts_at > now
    context = {
        "booking": booking,
        "session": booking.session,
        "sittings": booking.session.sittings.all(),
        "standing": standing(booking, now=now) if waits else None,
        "events": booking.events.select_related("by"),
        "mail_sent": mail_sent_about(booking),
        "calendar_answers": calendar_answers(booking),
        "copied_to": copied_to(booking, booking.session.course),
        "now": now,
        "terms": terms_of(booking).sentence(now=now),
        "charged": terms.charge_sentence(booking),
        "became": booking.replaced_by.select_related("person", "session").first(),
        "is_own": booking.person_id == signed_in(request).pk,
    }
    return render(request, "programme/booking.html", context)


@signed_in_page()
def my_bookings(request: HttpRequest) -> HttpResponse:
    """A person's bookings: upcoming, waiting, past."""
    person = signed_in(request)
    if not person.is_complete:
        return redirect(f"{reverse('account_profile')}?{urlencode({'next': request.path})}")
    now = timezone.now()
    mine = Booking.objects.for_person(person).with_session()
    too_late = {"state": Booking.State.WAITING, "session__starts_at__lte": now}
    live = mine.live().filter(session__ends_at__gt=now).exclude(**too_late)
    ahead = live.order_by("session__starts_at", "pk")
    not_yet = (Booking.State.WAITING, Booking.State.OFFERED)
    waiting = list(ahead.filter(state__in=not_yet).with_position().select_related("approval"))
    over = mine.exclude(pk__in=[each.pk for each in ahead]).order_by("-session__starts_at", "-pk")
    in_line = [each for each in waiting if each.state == Booking.State.WAITING]
    stand = standings(in_line, now=now)
    context = {
        "upcoming": [each for each in ahead if each.state not in not_yet],
        "waiting": [(each, stand.get(each.pk)) for each in waiting],
        "past": paged(request, over, per_page=_PAST_PER_PAGE),
        "now": now,
    }
    return render(request, "programme/my_bookings.html", context)


@dataclass(frozen=True)
class SentMail:
    """One message about a booking: what it is, to whom, and where it is."""

    key: int
    name: str
    to_email: str
    state: str
    at: datetime
    came_back: bool

    @property
    def is_in_trouble(self) -> bool:
        """Whether it has not arrived and somebody should know."""
        return self.came_back or self.state in (Message.State.PARKED, Message.State.DROPPED)


@dataclass(frozen=True)
class MailAbout:
    """The mail about a booking, newest first: that of further dates by itself, as it is much."""

    main: list[SentMail]
    of_further_dates: list[SentMail]

    @property
    def has_hidden_trouble(self) -> bool:
        """Whether something is wrong with the calendar entry of a further date."""
        return any(each.is_in_trouble for each in self.of_further_dates)


def mail_sent_about(booking: Booking) -> MailAbout:
    """The last few messages about a booking, its last confirmation whatever came since, and those
    of its further dates. Costs one statement."""
    messages = list(
        Message.objects.filter(booking_id=booking.pk, state__in=_STATES)
        .defer("mime", "payload")
        .order_by("-id")
    )
    main = [each for each in messages if each.topic not in _OF_FURTHER_DATES]
    confirmation = next((each for each in main if each.topic in _CONFIRMATIONS), None)
    shown = main[:_MAIL_SHOWN]
    if confirmation is not None and confirmation not in shown:
        shown.append(confirmation)
    further = [each for each in messages if each.topic in _OF_FURTHER_DATES]
    return MailAbout(
        main=[_line(each) for each in shown], of_further_dates=list(map(_line, further))
    )


def calendar_answers(booking: Booking) -> list[CalendarReply]:
    """The last answer from the person's calendar to each date, by date. Costs one statement."""
    answers = CalendarReply.objects.filter(booking=booking).select_related("sitting")
    last = {answer.sitting_id: answer for answer in answers}
    return sorted(last.values(), key=lambda answer: answer.sitting_id or 0)


def _line(message: Message) -> SentMail:
    return SentMail(
        key=message.pk,
        name=topic_of(message.topic).words,
        to_email=message.to_email,
        state=message.state,
        at=message.sent_at or message.created_at,
        came_back=message.came_back,
    )
