"""A trainer who is asked to stand in for another says yes or no."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.views import signed_in
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling.covering import AnsweredAlready, answer_cover
from booking.scheduling.models import CoverRequest
from booking.site.web import done, page, refusals_shown


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
