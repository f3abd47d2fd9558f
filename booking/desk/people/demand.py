"""Coordinators' pages about who would come to another date of a course."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import desk
from booking.catalogue.models import Course
from booking.scheduling import demand


@desk()
def courses(request: HttpRequest) -> HttpResponse:
    """How many people would come to another date of each course."""
    wanted = demand.by_course(now=timezone.now())
    context = {"wanted": wanted, "most": max((each.people for each in wanted), default=0)}
    return render(request, "desk/people/demand.html", context)


@desk()
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
    return render(request, "desk/people/demand_of_course.html", context)
