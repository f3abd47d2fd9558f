"""The public pages: the programme, a course, a session."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from booking.catalogue.models import Course, Session
from booking.catalogue.programme import programme_context
from booking.catalogue.queries import for_rows, places_of_course
from booking.catalogue.session_page import session_context
from booking.page_cache import same_for_everyone

_DATES_ON_A_PAGE = 50


@same_for_everyone(seconds=1)
def programme(request: HttpRequest) -> HttpResponse:
    """What is coming up, as a list or as a month, searched and filtered."""
    headers = request.headers
    only_results = "HX-Request" in headers and "HX-History-Restore-Request" not in headers
    context = programme_context(request.GET, now=timezone.now())
    context["only_results"] = only_results
    template = "catalogue/programme.html"
    response = render(request, f"{template}#results" if only_results else template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@same_for_everyone(seconds=1)
def course(request: HttpRequest, code: str) -> HttpResponse:
    """What is taught, to whom, and on which dates."""
    now = timezone.now()
    course = get_object_or_404(Course.objects.defer("search"), code=code)
    dates = for_rows(Session.objects.upcoming(now=now).filter(course=course))
    context = {
        "course": course,
        "topics": course.topics.all(),
        "prerequisites": course.prerequisites.defer("search"),
        "page_obj": Paginator(dates, _DATES_ON_A_PAGE).get_page(request.GET.get("page")),
        "now": now,
    }
    return render(request, "catalogue/course.html", context)


@same_for_everyone(seconds=10, while_same=places_of_course)
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """All that a person needs to decide whether to book."""
    session = get_object_or_404(
        Session.objects.public().for_pages().defer("course__search"), pk=session_id
    )
    booking = None
    if request.user.is_authenticated:
        booking = session.bookings.live().filter(person=request.user).first()
    context = session_context(
        session, site=settings.SITE_URL, organiser=settings.PARTNERSHIP_NAME, now=timezone.now()
    )
    return render(request, "catalogue/session.html", {**context, "booking": booking})
