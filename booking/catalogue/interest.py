"""Hearing of new dates of a course: asking for it, and stopping it, also by the link in the mail.

It does not run out: a person who keeps an old mail can still stop.
"""

from datetime import datetime

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Course, CourseInterest
from booking.site.limits import opened_by_link
from booking.site.signed_links import SignedLink


def stop_path(interest: CourseInterest) -> str:
    """Where this interest is ended."""
    return reverse("stop_interest", args=[SignedLink.NEW_DATES.token(str(interest.pk))])


def interest_of(token: str, *, now: datetime) -> CourseInterest:
    """The interest that a link names. Raises `LinkRefused`, or `Http404` if it is gone."""
    key = SignedLink.NEW_DATES.content(token, now=now)
    return get_object_or_404(CourseInterest.objects.select_related("course", "person"), pk=key)


def tell_me(*, course: Course, person: User, now: datetime) -> CourseInterest:
    """From now on this person hears of new dates of the course. Asking twice changes nothing."""
    found, _ = CourseInterest.objects.get_or_create(
        course=course, person=person, ended_at=None, defaults={"since": now}
    )
    return found


def stop_telling(*, course: Course, person: User, now: datetime) -> None:
    """They hear of new dates no longer. Does nothing if they did not."""
    _live(course, person).update(ended_at=now)


def is_told(course: Course, person: User) -> bool:
    """Whether this person hears of new dates of the course."""
    return _live(course, person).exists()


def _live(course: Course, person: User) -> QuerySet[CourseInterest]:
    return CourseInterest.objects.filter(course=course, person=person, ended_at=None)


@signed_in_page(post=60, only_post=True)
def interest(request: HttpRequest, code: str) -> HttpResponse:
    """Begin or stop to hear of new dates of a course."""
    course = course_of(code)
    act = stop_telling if "stop" in request.POST else tell_me
    act(course=course, person=signed_in(request), now=timezone.now())
    return redirect(f"{course.get_absolute_url()}#new-dates")


@opened_by_link()
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then stop to tell somebody of new dates, by the link in their mail."""
    now = timezone.now()
    found = interest_of(token, now=now)
    if request.method == "POST":
        stop_telling(course=found.course, person=found.person, now=now)
        found.refresh_from_db(fields=["ended_at"])
    return render(request, "catalogue/stop_interest.html", {"interest": found})


def course_of(code: str) -> Course:
    """The course of this code. Raises `Http404`, also for a NUL, which PostgreSQL does not take."""
    if "\0" in code:
        raise Http404
    return get_object_or_404(Course.objects.defer("search"), code=code)
