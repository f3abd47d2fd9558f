"""What trainers see: their sessions, and who is coming."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import looked_at, signed_in_page
from accounts.models import AccessRecord
from accounts.views import signed_in
from booking.attendance.lists import (
    attendee_list,
    attendees_as_csv,
    session_with_people,
    sessions_open_to,
)
from booking.catalogue.models import Session
from booking.site.web import paged

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


@signed_in_page()
def attendees(request: HttpRequest, session_id: int, form: AccessRecord.Form) -> HttpResponse:
    """Who is coming: on screen, laid out for paper, or for a spreadsheet. The look is recorded."""
    person, now = signed_in(request), timezone.now()
    session = session_with_people(person, session_id, now=now)
    people = attendee_list(session)
    guests = list(session.guests.coming())
    looked_at(session, by=person, what="attendees", rows=people.rows + len(guests), form=form)
    if form == AccessRecord.Form.CSV:
        return _download(attendees_as_csv(people), session)
    template = "attendees_print" if form == AccessRecord.Form.PRINT else "attendees"
    context = {"session": session, "people": people, "guests": guests, "now": now}
    return render(request, f"attendance/{template}.html", context)


@signed_in_page(proof=True)
def attendees_csv(request: HttpRequest, session_id: int) -> HttpResponse:
    """The list as a spreadsheet, which leaves the site: after a proof of who asks."""
    return attendees(request, session_id, AccessRecord.Form.CSV)


def _download(content: bytes, session: Session) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    name = "".join(letter for letter in session.reference if letter.isalnum() or letter in "-_")
    response.headers["Content-Disposition"] = f'attachment; filename="attendees-{name}.csv"'
    return response
