"""What is on: the start, the programme, a course and a session, as their reader sees them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, DateTimeField, TextField
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from booking.bulletins.blocks import USUAL_NEW
from booking.bulletins.models import Bulletin
from booking.catalogue.availability import availability, is_ahead, why_not
from booking.catalogue.diary import with_courses
from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.interest import course_of, is_told
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, with_sittings
from booking.catalogue.months import Month, first_of_month, weeks
from booking.catalogue.sharing import (
    CalendarEntry,
    as_script_text,
    calendar_links,
    code_to_scan,
    event_data,
)
from booking.materials.models import materials_for
from booking.partnership.kept import the_partnership
from booking.places.lock import RuledSession, read_session
from booking.places.models import Booking
from booking.places.pages.outlook import asked_of_everybody, expected, only_for
from booking.places.pages.readers import (
    Stand,
    as_read_by,
    bookable,
    standing_so,
)
from booking.places.terms import terms_offered
from booking.programme.shown import Made, SessionsPage, answer, reader_of
from booking.site.plain_text import one_line
from booking.site.ready_queries import Later, Ready
from booking.site.two_parts import same_for_everyone
from booking.site.web import paged
from booking.site.wording import LONDON, counted, sitting_times

_DATES_ON_A_PAGE = 50
_ON_A_PAGE = 20
# All on one page, to be printed.
_ON_PAPER = 500
_OTHER_DATES = 5
_SHOWN_ON_START = 6
_NEW_ON_START = 3

# A session's page is read by these whenever its kept part is made anew.
_KEY, _MOMENT = BigIntegerField(), DateTimeField()
_SESSION: Ready[Session] = Ready(
    lambda: Session.objects.public().for_pages(sittings=False).filter(pk=Later("key", _KEY))
)
_OF_SESSION: Any = SimpleNamespace(
    pk=Later("key", _KEY),
    course_id=Later("course", _KEY),
    starts_at=Later("starts_at", _MOMENT),
    ends_at=Later("ends_at", _MOMENT),
    delivery=Later("delivery", TextField()),
)
_OTHERS: Ready[Session] = Ready(
    lambda: (
        Session.objects.upcoming(now=Later("now", _MOMENT))
        .besides(_OF_SESSION)
        .for_rows(sittings=False)[: _OTHER_DATES + 1]
    )
)
_TRAINERS: Ready[User] = Ready(lambda: User.objects.filter(sessions_led=Later("key", _KEY)))
_PREREQUISITES: Ready[Course] = Ready(
    lambda: Course.objects.filter(leads_to=Later("key", _KEY)).defer("search")
)


@same_for_everyone(seconds=1)
def start(request: HttpRequest) -> HttpResponse:
    """What this is, and what is coming up."""
    now = timezone.now()

    def make(revision: str) -> Made:
        ahead = Session.objects.upcoming(now=now)
        coming = as_read_by(ahead.for_pages()[:_SHOWN_ON_START], None, now=now)
        new = ahead.filter(published_at__gte=now - USUAL_NEW)
        new = new.order_by("-published_at", "starts_at", "id").for_pages()[:_NEW_ON_START]
        diary = DiaryDate.objects.filter(ends__gte=timezone.localdate(now))
        context = {
            "sessions": coming,
            "new": (new_ones := as_read_by(new, None, now=now)),
            "diary_dates": with_courses(diary)[:5],
            "bulletin": Bulletin.objects.published().filter(month=None).first(),
            "now": now,
        }
        return context, SessionsPage.of(revision, [*coming, *new_ones], now=now)

    return answer(request, "programme/start.html", make, now=now)


@same_for_everyone(seconds=1)
def course(request: HttpRequest, code: str) -> HttpResponse:
    """What is taught, to whom, and on which dates."""
    now, person = timezone.now(), reader_of(request)

    def make(revision: str) -> Made:
        course = course_of(code)
        dates = Session.objects.upcoming(now=now).filter(course=course).for_rows()
        page_obj = paged(request, dates, per_page=_DATES_ON_A_PAGE)
        page_obj.object_list = as_read_by(page_obj.object_list, None, now=now)
        context = {
            "course": course,
            "topics": course.topics.all(),
            "prerequisites": course.prerequisites.defer("search"),
            "only_for": only_for(course, now=now),
            "page_obj": page_obj,
            "now": now,
        }
        shown, is_whole = page_obj.object_list, page_obj.paginator.num_pages == 1
        more = {"course": course}
        return context, SessionsPage.of(revision, shown, now=now, more=more, is_whole=is_whole)

    def yours(about: SessionsPage, stands: Mapping[int, Stand]) -> dict[str, Any]:
        course = about.more["course"]
        materials = materials_for(person, course_id=course.pk, now=now)
        told = person is not None and is_told(course, person)
        return {"course": course, "materials": materials, "is_told": told}

    return answer(request, "programme/course.html", make, now=now, yours=yours)


def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """All that a person needs to decide whether to book, and what booking would come to.

    At most four statements beside who is signed in, while the kept part agrees and the course
    asks for nothing that is read apart.
    """
    now, person = timezone.now(), reader_of(request)

    def make(revision: str) -> Made:
        found = _SESSION(key=session_id)
        if not found:
            raise Http404
        asked = {name: getattr(found[0], name) for name in ("starts_at", "ends_at", "delivery")}
        others = _OTHERS(key=session_id, course=found[0].course_id, now=now, **asked)
        read = as_read_by(with_sittings([*found, *others]), None, now=now)
        context = _session_context(*read, now=now)
        more = {name: context[name] for name in ("event", "calendars")}
        more["ruled"] = read_session(session_id)
        moments = [terms_offered(found[0], None).free_until]
        about = SessionsPage.of(revision, read, now=now, own=found[0], more=more, moments=moments)
        return context, about

    def yours(about: SessionsPage, stands: Mapping[int, Stand]) -> dict[str, Any]:
        return _yours_of_session(about, stands, person, now=now)

    return answer(request, "programme/session.html", make, now=now, yours=yours)


def _yours_of_session(
    about: SessionsPage, stands: Mapping[int, Stand], person: User | None, *, now: datetime
) -> dict[str, Any]:
    """What the reader has booked or would get, and all that is theirs on a session's page."""
    assert about.own is not None  # noqa: S101
    (session,) = standing_so([about.own], stands, person, now=now)
    ruled: RuledSession = about.more["ruled"]
    (as_asked,) = standing_so([ruled.session], stands, None, now=now)
    read = replace(ruled, session=as_asked)
    # Machines are told what a visitor sees, whoever reads.
    event = about.more["event"]
    if not session.has_own_places:
        event = event | {"remainingAttendeeCapacity": as_asked.places_left}
    context: dict[str, Any] = {
        "session": session,
        "course": session.course,
        "calendars": about.more["calendars"],
        "event_data": as_script_text(event),
        "availability": availability(session, now),
        "why_not": why_not(session, now),
        "is_ahead": is_ahead(session, now),
        "materials": materials_for(
            person, course_id=session.course_id, session_id=session.pk, now=now
        ),
        "terms": terms_offered(session, person).sentence(now=now),
        "now": now,
    }
    if person is not None and (key := stands[session.pk].booking_id):
        context["booking"] = mine = Booking.objects.filter(pk=key).first()
        if mine is not None:
            mine.session = session
    may_ask = not (context["why_not"] or context.get("booking"))
    if may_ask and person is not None and person.is_complete:
        context |= expected(read=read, person=person, now=now)
    elif may_ask:
        context["asked"] = asked_of_everybody(read, now=now)
    return context


