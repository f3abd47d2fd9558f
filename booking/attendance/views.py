"""What trainers see: their sessions, and who is coming."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import record_access, signed_in_page
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.attendance.lists import (
    AttendeeList,
    attendee_list,
    attendees_as_csv,
    session_with_people,
    sessions_open_to,
)
from booking.catalogue.models import Session
from booking.site.web import paged

Form = AccessRecord.Form
_PAST_PER_PAGE = 20


@signed_in_page()
def trainer_sessions(request: HttpRequest) -> HttpResponse:
    """The sessions somebody leads: those ahead, then those just over."""
    person = signed_in(request)
    if not person.is_trainer:
        raise Http404
    now = timezone.now()
    mine = sessions_open_to(person, now=now).led_by(person).for_pages()
    over = mine.filter(ends_at__lte=now).order_by("-starts_at", "-pk")
    context = {
        "upcoming": mine.filter(ends_at__gt=now).order_by("starts_at", "pk"),
        "over": paged(request, over, per_page=_PAST_PER_PAGE),
        "now": now,
    }
    return render(request, "attendance/trainer_sessions.html", context)


def _list_seen(
    person: User, session_id: int, form: AccessRecord.Form, *, now: datetime
) -> tuple[Session, AttendeeList]:
    """The session and its people, once the look at them is on record."""
    session = session_with_people(person, session_id, now=now)
    people = attendee_list(session)
    record_access(
        by=person,
        what="attendees",
        about=f"{session.reference}: {session.course.title}",
        about_id=session.pk,
        form=form,
        rows=people.rows,
        now=now,
    )
    return session, people


def _list_page(request: HttpRequest, session_id: int, form: AccessRecord.Form) -> HttpResponse:
    now = timezone.now()
    session, people = _list_seen(signed_in(request), session_id, form, now=now)
    template = "attendees_print" if form == Form.PRINT else "attendees"
    context = {"session": session, "people": people, "now": now}
    return render(request, f"attendance/{template}.html", context)


@signed_in_page()
def attendees(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who is coming, on screen."""
    return _list_page(request, session_id, Form.PAGE)


@signed_in_page()
def attendees_print(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who is coming, laid out for paper."""
    return _list_page(request, session_id, Form.PRINT)


@signed_in_page()
def attendees_csv(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who is coming, for a spreadsheet."""
    session, people = _list_seen(signed_in(request), session_id, Form.CSV, now=timezone.now())
    response = HttpResponse(attendees_as_csv(people), content_type="text/csv; charset=utf-8")
    name = "".join(letter for letter in session.reference if letter.isalnum() or letter in "-_")
    response.headers["Content-Disposition"] = f'attachment; filename="attendees-{name}.csv"'
    return response
