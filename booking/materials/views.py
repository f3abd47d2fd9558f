"""Where a file is handed out or a link followed, to whoever may open it at that moment."""

from collections.abc import Iterator

from django.contrib.auth.views import redirect_to_login
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.models import User
from booking.materials.models import Material


@require_safe
def material(request: HttpRequest, material_id: int) -> HttpResponseBase:
    """A file to be saved, never shown in place, or the page that a link leads to.

    Who may not open it finds nothing; who is not signed in is asked to, whether it is there or not.
    """
    person = request.user if isinstance(request.user, User) else None
    opened = Material.objects.open_to(person, now=timezone.now())
    found = opened.filter(pk=material_id).first()
    if found is None:
        if person is None:
            return redirect_to_login(request.get_full_path())
        raise Http404
    answer: HttpResponse | StreamingHttpResponse
    answer = HttpResponseRedirect(found.link) if found.link else _handed_out(found)
    add_never_cache_headers(answer)
    return answer


def _handed_out(found: Material) -> StreamingHttpResponse:
    if not found.file.storage.exists(str(found.file.name)):
        raise Http404
    disposition = content_disposition_header(True, found.file_name)
    return StreamingHttpResponse(
        _content(found),
        content_type=found.content_type,
        headers={
            "Content-Length": str(found.size),
            "Content-Disposition": disposition,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _content(found: Material) -> Iterator[bytes]:
    """Opened only once somebody reads it."""
    with found.file.open("rb") as file:
        yield from file.chunks()
