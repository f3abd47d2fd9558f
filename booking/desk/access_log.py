"""Who looked at whose data: what is on record, for coordinators."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import desk, looked_at
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.site.web import paged, search_text, searched

_PER_PAGE = 50
# Of years of looks the newest are shown; others are searched for.
_MOST = 1000
_LAST = 10


def last_looks_at(session: Session) -> QuerySet[AccessRecord]:
    """Who looked lately at lists of the people of a session, the newest first."""
    looks = AccessRecord.objects.filter(about_id=session.pk, about=str(session)[:200])
    return looks.select_related("by").order_by("-at", "-pk")[:_LAST]


@desk()
def looks(request: HttpRequest) -> HttpResponse:
    """Every look at other people's data, the newest first; by who looked, at whom or at what."""
    search = search_text(request)
    found = AccessRecord.objects.select_related("by", "whom")
    for word in search.split():
        people = User.objects.found_by(word).values("pk")
        told = searched(AccessRecord.objects.order_by(), word, "about", "what").values("pk")
        found = found.filter(Q(by__in=people) | Q(whom__in=people) | Q(pk__in=told))
    shown = paged(request, found[: _MOST + 1], per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="who looked at whom", rows=len(shown))
    context = {"page_obj": shown, "search": search, "most": _MOST}
    return render(request, "desk/people/looks.html", context)
