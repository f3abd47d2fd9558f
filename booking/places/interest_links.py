"""The link in a mail about a new date with which somebody stops hearing of them, without sign-in.

Signed and good for this alone. It does not run out: whoever keeps an old mail can still stop.
"""

from django.core.signing import BadSignature, Signer
from django.http import Http404
from django.urls import reverse

from booking.places.rule_models import CourseInterest

_SALT = "stop hearing of new dates"


def stop_path(interest: CourseInterest) -> str:
    """Where this interest is ended."""
    return reverse("stop_interest", args=[Signer(salt=_SALT).sign(str(interest.pk))])


def interest_of(token: str) -> CourseInterest:
    """The interest that a link names. Raises `Http404` for a link that is not ours."""
    try:
        key = Signer(salt=_SALT).unsign(token)
    except BadSignature as error:
        raise Http404 from error
    interest = CourseInterest.objects.select_related("course", "person").filter(pk=key).first()
    if interest is None:
        raise Http404
    return interest
