"""Coordinators' desk: people whose agency is not listed."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import agencies
from accounts.access import coordinators_only
from booking.managing.desk_forms import AgencyForm
from booking.places.agency import colleagues
from booking.site.limits import at_most
from booking.site.wording import counted

_PEOPLE_PER_PAGE = 30


@never_cache
@coordinators_only
@require_GET
def unlisted(request: HttpRequest) -> HttpResponse:
    """People who found their agency not listed."""
    people = Paginator(agencies.people_without_agency(), _PEOPLE_PER_PAGE)
    context = {"page_obj": people.get_page(request.GET.get("page"))}
    return render(request, "manage/unlisted.html", context)


@never_cache
@at_most(60)
@coordinators_only
def settle(request: HttpRequest, person_id: int) -> HttpResponse:
    """Put one of them, and those who wrote the same, into an agency that exists or a new one."""
    person = get_object_or_404(agencies.people_without_agency(), pk=person_id)
    others = list(agencies.others_who_wrote_the_same(person)[:100])
    typed = request.POST if request.method == "POST" else None
    form = AgencyForm(typed, person=person, others=len(others))
    if form.is_valid():
        try:
            agency = form.chosen_agency or agencies.add_agency(**form.new_agency)
        except agencies.AgencyNameTaken as refused:
            form.add_error("name", refused.sentence)
        else:
            people = [person, *others] if form.cleaned_data.get("with_others") else [person]
            colleagues.settle_agency(people=people, agency=agency)
            settled = counted(len(people), "person", "people")
            messages.success(request, f"{settled} settled in {agency.name}.")
            return redirect("manage_unlisted")
    context = {"person": person, "others": others, "form": form}
    return render(request, "manage/settle.html", context, status=422 if form.errors else 200)
