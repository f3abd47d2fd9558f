"""Loading what coordinators work on, or answering 404."""

from django.http import Http404

from booking.catalogue.models import Session


def managed_session(session_id: int) -> Session:
    """Any session, drafts too, with its course and sittings. Raises `Http404`."""
    session = Session.objects.for_pages().filter(pk=session_id).first()
    if session is None:
        raise Http404
    return session
