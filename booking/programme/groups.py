"""Groups of practitioners as people see them: what they are for, asking to join, and meetings."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.groups import leave_group, open_groups, want_to_join
from accounts.models import PractitionerGroup, User
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.places.pages.readers import as_read_by

_MEETINGS = 20


def groups(request: HttpRequest) -> HttpResponse:
    """The groups that people may ask to join."""
    return render(request, "programme/groups.html", {"groups": open_groups()})


def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """What a group is for; its members see its meetings. Others see only one that is open."""
    found = get_object_or_404(PractitionerGroup, pk=group_id)
    person = request.user if isinstance(request.user, User) else None
    is_member = person is not None and found.members.filter(pk=person.pk).exists()
    if not (found.is_open or is_member):
        raise Http404
    context = {
        "group": found,
        "is_member": is_member,
        "has_asked": person is not None and found.interested.filter(pk=person.pk).exists(),
    }
    if is_member:
        now = timezone.now()
        kept = Session.objects.upcoming(now=now).filter(course__groups=found).for_rows()
        context |= {"meetings": as_read_by(kept[:_MEETINGS], person, now=now), "now": now}
    return render(request, "programme/group.html", context)


@signed_in_page(post=30, only_post=True)
def join_or_leave(request: HttpRequest, group_id: int) -> HttpResponse:
    """One press says that one is interested, or leaves."""
    found, person = get_object_or_404(PractitionerGroup, pk=group_id), signed_in(request)
    if "leave" in request.POST:
        leave_group(group=found, person=person)
        return redirect("groups" if not found.is_open else "group", *([found.pk] * found.is_open))
    if not found.is_open:
        raise Http404
    want_to_join(group=found, person=person)
    return redirect("group", found.pk)
