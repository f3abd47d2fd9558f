"""Loading what coordinators work on, or answering 404; and what they searched for."""

from django.http import Http404, HttpRequest

from booking.catalogue.models import Session

_SEARCH_LENGTH = 100


def managed_session(session_id: int) -> Session:
    """Any session, drafts too, with its course and sittings. Raises `Http404`."""
    session = Session.objects.for_pages().filter(pk=session_id).first()
    if session is None:
        raise Http404
    return session


def search_text(request: HttpRequest, name: str = "q") -> str:
    """What a search field asks for; PostgreSQL takes no NUL."""
    return request.GET.get(name, "").replace("\0", "").strip()[:_SEARCH_LENGTH]
