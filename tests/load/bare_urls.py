"""The one address of the reference."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from booking.catalogue.models import Session


def one_query(request: HttpRequest, session_id: int) -> HttpResponse:
    """A session's reference number, by its key."""
    reference = Session.objects.values_list("reference", flat=True).get(pk=session_id)
    content = str(reference).encode()
    # Without middleware nobody else says how long the answer is.
    return HttpResponse(content, headers={"Content-Length": str(len(content))})


urlpatterns = [path("bench/one-query/<int:session_id>/", one_query)]
