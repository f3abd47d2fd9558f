"""Who looked at whose data: what is on record, for coordinators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import desk, looked_at
from accounts.models import AccessRecord
from accounts.views import signed_in
from booking.site.web import paged, search_text, searched

_PER_PAGE = 50
_SEARCHED = (
    *("by__first_name", "by__last_name", "by__email"),
    *("whom__first_name", "whom__last_name", "whom__email"),
    *("about", "what"),
)


@desk()
def looks(request: HttpRequest) -> HttpResponse:
    """Every look at other people's data, the newest first; by who looked, at whom or at what."""
    search = search_text(request)
    found = searched(AccessRecord.objects.select_related("by", "whom"), search, *_SEARCHED)
    shown = paged(request, found, per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="who looked at whom", rows=len(shown))
    return render(request, "desk/people/looks.html", {"page_obj": shown, "search": search})
