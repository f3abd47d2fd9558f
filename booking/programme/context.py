"""What a page outside this room may show of the programme."""

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject

from booking.catalogue.models import Session


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
