"""What is on: the start, the programme, a course and a session, as their reader sees them."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.models import User
from booking.catalogue.interest import course_of, is_told
from booking.catalogue.models import DiaryDate, Session
from booking.catalogue.search import for_rows, places_of_course
from booking.partnership.kept import the_partnership
from booking.places.pages.outlook import expected
from booking.places.terms import terms_offered
from booking.programme.listing import programme_context
from booking.programme.session_page import session_context
from booking.site.caching import same_for_everyone

_DATES_ON_A_PAGE = 50
_SHOWN_ON_START = 6


@same_for_everyone(seconds=1)
def start(request: HttpRequest) -> HttpResponse:
    """What this is, and what is coming up."""
    now = timezone.now()
    today = timezone.localdate(now)
    sessions = Session.objects.upcoming(now=now).for_pages()[:_SHOWN_ON_START]
    diary_dates = DiaryDate.objects.filter(ends__gte=today)[:5]
    return render(
        request,
        "programme/start.html",
        {"sessions": sessions, "diary_dates": diary_dates, "now": now},
    )


@same_for_everyone(seconds=1)
def course(request: HttpRequest, code: str) -> HttpResponse:
    """What is taught, to whom, and on which dates."""
    now = timezone.now()
    course = course_of(code)
    dates = for_rows(Session.objects.upcoming(now=now).filter(course=course))
    context = {
        "course": course,
        "topics": course.topics.all(),
        "prerequisites": course.prerequisites.defer("search"),
        "page_obj": Paginator(dates, _DATES_ON_A_PAGE).get_page(request.GET.get("page")),
        "now": now,
    }
    if isinstance(request.user, User):
        context["is_told"] = is_told(course, request.user)
    return render(request, "programme/course.html", context)


@same_for_everyone(seconds=10, while_same=places_of_course)
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """All that a person needs to decide whether to book, and what booking would come to."""
    session = get_object_or_404(
        Session.objects.public().for_pages().defer("course__search"), pk=session_id
    )
    now = timezone.now()
    context = session_context(
        session, site=settings.SITE_URL, organiser=the_partnership().name, now=now
    )
    person = request.user if isinstance(request.user, User) else None
    context["terms"] = terms_offered(session, person.agency if person else None).sentence(now=now)
    if person is not None:
        context["booking"] = session.bookings.live().filter(person=person).first()
        if person.is_complete and not context["booking"] and not context["why_not"]:
            context["expected"] = expected(session=session, person=person, now=now)
    return render(request, "programme/session.html", context)


@same_for_everyone(seconds=1)
def programme(request: HttpRequest) -> HttpResponse:
    """What is coming up, as a list or as a month, searched and filtered."""
    headers = request.headers
    only_results = "HX-Request" in headers and "HX-History-Restore-Request" not in headers
    context = programme_context(request.GET, now=timezone.now())
    context["only_results"] = only_results
    template = "programme/programme.html"
    response = render(request, f"{template}#results" if only_results else template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