@same_for_everyone(seconds=10)
def poster(request: HttpRequest, session_id: int) -> HttpResponse:
    """A session to share: as text to paste, and on a sheet with a code that leads to its page."""
    sessions = Session.objects.upcoming(now=timezone.now()).for_pages()
    found = get_object_or_404(sessions.defer("course__search"), pk=session_id)
    address = f"{settings.SITE_URL}{found.get_absolute_url()}"
    size, dots = code_to_scan(address)
    lines = (
        one_line(found.course.title),
        *(sitting_times(each.starts_at, each.ends_at) for each in found.sittings.all()),
        one_line(found.where_in_full),
        f"Book a place: {address}",
    )
    words = "\n".join(lines)
    context = {"session": found, "address": address, "size": size, "dots": dots, "words": words}
    return render(request, "programme/poster.html", context)


def _session_context(session: Session, *read: Session, now: datetime) -> dict[str, Any]:
    """What `programme/session.html` shows everybody, besides the dates that were read with it."""
    others = list(read)
    other_way = others.pop(0) if others and others[0].is_another_way_to(session) else None
    sittings = list(session.sittings.all())
    address = f"{settings.SITE_URL.rstrip('/')}{session.get_absolute_url()}"
    title, where, organiser = session.course.title, session.where, the_partnership().name
    if session.venue and not session.is_online:
        where = f"{session.venue.name}, {session.venue.address}"
    entries = [
        CalendarEntry(title, each.starts_at, each.ends_at, where, address) for each in sittings
    ]
    event = event_data(session, sittings=sittings, page=address, organiser=organiser, now=now)
    return {
        "session": session,
        "course": session.course,
        "sittings": sittings,
        "is_ahead": is_ahead(session, now),
        "prerequisites": _PREREQUISITES(key=session.course_id),
        "trainers": _TRAINERS(key=session.pk),
        "calendars": list(zip(sittings, map(calendar_links, entries), strict=True)),
        "event": event,
        "other_dates": others[:_OTHER_DATES],
        "other_way": other_way,
        "now": now,
    }


