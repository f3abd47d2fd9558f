"""What trainers see: their sessions, who is coming, and whether they stand in for another."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import looked_at, signed_in_page
from accounts.models import AccessRecord
from accounts.views import signed_in
from booking.attendance.lists import (
    HEADING,
    NOT_CERTAIN,
    AttendeeList,
    attendee_list,
    open_until,
    session_with_people,
    sessions_open_to,
    table_of,
)
from booking.catalogue.models import Session
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling.covering import AnsweredAlready, answer_cover
from booking.scheduling.models import CoverRequest
from booking.site.spreadsheets import csv_file
from booking.site.web import done, page, paged, refusals_shown

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
    mine = mine.annotate(not_certain=NOT_CERTAIN).select_related("register")
    over = mine.filter(ends_at__lte=now).order_by("-starts_at", "-pk")
    context = {
        "upcoming": mine.filter(ends_at__gt=now).order_by("starts_at", "pk"),
        "over": paged(request, over, per_page=_PAST_PER_PAGE),
        "now": now,
    }
    return render(request, "attendance/trainer_sessions.html", context)


@signed_in_page()
def attendees(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who is coming."""
    return _shown(request, session_id, "attendees", Form.PAGE)


@signed_in_page()
def sign_in_sheet(request: HttpRequest, session_id: int) -> HttpResponse:
    """The sheet that goes round the room: names, agencies and signatures, and nobody's needs."""
    return _shown(request, session_id, "attendees_print", Form.PRINT)


@signed_in_page()
def needs_sheet(request: HttpRequest, session_id: int) -> HttpResponse:
    """What people need, on a sheet for trainers and the venue alone."""
    return _shown(request, session_id, "attendees_needs", Form.PRINT, what="needs")


@signed_in_page(proof=True)
def attendees_csv(request: HttpRequest, session_id: int) -> HttpResponse:
    """The list as a spreadsheet, which leaves the site: after a proof of who asks."""
    session, people = _looked_up(request, session_id, "attendees", Form.CSV)
    return csv_file(f"attendees-{session.reference}", HEADING, table_of(people))


def _looked_up(
    request: HttpRequest, session_id: int, what: str, form: AccessRecord.Form
) -> tuple[Session, AttendeeList]:
    """A session and its people, for who may see them. The look is recorded."""
    person = signed_in(request)
    session = session_with_people(person, session_id, now=timezone.now())
    people = attendee_list(session)
    rows = len(people.with_needs if what == "needs" else people.everybody)
    looked_at(session, by=person, what=what, rows=rows, form=form)
    return session, people


def _shown(
    request: HttpRequest,
    session_id: int,
    template: str,
    form: AccessRecord.Form,
    what: str = "attendees",
) -> HttpResponse:
    session, people = _looked_up(request, session_id, what, form)
    context = {
        "session": session,
        "meeting": session.meeting.opened() if template == "attendees" else "",
        "sittings": session.sittings.all(),
        "people": people,
        "guests": list(session.guests.coming()),
        "open_until": open_until(session),
        "now": timezone.now(),
    }
    return render(request, f"attendance/{template}.html", context)


@signed_in_page(post=60)
def cover(request: HttpRequest, cover_id: int) -> HttpResponse:
    """Lead a session in the place of somebody else, or not. Only for whoever was asked."""
    asked = CoverRequest.objects.select_related("session__course", "session__venue", "instead_of")
    asked = asked.filter(person=signed_in(request))
    found, now = get_object_or_404(asked, pk=cover_id), timezone.now()
    context = {"cover": found, "session": found.session, "refusal": _why_not(found)}
    answer = request.POST.get("answer")
    if answer in ("yes", "no"):
        with refusals_shown(context):
            answer_cover(request=found, agrees=answer == "yes", now=now)
            words = "Thank you: you lead it now." if answer == "yes" else "Thank you for saying so."
            return done(request, words, "trainer_sessions")
    return page(request, "attendance/cover.html", context)


def _why_not(found: CoverRequest) -> PlaceRefused | None:
    """Why the question is not open any more, if it is not."""
    try:
        if found.answered_at is not None:
            raise AnsweredAlready
        check_ahead(found.session, now=timezone.now())
    except PlaceRefused as refused:
        return refused
    return None
