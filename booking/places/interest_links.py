"""The link in a mail about a new date with which somebody stops hearing of them, without sign-in.

It does not run out: a person who keeps an old mail can still stop.
"""

from datetime import datetime

from django.http import Http404
from django.urls import reverse

from booking.places.rule_models import CourseInterest
from booking.site.signed_links import SignedLink


def stop_path(interest: CourseInterest) -> str:
    """Where this interest is ended."""
    return reverse("stop_interest", args=[SignedLink.NEW_DATES.token(str(interest.pk))])


def interest_of(token: str, *, now: datetime) -> CourseInterest:
    """The interest that a link names. Raises `LinkRefused`, or `Http404` if it is gone."""
    key = SignedLink.NEW_DATES.content(token, now=now)
    interest = CourseInterest.objects.select_related("course", "person").filter(pk=key).first()
    if interest is None:
        raise Http404
    return interest