@same_for_everyone(seconds=1)
def programme(request: HttpRequest) -> HttpResponse:
    """What is coming up, as a list or as a month, searched and filtered."""
    headers, now, person = request.headers, timezone.now(), reader_of(request)
    only_results = "HX-Request" in headers and "HX-History-Restore-Request" not in headers
    template = f"programme/programme.html{'#results' if only_results else ''}"

    def context_for(person: User | None) -> dict[str, Any]:
        return _programme_context(request.GET, person, now=now) | {"only_results": only_results}

    def make(revision: str) -> Made:
        context = context_for(None)
        return context, SessionsPage.of(revision, context["shown"], now=now)

    if request.GET.get("places"):
        # Which sessions have places for them differs with the reader.
        response = render(request, template, context_for(person))
    else:
        response = answer(request, template, make, now=now)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _programme_context(query: QueryDict, person: User | None, *, now: datetime) -> dict[str, Any]:
    """Everything `programme/programme.html` shows for this query, as a list or as a month."""
    by_month = query.get("view") == "month"
    ahead = Session.objects.upcoming(now=now)
    if by_month:
        # A month shows the later days too of a session that has begun.
        ahead = Session.objects.with_a_date_ahead(now=now).order_by("starts_at", "id")
    filters = ProgrammeFilters(
        query,
        queryset=ahead,
        now=now,
        bookable=lambda sessions: bookable(sessions, person, now=now),
    )
    shown = _month(filters, person, now=now) if by_month else _list(filters, person, now=now)
    return {
        "filters": filters,
        "form": filters.form,
        "query": filters.query(),
        "chips": (chips := filters.chips()),
        # What is typed into the search stands beside them, not among them.
        "filters_on": len(chips) - bool(filters.form.cleaned_data.get("q")),
        "by_month": by_month,
        "now": now,
        **shown,
    }


def _list(filters: ProgrammeFilters, person: User | None, *, now: datetime) -> dict[str, Any]:
    on_a_page = _ON_PAPER if filters.data.get("all") else _ON_A_PAGE
    paginator = Paginator(filters.qs.for_rows(), on_a_page)
    wanted = filters.data.get("page", "1")
    page = paginator.get_page(wanted)
    note = (
        ""
        if wanted == str(page.number)
        else f"There is no page “{wanted}”. This is page {page.number}."
    )
    count = counted(paginator.count, "session")
    if paginator.num_pages > 1:
        count = f"{count}, {page.start_index()} to {page.end_index()} shown"
    # What is searched for stands first, whenever it is.
    is_by_date = not filters.form.cleaned_data.get("q")
    return {
        "page_obj": page,
        "sessions": (shown := as_read_by(page.object_list, person, now=now)),
        "shown": shown,
        "is_by_date": is_by_date,
        "is_empty": not page.object_list,
        "count": count,
        "note": note,
    }


def _month(filters: ProgrammeFilters, person: User | None, *, now: datetime) -> dict[str, Any]:
    today = now.astimezone(LONDON).date()
    month, note = None, ""
    if wanted := filters.data.get("month"):
        try:
            month = Month.parse(wanted)
        except ValueError:
            note = f"“{wanted}” is not a month we know."
    if month is None:
        first = filters.qs.order_by("starts_at").values_list("starts_at", flat=True).first()
        month = Month(first_of_month(first.astimezone(LONDON).date() if first else today))
    sittings = list(
        Sitting.objects.filter(
            session__in=filters.qs.order_by().values("pk"),
            starts_at__lt=month.ends_at,
            ends_at__gt=month.starts_at,
        )
        .select_related("session__course", "session__venue")
        .defer("session__course__search", "session__course__summary")
        .order_by("starts_at", "id")
    )
    diary_dates = with_courses(
        DiaryDate.objects.filter(starts__lt=month.next.first, ends__gte=month.first)
    )
    sessions = {sitting.session_id: sitting.session for sitting in sittings}
    as_read_by(sessions.values(), person, now=now)
    for sitting in sittings:
        sitting.session = sessions[sitting.session_id]
    return {
        "shown": sessions.values(),
        "month": month,
        "weeks": weeks(month, sittings=sittings, diary_dates=diary_dates, today=today),
        "count": f"{counted(len(sessions), 'session')} in {month}",
        "is_empty": not sessions and not filters.qs.exists(),
        "note": note,
    }


def session_being_booked(request: HttpRequest) -> dict[str, object]:
    """The session that signing in is for; found only for a template that asks."""
    path = request.GET.get("next")
    return {"session_being_booked": SimpleLazyObject(lambda: _session_to_book_at(path))}


def _session_to_book_at(path: str | None) -> Session | None:
    """The session whose booking page this path is."""
    if not path:
        return None
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if match.view_name != "book":
        return None
    sessions = Session.objects.public().select_related("course")
    return sessions.filter(pk=match.kwargs["session_id"]).first()
