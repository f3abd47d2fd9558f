"""Hearing of new dates, and what coordinators see of who would come."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import coordinators_only
from accounts.views import signed_in
from booking.catalogue.models import Course
from booking.places import demand
from booking.places.interest_links import interest_of
from booking.places.loaders import course_of
from booking.site.limits import at_most, opened_by_link


@require_POST
@never_cache
@at_most(60)
@login_required
def interest(request: HttpRequest, code: str) -> HttpResponse:
    """Begin or stop to hear of new dates of a course."""
    course = course_of(code)
    act = demand.stop_telling if "stop" in request.POST else demand.tell_me
    act(course=course, person=signed_in(request), now=timezone.now())
    return redirect(f"{course.get_absolute_url()}#new-dates")


@opened_by_link
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then stop to tell somebody of new dates, by the link in their mail."""
    now = timezone.now()
    found = interest_of(token, now=now)
    if request.method == "POST":
        demand.stop_telling(course=found.course, person=found.person, now=now)
        found.refresh_from_db(fields=["ended_at"])
    return render(request, "places/stop_interest.html", {"interest": found})


@never_cache
@coordinators_only
@require_GET
def courses(request: HttpRequest) -> HttpResponse:
    """How many people would come to another date of each course."""
    wanted = demand.by_course(now=timezone.now())
    context = {"wanted": wanted, "most": max((each.people for each in wanted), default=0)}
    return render(request, "manage/demand.html", context)


@never_cache
@coordinators_only
@require_GET
def agencies(request: HttpRequest, course_id: int) -> HttpResponse:
    """The agencies of those who would come to another date of one course."""
    course = get_object_or_404(Course.objects.defer("search"), pk=course_id)
    wanted = demand.by_agency(course, now=timezone.now())
    context = {
        "course": course,
        "wanted": wanted,
        "most": max((each.people for each in wanted), default=0),
        "people": sum(each.people for each in wanted),
        "waiting": sum(each.waiting for each in wanted),
    }
    return render(request, "manage/demand_of_course.html", context)
