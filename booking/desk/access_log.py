"""Who looked at whose data: what is on record, for coordinators."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.access import desk
from accounts.models import AccessRecord, User
from booking.catalogue.models import Session
from booking.desk.lists import page_of_people
from booking.site.web import search_text, searched

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
    template, some = "desk/people/looks.html", found[: _MOST + 1]
    context = {"search": search, "most": _MOST}
    return page_of_people(request, template, some, what="who looked at whom", **context)
